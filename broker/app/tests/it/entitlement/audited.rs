//! What auditors see of organisations: all of it, or what belongs to their share.

use broker_app::ComparisonQuery;
use broker_store::Page;

use super::*;

impl Case {
    /// Somebody who audits all shares, or one.
    async fn auditor(&self, subject: &str, share: Option<&str>) -> Caller {
        let share = share.map_or_else(String::new, |it| format!("share = \"{it}\"\n"));
        let grant = format!(
            "[[grants]]\nissuer = \"{ISSUER}\"\nsubject = \"{subject}\"\nrole = \"auditor\"\n{share}"
        );
        let grant = toml::from_str(&grant).unwrap();
        self.broker.import(&grant).await.unwrap();
        self.broker.caller(principal(subject)).await.unwrap()
    }

    /// All of the list, in pages of one.
    async fn lists(&self, caller: &Caller) -> Vec<broker_model::OrganisationId> {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page = Page { limit: 1, before };
            let found = self.broker.organisations(caller, &page).await.unwrap();
            let Some(last) = found.last() else {
                return all;
            };
            before = Some(last.id);
            all.extend(found.iter().map(|it| it.id));
        }
    }
}

#[tokio::test]
async fn an_auditor_reads_all_that_explains_a_euro_and_no_file() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let proof = case.evidence(&organisation).await;
    let of = (organisation.id, proof.id);
    let upload = Upload {
        name: "assessment.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        bytes: "%PDF-1.7 assessment".into(),
    };
    let kept = case.broker.add_evidence_file(&case.founder, of, upload);
    let sha256 = kept.await.unwrap().files[0].sha256.clone();
    let auditor = case.auditor("cour", None).await;
    let waiting = case.applied(&organisation).await;
    let broker = &case.broker;
    assert!(case.lists(&auditor).await.contains(&organisation.id));
    let read = broker.organisation(&auditor, organisation.id).await;
    assert_eq!(read.unwrap().id, organisation.id);
    let proofs = broker.evidence(&auditor, organisation.id).await.unwrap();
    assert_eq!(proofs[0].id, proof.id);
    let applied = broker.applications_of(&auditor, organisation.id).await;
    assert_eq!(applied.unwrap()[0].id, waiting.id);
    assert!(broker.application(&auditor, waiting.id).await.is_ok());
    let replayed = broker.replay_decision(&auditor, waiting.found).await;
    assert!(replayed.unwrap().same);
    let file = broker.evidence_file(&auditor, of, &sha256);
    assert!(matches!(file.await, Err(Error::NotFound("file"))));
    let file = broker.evidence_file(&case.reviewer, of, &sha256).await;
    assert!(file.is_ok(), "{file:?}");
    let ruled = broker.rule(&auditor, waiting.id, &rejection()).await;
    assert!(matches!(ruled, Err(Error::Forbidden(_))), "{ruled:?}");
    let taken_back = broker.withdraw_application(&auditor, waiting.id).await;
    assert!(matches!(taken_back, Err(Error::Forbidden(_))));
    let queue = broker.applications_to_decide(&auditor, None).await;
    assert!(matches!(queue, Err(Error::Forbidden(_))), "{queue:?}");
}

#[tokio::test]
async fn an_auditor_of_one_share_sees_what_got_or_asked_for_hours_of_it() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let union = case.auditor("union", Some("union")).await;
    let luxembourg = case.auditor("bissen", Some("national:LU")).await;
    let of = organisation.id;
    let hidden = case.broker.organisation(&union, of).await;
    assert!(
        matches!(hidden, Err(Error::NotFound("organisation"))),
        "it asked for nothing yet: {hidden:?}"
    );
    let waiting = case.applied(&organisation).await;
    assert!(case.broker.organisation(&union, of).await.is_ok());
    assert!(case.lists(&union).await.contains(&of));
    assert!(!case.lists(&luxembourg).await.contains(&of));
    let ruling = hours_of_luxembourg();
    let ruled = case.broker.rule(&case.reviewer, waiting.id, &ruling);
    ruled.await.unwrap();
    // The reviewer gave hours of another share than the mode would have.
    assert!(case.broker.organisation(&luxembourg, of).await.is_ok());
    assert!(
        case.broker
            .application(&luxembourg, waiting.id)
            .await
            .is_ok()
    );
    let gone = case.broker.application(&union, waiting.id).await;
    assert!(matches!(gone, Err(Error::NotFound(_))), "{gone:?}");
    // What was asked for was the Union's, and so was the decision on it.
    let replayed = case.broker.replay_decision(&union, waiting.found).await;
    assert!(
        matches!(replayed, Err(Error::NotFound(_))),
        "nothing of it is theirs now"
    );
    let other = case
        .broker
        .replay_decision(&luxembourg, waiting.found)
        .await;
    assert!(
        matches!(other, Err(Error::NotFound("decision"))),
        "{other:?}"
    );
    let every = case.auditor("cour", None).await;
    assert!(
        case.broker
            .replay_decision(&every, waiting.found)
            .await
            .is_ok()
    );
    let owed = case.broker.organisation_follow_ups(&luxembourg, of).await;
    assert!(!owed.unwrap().is_empty());
    let strange = case.broker.organisation_follow_ups(&union, of).await;
    assert!(matches!(strange, Err(Error::NotFound(_))), "{strange:?}");
}

fn hours_of_luxembourg() -> RulingDraft {
    let mut ruling = acceptance();
    let grant = ruling.grant.as_mut().unwrap();
    grant.share = Some("national:LU".parse().unwrap());
    grant.worth_eur = Some(900);
    ruling
}

#[tokio::test]
async fn policies_are_listed_and_compared_by_those_who_check_and_nothing_takes_effect() {
    let mut case = Case::new().await;
    case.waiting().await;
    case.broker.keep_policy().await.unwrap();
    let auditor = case.auditor("cour", None).await;
    let finnish = case.auditor("helsinki", Some("national:FI")).await;
    let policies = case.broker.policies(&auditor).await.unwrap();
    assert_eq!(policies.len(), 1);
    let in_force = &policies[0];
    assert!(in_force.in_force && in_force.kept && in_force.decisions >= 1);
    let files = stricter();
    let asked = ComparisonQuery {
        files: Some(files.clone()),
        ..ComparisonQuery::default()
    };
    for caller in [&auditor, &case.reviewer] {
        let found = case.broker.compare_policies(caller, asked.clone()).await;
        let found = found.unwrap();
        assert_eq!(found.comparison.asked, in_force.decisions);
        assert_eq!(
            found.comparison.changes[0].rules,
            ["+civilian.defence_sector"]
        );
        assert_eq!(found.next_cursor, None);
    }
    let found = case.broker.compare_policies(&finnish, asked.clone()).await;
    assert_eq!(found.unwrap().comparison.asked, 0, "none of their share");
    assert_eq!(case.broker.policy().digest(), in_force.policy_digest);
    let refused = case.broker.compare_policies(&case.founder, asked).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");

    // The candidate takes effect: now the one before is compared with what decides.
    let next = policy_engine::Engine::from_files(files).unwrap();
    let (was, is) = (in_force.policy_digest.clone(), next.digest().to_owned());
    case.broker.put_policy(next).await.unwrap();
    let asked = ComparisonQuery {
        policy: Some(was),
        against: Some(is),
        ..ComparisonQuery::default()
    };
    let found = case.broker.compare_policies(&auditor, asked).await.unwrap();
    assert_eq!(
        found.comparison.changes[0].rules,
        ["-civilian.defence_sector"]
    );
    let listed = case.broker.policies(&auditor).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed[0].decisions == 0 && listed[1].kept && !listed[1].in_force);
}

#[tokio::test]
async fn a_candidate_that_does_not_load_is_told_with_its_file_and_an_unknown_one_is_not_there() {
    let case = Case::new().await;
    let auditor = case.auditor("cour", None).await;
    let ask = async |query| case.broker.compare_policies(&auditor, query).await;
    let mut broken = stricter();
    broken.insert("rules/civilian.cedar".to_owned(), "forbid".to_owned());
    let files = Some(broken);
    let refused = ask(ComparisonQuery {
        files,
        ..ComparisonQuery::default()
    })
    .await;
    let Err(Error::Invalid("policy", faults)) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        faults[0].reason.contains("rules/civilian.cedar"),
        "{faults:?}"
    );
    let neither = ask(ComparisonQuery::default()).await.unwrap_err();
    assert_eq!(fields(&neither), ["policy"]);
    let policy = Some(format!("sha256:{}", "0".repeat(64)));
    let unknown = ask(ComparisonQuery {
        policy,
        ..ComparisonQuery::default()
    })
    .await;
    assert!(
        matches!(unknown, Err(Error::NotFound("policy"))),
        "{unknown:?}"
    );
}

/// The shipped set, which sends health to a reviewer.
fn stricter() -> std::collections::BTreeMap<String, String> {
    let mut files = shipped();
    for text in files.values_mut() {
        *text = text.replace("\"dual_use\"", "\"dual_use\", \"health\"");
    }
    files
}

/// The files of the shipped set that decide.
pub(super) fn shipped() -> std::collections::BTreeMap<String, String> {
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut files = std::collections::BTreeMap::new();
    for part in ["modes", "rules", "tables"] {
        for file in std::fs::read_dir(shipped.join(part)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            files.insert(format!("{part}/{name}"), text);
        }
    }
    files
}
