use broker_ledger::{Hash, leaf_hash, verify_consistency, verify_inclusion};

use super::case::{Case, EMAIL, NAME};
use crate::books::audit;
use crate::world::{principal, sealer};

#[tokio::test]
async fn every_proof_of_before_and_after_an_erasure_verifies() {
    let case = Case::new().await;
    case.judged("refused", false).await;
    case.closed_referral().await;
    case.profile().await;
    case.cancelled_job().await;
    case.session().await;
    let broker = &case.broker;
    let before = audit(broker).await;
    let old = broker.store().entries(0, 10_000).await.unwrap();
    let checkpoint = broker.store().latest_checkpoint().await.unwrap();

    broker.erase_person(case.ada.person).await.unwrap();
    broker.seal_once(&sealer()).await.unwrap();
    case.days(400);
    let gone = broker.retain_once().await.unwrap().gone;
    assert!(
        gone.contains_key("jobs") && gone.contains_key("evidence"),
        "{gone:?}"
    );

    let after = audit(broker).await;
    assert!(after.size > before.size);
    let now = broker.store().entries(0, 10_000).await.unwrap();
    assert_eq!(
        now[..old.len()],
        old[..],
        "not a byte of what was written is another"
    );
    let kept = broker.store().checkpoint_at(before.size).await.unwrap();
    assert_eq!(kept, checkpoint);
    let auditor = broker.caller(principal("auditor")).await.unwrap();
    let newest = broker.store().latest_checkpoint().await.unwrap().unwrap();
    let root: Hash = newest.root_hex.parse().unwrap();
    for row in &now {
        let proof = broker.inclusion(&auditor, row.seq, None).await.unwrap();
        let leaf = leaf_hash(row.text.as_bytes());
        verify_inclusion(&leaf, row.seq, newest.tree_size, &proof.proof, &root).unwrap();
    }
    let sizes = (before.size, after.size);
    let proof = broker.consistency(sizes.0, sizes.1).await.unwrap();
    let roots = (&proof.from_root, &proof.to_root);
    verify_consistency(sizes.0, roots.0, sizes.1, roots.1, &proof.proof).unwrap();
}

#[tokio::test]
async fn no_entry_says_a_name_an_address_or_words_of_people() {
    let case = Case::new().await;
    case.judged("refused", false).await;
    case.withdrawn("withdrawn").await;
    case.closed_referral().await;
    case.profile().await;
    case.cancelled_job().await;
    case.session().await;
    case.answer().await;
    let broker = &case.broker;
    broker
        .set_hold(case.subject(), "Ada is in court")
        .await
        .unwrap();
    broker.lift_hold(case.subject()).await.unwrap();
    broker.request_erasure(&case.ada).await.unwrap();
    broker.erase_person(case.ada.person).await.unwrap();
    case.days(400);
    broker.retain_once().await.unwrap();
    for row in broker.store().entries(0, 10_000).await.unwrap() {
        for secret in [
            NAME,
            EMAIL,
            "Ada",
            "\"ada\"",
            "looked at",
            "form.txt",
            "+33",
        ] {
            assert!(!row.text.contains(secret), "{secret}: {}", row.text);
        }
    }
}
