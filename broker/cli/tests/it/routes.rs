use crate::stage::Stage;

const ASKS: [&str; 9] = [
    "routes",
    "--country",
    "FR",
    "--kind",
    "company",
    "--size",
    "small",
    "--startup",
    "--civilian",
];

async fn signed_in() -> Stage {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    stage
}

#[tokio::test]
async fn routes_are_listed_with_the_reasons_and_exit_1_while_none_is_open() {
    let stage = signed_in().await;
    let ran = stage.run("ada", &ASKS).await;
    assert_eq!(ran.code, 1, "{}", ran.error);
    let of = |mode: &str, system: &str| {
        let mut lines = ran.out.lines();
        let found = lines.find(|it| it.starts_with(mode) && it.contains(system));
        found.unwrap().to_owned()
    };
    let play = of("aif_playground", "cineca/leonardo");
    for part in [
        "needs evidence",
        "free",
        "2026-11-24",
        "no accepted evidence is at hand",
    ] {
        assert!(play.contains(part), "{part}: {play}");
    }
    assert!(play.contains("2025-04-01"), "since when: {play}");
    assert!(
        ran.out.contains("aif_playground is not offered at: "),
        "{}",
        ran.out
    );
    let science = of("aif_ai_for_science", "lumi/lumi");
    assert!(science.contains("not eligible"), "{science}");
    assert!(
        science.contains("is for research organisation, public body"),
        "{science}"
    );
}

#[tokio::test]
async fn one_mode_is_told_with_its_rules_their_sources_and_what_would_change_the_answer() {
    let stage = signed_in().await;
    let more = [
        "--mode",
        "aif_playground",
        "--evidence",
        "seal_of_excellence=2026-03-01",
    ];
    let ran = stage.run("ada", &[&ASKS[..], &more[..]].concat()).await;
    assert_eq!(ran.code, 1, "nobody has checked the evidence");
    for part in [
        "aif_playground at lumi/lumi: needs review",
        "(ethics.unchecked)",
        "source: Access conditions of the AI factories",
        "eligible with Approval of a site's ethics board, checked",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(!ran.out.contains("aif_fast_lane"), "{}", ran.out);
}

#[tokio::test]
async fn one_mode_is_told_with_hours_months_share_state_documents_duties_and_the_clock() {
    let stage = signed_in().await;
    let ran = stage
        .run("ada", &[&ASKS[..], &["--mode", "aif_playground"]].concat())
        .await;
    for part in [
        "\n  offered: lumi/lumi open",
        "\n  hours of the share: union\n",
        "\n  GPU-hours: about 5000\n",
        "\n  months: 1, 2, 3\n",
        "\n  costs: free of charge\n",
        "\n  asked for: ",
        "\n  owed: final report, 3 months after the end\n",
        "\n  an application of today is decided by: 2026-11-24\n",
        "certain, ",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let full = stage.run("ada", &[&ASKS[..], &["--full"]].concat()).await;
    assert!(full.out.contains("\naif_fast_lane at "), "{}", full.out);
    let listed = stage.run("ada", &ASKS).await;
    assert!(!listed.out.contains("owed:"), "{}", listed.out);
}

#[tokio::test]
async fn what_the_ai_act_says_is_asked_by_flags_and_from_the_file_of_an_application() {
    let stage = signed_in().await;
    let plain = [
        "routes",
        "--country",
        "FR",
        "--size",
        "small",
        "--kind",
        "company",
    ];
    let only = ["--mode", "aif_playground"];
    let prohibited = ["--prohibited", "social_scoring"];
    let ran = stage
        .run("ada", &[&plain[..], &only, &prohibited].concat())
        .await;
    assert!(ran.out.contains("(ai_act.prohibited)"), "{}", ran.out);
    let file = stage.file(
        "project.toml",
        "[project]\nname = \"\"\npurpose = \"\"\nsectors = [\"health\"]\ncivilian = true\n\
         [project.ai_act]\nprohibited = [\"social_scoring\"]\n\
         [need]\ngpu_hours = 0\nmonths = 0\n[answers]\nplan = \"\"\n",
    );
    let from_file = ["--project", &file];
    let ran = stage
        .run("ada", &[&plain[..], &only, &from_file].concat())
        .await;
    assert!(ran.out.contains("(ai_act.prohibited)"), "{}", ran.out);
    let without = stage.run("ada", &[&plain[..], &only].concat()).await;
    assert!(
        !without.out.contains("(ai_act.prohibited)"),
        "{}",
        without.out
    );
    let wrong = stage.file("wrong.toml", "[project]\ncivil = true\n");
    let ran = stage
        .run("ada", &[&plain[..], &["--project", &wrong]].concat())
        .await;
    assert_eq!(ran.code, 2, "{}", ran.error);
    assert!(ran.error.contains("civil"), "{}", ran.error);
}

#[tokio::test]
async fn words_come_in_the_language_that_is_asked_for_before_or_after_the_verb() {
    let stage = signed_in().await;
    let only = ["--mode", "aif_playground"];
    let asks = [&ASKS[..], &only].concat();
    let english = stage.run("ada", &asks).await;
    let before = stage
        .run("ada", &[&["--language", "fr"][..], &asks].concat())
        .await;
    let after = stage
        .run("ada", &[&asks[..], &["--language", "fr"]].concat())
        .await;
    assert_eq!(before.out, after.out);
    assert!(
        before.out.contains("Accès Playground aux fabriques d'IA"),
        "{}",
        before.out
    );
    assert_ne!(before.out, english.out);
}

#[tokio::test]
async fn evidence_without_its_day_and_a_mode_that_there_is_not_are_wrong_use() {
    let stage = signed_in().await;
    let ran = stage
        .run("ada", &[&ASKS[..], &["--mode", "playground"]].concat())
        .await;
    assert_eq!(ran.code, 2);
    assert!(
        ran.error.contains("`alcyone modes` lists them"),
        "{}",
        ran.error
    );
    let kind = ["--evidence", "good_will=2026-03-01"];
    let ran = stage.run("ada", &[&ASKS[..], &kind[..]].concat()).await;
    assert_eq!(ran.code, 2, "{}", ran.error);
    assert!(
        ran.error.contains("is no kind of evidence"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn what_aid_there_was_is_said_by_flags_and_in_the_file_of_an_application() {
    let stage = signed_in().await;
    let finnish = ASKS.map(|it| if it == "FR" { "FI" } else { it });
    let asks = [&finnish[..], &["--mode", "national_lumi"]].concat();
    let told = async |more: &[&str]| {
        let ran = stage.run("ada", &[&asks[..], more].concat()).await;
        assert_eq!(ran.code, 1, "{ran:?}");
        ran.out
    };
    let silent = told(&[]).await;
    assert!(silent.contains("(de_minimis.unknown)"), "{silent}");
    for part in [
        "no de minimis aid but what is registered here",
        "hours worth up to 300000 EUR",
        "Statement of de minimis aid received in three years, checked",
    ] {
        assert!(silent.contains(part), "{part}: {silent}");
    }
    let file = stage.file(
        "aid.toml",
        "[aid]\nreceived_eur = 299000\nworth_eur = 1001\n",
    );
    let over = told(&["--project", &file]).await;
    assert!(over.contains("(de_minimis.exceeded)"), "{over}");
    assert!(over.contains("hours worth up to 1000 EUR"), "{over}");
    let under = told(&["--project", &file, "--aid-worth", "1000"]).await;
    assert!(under.contains("(de_minimis.not_shown)"), "{under}");
    assert!(!under.contains("(de_minimis.exceeded)"), "{under}");
    let open = stage.file("open.toml", "[aid]\n# received_eur = 0\n");
    let unsaid = told(&["--project", &open]).await;
    assert!(unsaid.contains("(de_minimis.unknown)"), "{unsaid}");
    let worth = [&asks[..], &["--aid-worth", "1"]].concat();
    let ran = stage.run("ada", &worth).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.error.contains("aid.received_eur is missing"),
        "{}",
        ran.error
    );
}
