use object_store::ObjectStoreExt as _;

use super::*;

#[tokio::test]
async fn evidence_that_nobody_checked_sends_an_application_to_people() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.evidence(&organisation).await;
    let waiting = case.applied(&organisation).await;
    let found = case
        .broker
        .store()
        .find_decision(waiting.found)
        .await
        .unwrap();
    assert_eq!(found.unwrap().result, "needs_review");
    let waits = case
        .broker
        .unchecked_evidence(&case.reviewer, None)
        .await
        .unwrap();
    assert_eq!(waits.len(), 1);
}

#[tokio::test]
async fn refused_and_withdrawn_evidence_counts_for_nothing() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, false).await;
    let evidence = case.evidence(&organisation).await;
    let withdrawn = case
        .broker
        .withdraw_evidence(&case.founder, (organisation.id, evidence.id));
    assert!(withdrawn.await.unwrap().withdrawn_at.is_some());
    let refused = case
        .broker
        .apply(&case.founder, &application(&organisation))
        .await;
    assert!(matches!(refused, Err(Error::NotEligible(_))), "{refused:?}");
    let finding = EvidenceFinding {
        again: false,
        accepted: true,
        words: "late".to_owned(),
        files: None,
    };
    let late = case
        .broker
        .check_evidence(&case.reviewer, (organisation.id, evidence.id), finding);
    assert!(matches!(late.await, Err(Error::NotWaiting(_))));
    let waits = case
        .broker
        .unchecked_evidence(&case.reviewer, None)
        .await
        .unwrap();
    assert!(waits.is_empty(), "{waits:?}");
}

#[tokio::test]
async fn evidence_of_yesterday_of_tomorrow_and_of_no_kind_is_refused_by_field() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    for (change, field) in [
        (json!({ "expires_on": "2026-11-19" }), "expires_on"),
        (json!({ "expires_on": "2026-09-30" }), "expires_on"),
        (json!({ "issued_on": "2026-11-21" }), "issued_on"),
        (json!({ "issued_on": "2024-07-31" }), "issued_on"),
        (
            json!({ "issued_on": "0001-01-01", "kind": "ai_pact_pledge" }),
            "issued_on",
        ),
        (json!({ "kind": "horoscope" }), "kind"),
        (json!({ "source": " " }), "source"),
    ] {
        let mut draft = serde_json::to_value(evidence()).unwrap();
        for (key, value) in change.as_object().unwrap() {
            draft[key] = value.clone();
        }
        let draft: EvidenceDraft = serde_json::from_value(draft).unwrap();
        let error = case
            .broker
            .hand_in_evidence(&case.founder, organisation.id, &draft);
        assert_eq!(fields(&error.await.unwrap_err()), [field]);
    }
    let mut first_day = evidence();
    first_day.issued_on = "2024-08-01".parse().unwrap();
    let taken = case
        .broker
        .hand_in_evidence(&case.founder, organisation.id, &first_day);
    taken.await.unwrap();
    let mut last_day = evidence();
    last_day.expires_on = Some("2026-11-20".parse().unwrap());
    let taken = case
        .broker
        .hand_in_evidence(&case.founder, organisation.id, &last_day);
    taken.await.unwrap();
}

#[tokio::test]
async fn a_file_is_kept_under_its_digest_with_evidence_that_is_not_judged_yet() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let evidence = case.evidence(&organisation).await;
    let of = (organisation.id, evidence.id);
    let upload = Upload {
        name: "assessment.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        bytes: "%PDF-1.7 assessment".into(),
    };
    let (broker, founder) = (&case.broker, &case.founder);
    let kept = broker
        .add_evidence_file(founder, of, upload.clone())
        .await
        .unwrap();
    let again = broker
        .add_evidence_file(founder, of, upload.clone())
        .await
        .unwrap();
    assert_eq!((kept.files.len(), &again.files), (1, &kept.files));
    let sha256 = &kept.files[0].sha256;
    let (file, bytes) = broker
        .evidence_file(&case.reviewer, of, sha256)
        .await
        .unwrap();
    assert_eq!(
        (file.name.as_str(), &bytes),
        ("assessment.pdf", &upload.bytes)
    );
    let stranger = broker.caller(principal("stranger")).await.unwrap();
    let hidden = broker.evidence_file(&stranger, of, sha256).await;
    assert!(matches!(hidden, Err(Error::NotFound(_))), "{hidden:?}");
    let finding = EvidenceFinding {
        again: false,
        accepted: true,
        words: "whole".to_owned(),
        files: Some(vec![sha256.clone()]),
    };
    broker
        .check_evidence(&case.reviewer, of, finding)
        .await
        .unwrap();
    let other = Upload {
        bytes: "%PDF-1.7 another".into(),
        ..upload
    };
    let late = broker.add_evidence_file(founder, of, other).await;
    assert!(
        matches!(late, Err(Error::NotWaiting(_))),
        "what was judged stays as it was judged"
    );
}

#[tokio::test]
async fn a_file_that_somebody_changed_or_took_away_is_said_to_be_that() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let evidence = case.evidence(&organisation).await;
    let of = (organisation.id, evidence.id);
    let upload = Upload {
        name: "assessment.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        bytes: "%PDF-1.7 assessment".into(),
    };
    let broker = &case.broker;
    let kept = broker.add_evidence_file(&case.founder, of, upload).await;
    let sha256 = &kept.unwrap().files[0].sha256;
    let place = object_store::path::Path::from_iter(["evidence", sha256]);
    let files = &case.world.files;
    files.put(&place, "%PDF-1.7 better".into()).await.unwrap();
    let changed = broker.evidence_file(&case.reviewer, of, sha256).await;
    assert!(
        matches!(&changed, Err(Error::FileChanged(it)) if it == sha256),
        "{changed:?}"
    );
    files.delete(&place).await.unwrap();
    let lost = broker.evidence_file(&case.reviewer, of, sha256).await;
    assert!(
        matches!(&lost, Err(Error::FileLost(it)) if it == sha256),
        "{lost:?}"
    );
}

#[tokio::test]
async fn evidence_is_judged_with_the_files_that_were_looked_at_and_no_others() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let of = (organisation.id, case.evidence(&organisation).await.id);
    let upload = |text: &'static str| Upload {
        name: "assessment.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        bytes: text.into(),
    };
    let broker = &case.broker;
    let add = async |text| {
        let kept = broker.add_evidence_file(&case.founder, of, upload(text));
        kept.await.unwrap().files.last().unwrap().sha256.clone()
    };
    let first = add("%PDF-1.7 first").await;
    let shown = |files: &[&String]| EvidenceFinding {
        accepted: true,
        words: "whole".to_owned(),
        files: Some(files.iter().map(|it| (*it).clone()).collect()),
        again: false,
    };
    let second = add("%PDF-1.7 second, after the page was read").await;
    for files in [&[][..], &[&first]] {
        let refused = broker.check_evidence(&case.reviewer, of, shown(files));
        let error = refused.await.unwrap_err();
        let Error::NotWaiting(words) = &error else {
            panic!("{error:?}");
        };
        assert!(words.contains(&first) && words.contains(&second), "{words}");
    }
    let judged = broker.check_evidence(&case.reviewer, of, shown(&[&second, &first]));
    assert!(judged.await.unwrap().is_checked());
    let ledger = broker_store::Ledger::entries(&case.world.store().await, 0, 500)
        .await
        .unwrap();
    let entry = ledger
        .iter()
        .find(|it| it.text.contains("evidence.checked"));
    let entry = &entry.unwrap().text;
    assert!(entry.contains(&first) && entry.contains(&second), "{entry}");
}

#[tokio::test]
async fn evidence_that_nobody_judges_is_taken_up_to_a_number_and_again_once_some_is_taken_back() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let draft = evidence();
    let hand_in = async || {
        let made = case
            .broker
            .hand_in_evidence(&case.founder, organisation.id, &draft);
        made.await
    };
    let first = hand_in().await.unwrap();
    for _ in 1..50 {
        hand_in().await.unwrap();
    }
    let more = hand_in().await;
    assert!(matches!(more, Err(Error::AlreadySo(_))), "{more:?}");
    let of = (organisation.id, first.id);
    let withdrawn = case.broker.withdraw_evidence(&case.founder, of).await;
    withdrawn.unwrap();
    hand_in().await.unwrap();
}

#[tokio::test]
async fn evidence_that_is_taken_back_at_once_counts_for_a_month() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let draft = evidence();
    let hand_in = async || {
        let (broker, of) = (&case.broker, organisation.id);
        broker.hand_in_evidence(&case.founder, of, &draft).await
    };
    for _ in 0..200 {
        let of = (organisation.id, hand_in().await.unwrap().id);
        let withdrawn = case.broker.withdraw_evidence(&case.founder, of).await;
        withdrawn.unwrap();
    }
    let more = hand_in().await;
    assert!(matches!(more, Err(Error::AlreadySo(_))), "{more:?}");
    case.world.pass(30 * 24 * 3600);
    hand_in().await.unwrap();
}

#[tokio::test]
async fn evidence_whose_files_would_not_be_taken_is_refused_before_it_is_made() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let announced = |name: &str, media_type: &str, size_bytes| AnnouncedFile {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        size_bytes,
    };
    let mut draft = evidence();
    draft.files = vec![
        announced("big.pdf", "application/pdf", 1024 * 1024 + 1),
        announced("none.pdf", "application/pdf", 0),
        announced("run.exe", "application/x-msdownload", 1),
        announced("a/b.png", "image/png", 1),
    ];
    let refused = case.broker;
    let made = refused.hand_in_evidence(&case.founder, organisation.id, &draft);
    let at = [
        "files[0].size_bytes",
        "files[1].size_bytes",
        "files[2].media_type",
        "files[3].name",
    ];
    assert_eq!(fields(&made.await.unwrap_err()), at);
    let kept = refused.evidence(&case.founder, organisation.id).await;
    assert!(kept.unwrap().is_empty());
    draft.files = vec![announced("good.pdf", "application/pdf", 1024 * 1024)];
    let made = refused.hand_in_evidence(&case.founder, organisation.id, &draft);
    made.await.unwrap();
}

#[tokio::test]
async fn what_was_found_is_found_otherwise_only_by_who_says_that_it_was_found() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let evidence = case.checked(&organisation, true).await;
    let of = (organisation.id, evidence.id);
    let finding = |again| EvidenceFinding {
        again,
        accepted: false,
        words: "the signature is another's".to_owned(),
        files: None,
    };
    let (broker, reviewer) = (&case.broker, &case.reviewer);
    let blind = broker.check_evidence(reviewer, of, finding(false)).await;
    let Err(Error::NotWaiting(words)) = blind else {
        panic!("{blind:?}");
    };
    assert!(
        words.starts_with("it was accepted at 2026-11-20"),
        "{words}"
    );
    let again = broker.check_evidence(reviewer, of, finding(true)).await;
    assert!(!again.unwrap().stands());
}

#[tokio::test]
async fn what_a_decision_on_an_application_names_stays_though_nobody_looked_at_it() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let named = case.evidence(&organisation).await;
    case.applied(&organisation).await;
    let draft = EvidenceDraft {
        issued_on: "2026-09-01".parse().unwrap(),
        ..evidence()
    };
    let (broker, founder) = (&case.broker, &case.founder);
    let later = broker.hand_in_evidence(founder, organisation.id, &draft);
    let later = later.await.unwrap();
    for one in [&named, &later] {
        let withdrawn = broker.withdraw_evidence(founder, (organisation.id, one.id));
        withdrawn.await.unwrap();
    }
    case.world.pass(400 * 24 * 3600);
    let done = broker.retain_once().await.unwrap();
    assert_eq!(done.gone.get("evidence"), Some(&1), "{done:?}");
    for (one, stays) in [(named, true), (later, false)] {
        let found = broker.store().find_dossier(&one.id.to_string()).await;
        assert_eq!(found.unwrap().is_some(), stays, "{one:?}");
    }
}
