//! What is owed after an allocation, at the command line.

use crate::entitlement::{APPLICATION, EVIDENCE, FOUNDER, REVIEWER, id, registered, said, stage};
use crate::stage::Stage;

/// The founder's organisation gets hours until 22 February 2031; the id of its final report.
async fn owed(stage: &Stage) -> (String, String) {
    let org = registered(stage).await;
    let evidence = id(&stage.json(FOUNDER, &EVIDENCE).await);
    let check = [
        "review", "evidence", &org, &evidence, "--accept", "--words", "signed",
    ];
    said(stage, REVIEWER, &check).await;
    let file = stage.file("folding.toml", APPLICATION);
    let apply = ["apply", "aif_playground", "meluxina/meluxina", &file];
    let application = id(&stage.json(FOUNDER, &apply).await);
    let days = [
        "--from",
        "2030-11-23",
        "--to",
        "2031-02-22",
        "--reasons",
        "A sound plan.",
    ];
    let accept = [
        "review",
        "application",
        &application,
        "--accept",
        "--hours",
        "1250",
    ];
    stage.json(REVIEWER, &[&accept[..], &days].concat()).await;
    let all = stage.json(FOUNDER, &["follow-ups"]).await;
    let mut all = all.as_array().unwrap().iter();
    let report = all.find(|it| it["kind"] == "final_report").unwrap();
    (org, id(report))
}

#[tokio::test]
async fn a_final_report_is_handed_in_found_insufficient_and_waived() {
    let stage = stage().await;
    let (org, report) = owed(&stage).await;
    for list in [&["follow-ups"][..], &["follow-ups", &org]] {
        let listed = said(&stage, FOUNDER, list).await;
        for part in [
            "final report",
            "2031-05-22",
            "acknowledgement",
            "no day",
            "Folding",
            "open",
        ] {
            assert!(listed.contains(part), "{part}: {listed}");
        }
    }
    let digest = "ab".repeat(32);
    let words = [
        "--words",
        "Four structures.",
        "--link",
        "https://reports.example.eu/1147",
    ];
    let fulfil = [
        &["follow-up", "fulfil", &report][..],
        &words,
        &["--sha256", &digest],
    ]
    .concat();
    let done = said(&stage, FOUNDER, &fulfil).await;
    for part in [
        // Its hours begin in 2030.
        "handed in early, owed still",
        "Four structures.",
        "https://reports.example.eu/1147",
        &digest,
    ] {
        assert!(done.contains(part), "{part}: {done}");
    }
    let again = stage.run(FOUNDER, &fulfil).await;
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.error.contains("it is fulfilled since"), "{again:?}");
    let reopen = [
        "follow-up",
        "reopen",
        &report,
        "--words",
        "Nothing of hours.",
        "--due-on",
        "2031-06-30",
    ];
    let postpone = reopen.map(|it| if it == "reopen" { "postpone" } else { it });
    let late = stage.run(REVIEWER, &postpone).await;
    assert!(late.error.contains("it is fulfilled since"), "{late:?}");
    let reopened = said(&stage, REVIEWER, &reopen).await;
    for part in [
        "open",
        "2031-06-30",
        "due on 2031-05-22 until then: Nothing of hours.",
    ] {
        assert!(reopened.contains(part), "{part}: {reopened}");
    }
    let waive = [
        "follow-up",
        "waive",
        &report,
        "--reason",
        "The machine is gone.",
        "--key",
        "w-1",
    ];
    said(&stage, REVIEWER, &waive).await;
    let waived = said(&stage, REVIEWER, &waive).await;
    assert!(
        waived.contains("waived") && waived.contains("The machine is gone."),
        "{waived}"
    );
    let shown = said(&stage, FOUNDER, &["follow-up", "show", &report]).await;
    assert_eq!(shown, waived);
}

#[tokio::test]
async fn what_cannot_be_is_said_at_its_option_and_nobody_sees_what_is_not_theirs() {
    let stage = stage().await;
    let (_, report) = owed(&stage).await;
    let strange = [
        "follow-up",
        "fulfil",
        &report,
        "--words",
        " ",
        "--link",
        "ftp://x",
    ];
    let refused = stage.run(FOUNDER, &strange).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.error.contains("--words") && refused.error.contains("--link"),
        "{refused:?}"
    );
    let judge = [
        "follow-up",
        "waive",
        &report,
        "--reason",
        "We would rather not.",
    ];
    let refused = stage.run(FOUNDER, &judge).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.error.contains("`reviewer`"), "{refused:?}");
    for person in [FOUNDER, REVIEWER] {
        let overdue = stage.json(person, &["follow-ups", "--overdue"]).await;
        assert_eq!(
            overdue,
            serde_json::json!([]),
            "nothing is overdue before 2031"
        );
    }
    stage.sign_in("ada").await;
    let hidden = stage.run("ada", &["follow-up", "show", &report]).await;
    assert_eq!(hidden.code, 1, "{hidden:?}");
    assert!(hidden.error.contains("alcyone follow-ups"), "{hidden:?}");
}
