use broker_app::{SignatoryImport, read_signatories};
use broker_model::{EntryKind, PLEDGE_EVIDENCE, SignatoryHint};

use super::*;

async fn imported(case: &Case, day: &str, text: &str) -> SignatoryImport {
    let table = read_signatories(text.as_bytes());
    let source = (day.parse().unwrap(), "page of the Commission");
    let done = case.broker.import_signatories(&table, source, false);
    done.await.unwrap()
}

async fn hint(case: &Case, of: &Organisation) -> SignatoryHint {
    let hint = case.broker.signatory_hint(&case.reviewer, of.id);
    hint.await.unwrap()
}

fn names(hint: &SignatoryHint) -> Vec<&str> {
    hint.reads_like.iter().map(|it| it.name.as_str()).collect()
}

#[tokio::test]
async fn a_name_on_the_newest_list_is_a_hint_for_reviewers_alone() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    assert_eq!(hint(&case, &organisation).await, SignatoryHint::default());
    imported(
        &case,
        "2026-11-01",
        "name,country\n\"PLÉIONE LABS, SAS\",FR\nMaia,DE\n",
    )
    .await;
    let found = hint(&case, &organisation).await;
    assert_eq!(names(&found), ["PLÉIONE LABS, SAS"]);
    assert_eq!(found.list.unwrap().names, 2);
    imported(&case, "2026-11-15", "name\nMaia\n").await;
    imported(&case, "2026-11-10", "name\nPleione Labs\n").await;
    let newest = hint(&case, &organisation).await;
    assert_eq!(names(&newest), [""; 0], "the list of the 15th counts");
    assert_eq!(newest.list.unwrap().as_of.to_string(), "2026-11-15");
    let refused = case.broker.signatory_hint(&case.founder, organisation.id);
    assert!(matches!(refused.await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn an_organisation_on_the_list_without_evidence_still_needs_evidence() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let draft = application(&organisation);
    let before = case.broker.apply(&case.founder, &draft);
    let before = before.await.unwrap_err();
    imported(&case, "2026-11-01", "name,country\nPleione Labs,FR\n").await;
    assert_eq!(names(&hint(&case, &organisation).await), ["Pleione Labs"]);
    let after = case.broker.apply(&case.founder, &draft);
    let after = after.await.unwrap_err();
    let (Error::NotEligible(before), Error::NotEligible(after)) = (before, after) else {
        panic!("both are refused");
    };
    assert_eq!(after.decision.result, Outcome::NeedsEvidence);
    assert_eq!(before.decision.result, after.decision.result);
}

#[tokio::test]
async fn a_list_is_entered_once_by_day_and_digest_and_of_one_day_the_last_counts() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let store = case.broker.store().clone();
    let before = store.ledger_size().await.unwrap();
    let first = imported(&case, "2026-11-01", "name\nMaia\nAtlas\n").await;
    assert_eq!((first.added.len(), first.gone.len()), (2, 0));
    assert!(
        imported(&case, "2026-11-01", "name\nMaia\nAtlas\n")
            .await
            .is_known
    );
    case.world.pass(60);
    let mended = imported(&case, "2026-11-01", "name\nMaia\nPleione Labs\n").await;
    assert_eq!(mended.added, ["Pleione Labs"]);
    assert_eq!(mended.gone, ["Atlas"]);
    assert_eq!(names(&hint(&case, &organisation).await), ["Pleione Labs"]);
    let entries = store.entries(before, 10).await.unwrap();
    let bodies: Vec<_> = entries.iter().map(|it| it.body().unwrap()).collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    for (body, list) in bodies.iter().zip([&first.list, &mended.list]) {
        assert_eq!(body.kind, EntryKind::SignatoriesImported);
        assert_eq!(body.data["list_sha256"], list.sha256.as_str());
        assert!(!entries[0].text.contains("Maia") && !entries[0].text.contains("Commission"));
    }
}

#[tokio::test]
async fn a_list_of_tomorrow_or_from_nowhere_is_refused_with_its_bad_lines() {
    let case = Case::new().await;
    let table = read_signatories(b"name,country\nMaia,Germany\n");
    let source = ("2026-11-21".parse().unwrap(), " ");
    let refused = case.broker.import_signatories(&table, source, false).await;
    let refused = refused.unwrap_err();
    assert_eq!(fields(&refused), ["line 2, country", "source", "as_of"]);
    assert!(case.broker.signatory_lists().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_kind_of_evidence_that_a_list_is_looked_at_for_is_one_of_the_shipped_policy() {
    let case = Case::new().await;
    let policy = case.broker.policy();
    let kinds = policy.evidence_kinds();
    assert!(kinds.iter().any(|it| it.id == PLEDGE_EVIDENCE));
}

#[tokio::test]
async fn one_name_in_two_countries_is_kept_twice_and_a_pledge_after_the_list_is_refused() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let first = imported(&case, "2026-11-01", "name\nPleione Labs\nMaia\n").await;
    assert_eq!(first.added, ["Pleione Labs", "Maia"]);
    let text = "name,country,pledged_on\nPleione Labs,FR,2024-09-25\nPleione Labs,DE,\nMaia,DE,\n";
    let second = imported(&case, "2026-11-02", text).await;
    assert_eq!((second.added, second.gone), (vec![], vec![]));
    let third = imported(
        &case,
        "2026-11-03",
        "name,country\nPleione Labs,FR\nMaia,IT\n",
    )
    .await;
    assert_eq!(third.added, ["Maia (IT)"]);
    assert_eq!(third.gone, ["Pleione Labs (DE)", "Maia (DE)"]);
    imported(&case, "2026-11-04", text).await;
    let found = hint(&case, &organisation).await;
    assert_eq!(names(&found), ["Pleione Labs", "Pleione Labs"]);
    let days: Vec<_> = found.reads_like.iter().map(|it| it.pledged_on).collect();
    assert_eq!(days, [Some("2024-09-25".parse().unwrap()), None]);

    let late = read_signatories(b"name,pledged_on\nMaia,2026-11-01\nAtlas,2026-11-02\n");
    let source = ("2026-11-01".parse().unwrap(), "a page");
    let refused = case.broker.import_signatories(&late, source, false).await;
    assert_eq!(fields(&refused.unwrap_err()), ["line 3, pledged_on"]);
}
