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
        science.contains("is for research, public sector"),
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
        "eligible with site_ethics_board, checked",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(!ran.out.contains("aif_fast_lane"), "{}", ran.out);
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
