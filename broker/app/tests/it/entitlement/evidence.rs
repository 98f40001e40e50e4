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
