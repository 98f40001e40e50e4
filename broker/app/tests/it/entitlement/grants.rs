//! What a grant may say: no more than was asked for, here or anywhere.

use broker_app::jobs::Accepted;
use broker_model::{AllocationScope, GrantScope};

use super::*;

impl Case {
    async fn grants(
        &self,
        id: broker_model::ApplicationId,
        change: impl Fn(&mut GrantDraft),
    ) -> Result<Application, Error> {
        let mut draft = acceptance();
        change(draft.grant.as_mut().unwrap());
        self.broker.rule(&self.reviewer, id, &draft).await
    }
}

fn allowed(error: &Error) -> Vec<(&str, &str)> {
    let Error::Invalid(_, faults) = error else {
        panic!("{error:?}");
    };
    { faults.iter() }
        .map(|it| (it.field.as_str(), it.allowed.as_str()))
        .collect()
}

#[tokio::test]
async fn no_more_hours_and_no_longer_a_term_are_given_than_were_asked_for() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let more = case.grants(first.id, |it| {
        it.hours = 1251;
        it.valid_to = "2027-02-23".parse().unwrap();
    });
    let told = more.await.unwrap_err();
    let expected = [
        ("grant.valid_to", "a day from 2026-11-23 to 2027-02-22"),
        ("grant.hours", "1 to 1250"),
    ];
    assert_eq!(allowed(&told), expected);
    // 5000 GPU-hours are 1250 hours of nodes with four.
    case.grants(first.id, |it| it.hours = 1250).await.unwrap();
}

#[tokio::test]
async fn hours_may_be_good_at_any_system_and_are_physical_gpu_hours_then() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let anywhere = |hours| {
        move |it: &mut GrantDraft| {
            it.hours = hours;
            it.scope = GrantScope::Federation;
            it.local_accounts.clear();
        }
    };
    let refused = case.grants(first.id, |it| {
        anywhere(5001)(it);
        it.unit = Some("node-hour".to_owned());
        it.local_accounts = [("nowhere".parse().unwrap(), "x".to_owned())].into();
    });
    assert_eq!(
        fields(&refused.await.unwrap_err()),
        ["grant.unit", "grant.local_accounts"]
    );
    let more = case.grants(first.id, anywhere(5001)).await.unwrap_err();
    assert_eq!(allowed(&more), [("grant.hours", "1 to 5000")]);
    let given = case.grants(first.id, |it| {
        anywhere(5000)(it);
        let accounts = ["lumi", "meluxina"].map(|it| (it.parse().unwrap(), "p1".to_owned()));
        it.local_accounts = accounts.into();
    });
    let ApplicationState::Accepted {
        allocation,
        project,
        ..
    } = given.await.unwrap().state
    else {
        panic!("it was accepted");
    };
    let found = case.broker.store().find_allocation(allocation).await;
    let found = found.unwrap().unwrap();
    assert_eq!(found.scope, AllocationScope::Federation);
    assert_eq!(
        (found.unit.as_str(), found.local_accounts.len()),
        ("GPU-hour", 2)
    );
    case.world.pass(4 * 24 * 3600);
    let mut spec = crate::world::at(&["lumi"]);
    spec.project = project;
    let founder = case.founder().await;
    let submitted = case.broker.submit(&founder, spec, None).await.unwrap();
    let Accepted::New { job, .. } = submitted else {
        panic!("no key, no repeat");
    };
    assert_eq!(job.allocation, allocation);
}

/// Describes the organisation anew between what a reviewer reads and what they commit.
#[tokio::test]
async fn an_acceptance_on_top_of_a_description_that_is_gone_is_made_again() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    let other = case.world.broker().await;
    let accepting = acceptance();
    let mut described = organisation_of(&organisation);
    let mut contended = 0;
    for round in 0..20 {
        described.name = format!("Pleione Labs {round}");
        let stored = case.broker.store().find_organisation(organisation.id).await;
        let tag = organisation_tag(&stored.unwrap().unwrap());
        let (ruled, anew) = tokio::join!(
            case.broker.rule(&case.reviewer, first.id, &accepting),
            other.describe_organisation(&case.founder, organisation.id, (Some(&tag), &described)),
        );
        let last = case.broker.store().find_organisation(organisation.id).await;
        let last = last.unwrap().unwrap();
        match (ruled, anew) {
            // The acceptance keeps the description that it was made on, or was made on the new one.
            (Ok(_), Ok(_)) => {
                assert_eq!(
                    last.name, described.name,
                    "what was described is not undone"
                );
                break;
            }
            (Ok(_), Err(Error::OtherDocument { .. })) => {
                assert_ne!(last.name, described.name);
                break;
            }
            (Err(Error::Contended), Ok(_)) => {
                assert_eq!(last.name, described.name);
                contended += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    let projects = case
        .broker
        .store()
        .projects_of(organisation.id)
        .await
        .unwrap();
    assert_eq!(projects.len(), usize::from(contended < 20));
}

#[tokio::test]
async fn an_acceptance_read_before_a_new_description_is_refused_and_changes_nothing() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    let stale = case.broker.store().find_organisation(organisation.id).await;
    let stale = stale.unwrap().unwrap();
    let mut described = organisation_of(&organisation);
    described.kind = broker_model::OrganisationKind::Research;
    (described.startup, described.size) = (None, None);
    let tag = organisation_tag(&stale);
    {
        case.broker
            .describe_organisation(&case.founder, organisation.id, (Some(&tag), &described))
    }
    .await
    .unwrap();
    let as_read = broker_store::Write::PutOrganisation(Box::new(stale));
    let change = broker_store::Change {
        writes: vec![as_read],
        entries: Vec::new(),
    };
    let undone = case.broker.store().commit(change).await;
    assert!(
        undone.is_err(),
        "what an acceptance read is stored on that version alone"
    );
    // Ruled again, it is asked of what the organisation is now: no company any more.
    let again = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    let Err(Error::NotEligible(asked)) = again else {
        panic!("{again:?}");
    };
    assert_eq!(
        asked.question.organisation.kind.as_deref(),
        Some("research")
    );
}

fn organisation_of(organisation: &Organisation) -> OrganisationDraft {
    OrganisationDraft {
        name: organisation.name.clone(),
        ..super::organisation()
    }
}
