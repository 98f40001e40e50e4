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
