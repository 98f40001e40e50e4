//! What the program says itself, for somebody who reads French.

use crate::entitlement::{
    APPLICATION, EVIDENCE, FOUNDER, ORGANISATION, REVIEWER, id, registered, said, stage,
};
use crate::stage::Stage;

async fn in_french(stage: &Stage, person: &str, words: &[&str], expected: &[&str]) -> String {
    let shown = said(stage, person, &[&["--language", "fr"], words].concat()).await;
    for text in expected {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    shown
}

#[tokio::test]
async fn a_founder_is_told_in_french_from_the_registration_to_the_application() {
    let stage = stage().await;
    let file = stage.file("pleione.toml", ORGANISATION);
    let none = "vous n'en représentez encore aucune : `alcyone organisation register`";
    in_french(&stage, FOUNDER, &["organisations"], &[none]).await;
    let registered = ["organisation", "register", &file];
    let expected = [
        "Pleione Labs est inscrite, et vous la représentez",
        "taille",
        "petite, telle que déclarée",
    ];
    in_french(&stage, FOUNDER, &registered, &expected).await;
    let org = id(&stage.json(FOUNDER, &["organisations"]).await[0]);
    in_french(
        &stage,
        FOUNDER,
        &["organisations"],
        &["ORGANISATION", "PAYS", "entreprise"],
    )
    .await;

    let evidence = id(&stage.json(FOUNDER, &EVIDENCE).await);
    in_french(
        &stage,
        FOUNDER,
        &["evidence"],
        &["PREUVE", "attend un évaluateur"],
    )
    .await;
    in_french(
        &stage,
        REVIEWER,
        &["review"],
        &["DEPUIS", "SANS FICHIER", "pas promise"],
    )
    .await;
    let accept = [
        "review", "evidence", &org, &evidence, "--accept", "--words", "Read.",
    ];
    in_french(
        &stage,
        REVIEWER,
        &accept,
        &[&format!("{evidence} : ai_act_self_assessment est vérifiée")],
    )
    .await;

    let file = stage.file("folding.toml", APPLICATION);
    let apply = ["apply", "aif_playground", "meluxina/meluxina", &file];
    in_french(
        &stage,
        FOUNDER,
        &apply,
        &["est déposée, à décider avant le 2026-11-24"],
    )
    .await;
    let application = id(&stage.json(FOUNDER, &["applications"]).await[0]);
    let expected = ["DEMANDE", "DÉCIDÉ AVANT LE", "déposée"];
    in_french(&stage, FOUNDER, &["applications"], &expected).await;
    let show = ["application", "show", &application];
    let expected = [
        "5000 heures GPU en 3 mois",
        "civil           oui",
        "décidé avant le 2026-11-24",
        "la refait",
    ];
    let shown = in_french(&stage, FOUNDER, &show, &expected).await;
    assert!(!shown.contains("purpose"), "{shown}");
}

#[tokio::test]
async fn routes_are_told_in_french_without_a_label_in_english() {
    let stage = stage().await;
    registered(&stage).await;
    let routes = stage
        .run(
            FOUNDER,
            &["routes", "--civilian", "--full", "--language", "fr"],
        )
        .await;
    assert_eq!(routes.code, 1, "{routes:?}");
    for text in [
        "SYSTÈME",
        "POURQUOI PAS",
        "preuve manquante",
        "en vigueur depuis le",
        "remède : ",
        "offert : ",
        ": fermé en raison de l'afflux de demandes",
        "pas pour ce demandeur",
        "Autoévaluation au regard du règlement sur l'IA",
    ] {
        assert!(routes.out.contains(text), "{text}: {}", routes.out);
    }
    for text in [
        "WHY NOT",
        "needs evidence",
        "source: ",
        "remedy: ",
        "decided by",
        "ai_act_self_assessment, ",
        "not served",
        "closed for demand",
    ] {
        assert!(!routes.out.contains(text), "{text}: {}", routes.out);
    }
}

#[tokio::test]
async fn json_is_the_same_in_every_language_and_so_is_an_exit_code() {
    let stage = stage().await;
    let file = stage.file("pleione.toml", ORGANISATION);
    stage
        .json(FOUNDER, &["organisation", "register", &file])
        .await;
    for words in [
        &["organisations"][..],
        &["evidence"],
        &["applications"],
        &["whoami"],
    ] {
        let french = [&["--language", "fr"], words].concat();
        assert_eq!(
            stage.json(FOUNDER, words).await,
            stage.json(FOUNDER, &french).await
        );
    }
    let unknown = ["modes", "playground"];
    let english = stage.run(FOUNDER, &unknown).await;
    let french = stage
        .run(FOUNDER, &[&unknown[..], &["--language", "fr"]].concat())
        .await;
    assert_eq!((english.code, french.code), (2, 2));
    assert!(
        french.error.contains("`alcyone modes` les énumère"),
        "{french:?}"
    );
    let asked = [&unknown[..], &["--language", "fr", "--json"]].concat();
    let programs = stage.run(FOUNDER, &asked).await;
    assert!(
        programs.out.contains("`alcyone modes` lists them"),
        "{programs:?}"
    );
    let german = stage
        .run(FOUNDER, &[&unknown[..], &["--language", "de"]].concat())
        .await;
    assert_eq!(german.error, english.error);
}
