//! From a need to a support centre that helped, and two sides that meet.

use broker_cli::Cli;
use clap::Parser as _;

use crate::entitlement::{FOUNDER, REVIEWER, id, registered, stage};
use crate::stage::Stage;

/// Of the staff of `lumi` and `bsc`.
const STAFF: &str = "cleo";

const PROFILE: &str = r#"side = "startup"
sectors = ["health"]
seeks = "A partner for trials."
offers = "Models of proteins."
contact = "hello@side.example"
"#;

async fn staffed() -> Stage {
    let stage = stage().await;
    stage.sign_in(STAFF).await;
    stage.sign_in("operator").await;
    stage
}

async fn referred(stage: &Stage) -> String {
    let words = ["--words", "We want to train on many nodes."];
    let refer = [
        "refer",
        "lumi",
        "--service",
        "training",
        "--language",
        "en",
        "--key",
        "r1",
    ];
    let refer = [&refer[..], &words].concat();
    let one = id(&stage.json(FOUNDER, &refer).await);
    let again = id(&stage.json(FOUNDER, &refer).await);
    assert_eq!(one, again, "the same key");
    one
}

/// Says what it prints of a verb that must succeed.
async fn said(stage: &Stage, person: &str, words: &[&str]) -> String {
    let ran = stage.run(person, words).await;
    assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
    ran.out
}

#[tokio::test]
async fn a_founder_is_sent_to_a_centre_and_follows_it_to_its_outcome() {
    let stage = staffed().await;
    registered(&stage).await;
    let centres = said(&stage, FOUNDER, &["centres"]).await;
    assert!(
        centres.contains("lumi") && centres.contains("LANGUAGES"),
        "{centres}"
    );
    for words in [
        "Attracting talent, ",
        "\n  talent                   Attracting talent",
    ] {
        assert!(centres.contains(words), "{words}: {centres}");
    }
    let finance = said(&stage, FOUNDER, &["finance"]).await;
    for words in [
        "EIC Accelerator?  https://eic.ec.europa.eu/",
        "GenAI4EU?  no address is known",
    ] {
        assert!(finance.contains(words), "{finance}");
    }
    let finance = stage.json(FOUNDER, &["finance"]).await;
    assert_eq!(finance[1]["id"], "investeu");
    let find = ["centres", "find", "--service", "training"];
    let ranked = said(&stage, FOUNDER, &find).await;
    assert!(ranked.contains("\n1     "), "{ranked}");
    let reasons = said(&stage, FOUNDER, &[&find[..], &["--reasons"]].concat()).await;
    assert!(reasons.starts_with("1. "), "{reasons}");

    let one = referred(&stage).await;
    let waiting = said(&stage, STAFF, &["referrals", "--centre", "lumi"]).await;
    assert!(
        waiting.contains(&one) && waiting.contains("due by"),
        "{waiting}"
    );
    let hand_over = ["--to", "bsc", "--reason", "They train."];
    let close = ["--outcome", "helped", "--words", "Trained."];
    for (verb, more, state) in [
        ("acknowledge", &[][..], "acknowledged at lumi"),
        ("hand-over", &hand_over, "sent to bsc"),
        ("accept", &[], "accepted at bsc"),
        ("close", &close, "closed, helped at bsc"),
    ] {
        let words = [&["referral", verb, &one][..], more].concat();
        let told = said(&stage, STAFF, &words).await;
        assert!(told.starts_with(&format!("{one} is {state}")), "{told}");
        let shown = said(&stage, FOUNDER, &["referral", "show", &one]).await;
        assert!(shown.starts_with(&format!("{one}: {state}")), "{shown}");
    }
    let shown = said(&stage, FOUNDER, &["referral", "show", &one]).await;
    let clock = shown.lines().find(|it| it.starts_with("acknowledged"));
    let clock = clock.unwrap().split_whitespace().last();
    assert_eq!(clock, Some("-"), "bsc accepted straight away: {shown}");
    for part in [
        "handed over to bsc: They train.",
        "closed, helped: Trained.",
        "We want to train",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let listed = stage.json(FOUNDER, &["referrals"]).await;
    assert_eq!(listed[0]["state"], "closed");
    let overdue = said(&stage, "operator", &["referrals", "--overdue"]).await;
    assert_eq!(overdue.lines().count(), 1, "{overdue}");
    let late = stage.run(FOUNDER, &["referral", "withdraw", &one]).await;
    assert_eq!(late.code, 1, "{late:?}");
}

#[tokio::test]
async fn what_no_centre_can_take_is_said_with_its_place_and_what_is_allowed() {
    let stage = staffed().await;
    registered(&stage).await;
    let words = ["--words", "Help."];
    for (begin, parts) in [
        (
            ["refer", "lumi", "--service", "poetry"],
            ["--service: there is no service `poetry`", "training"],
        ),
        (
            ["refer", "nowhere", "--service", "training"],
            ["CENTRE: ", "lumi"],
        ),
    ] {
        let ran = stage.run(FOUNDER, &[&begin[..], &words].concat()).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        for part in parts {
            assert!(ran.error.contains(part), "{part}: {}", ran.error);
        }
    }
    let one = referred(&stage).await;
    let decline = ["alcyone", "referral", "decline", &one];
    let error = Cli::try_parse_from(decline).unwrap_err();
    assert!(error.to_string().contains("--reason <REASON>"), "{error}");
    let empty = ["referral", "decline", &one, "--reason", " "];
    let ran = stage.run(STAFF, &empty).await;
    assert!(
        ran.code == 2 && ran.error.contains("--reason: says nothing"),
        "{ran:?}"
    );
    let ran = stage.run(FOUNDER, &["referral", "accept", &one]).await;
    assert!(
        ran.code == 1 && ran.error.contains("`centre_staff`"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn two_sides_see_who_the_other_is_once_both_would_meet() {
    let stage = stage().await;
    registered(&stage).await;
    let other = [
        "organisation",
        "register",
        "--name",
        "Maia",
        "--country",
        "FR",
        "--kind",
        "company",
    ];
    stage.json(REVIEWER, &other).await;
    let ours = stage.file("ours.toml", PROFILE);
    let theirs = stage.file("theirs.toml", &PROFILE.replace("startup", "established"));
    said(&stage, FOUNDER, &["matching", "publish", &ours]).await;
    said(&stage, REVIEWER, &["matching", "publish", &theirs]).await;
    for (person, contact) in [(FOUNDER, "once both"), (REVIEWER, "Pleione Labs, hello@")] {
        let matches = stage.json(person, &["matches"]).await;
        let profile = matches[0]["profile"].as_str().unwrap();
        let met = said(&stage, person, &["matches", "interest", profile]).await;
        assert!(met.contains(contact), "{met}");
    }
    let gone = said(&stage, FOUNDER, &["matching", "withdraw"]).await;
    assert!(
        gone.contains("withdrawn at") && !gone.contains("hello@"),
        "{gone}"
    );
}
