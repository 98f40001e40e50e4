//! A site that does not serve an organisation.

use broker_model::{OrganisationVeto, OrganisationVetoDraft, SiteId};

use super::*;

fn meluxina() -> SiteId {
    "meluxina".parse().unwrap()
}

impl Case {
    async fn operator(&self) -> Caller {
        self.broker.caller(principal("operator")).await.unwrap()
    }

    async fn vetoes(&self, of: &Organisation, until: Option<&str>) -> OrganisationVeto {
        let draft = OrganisationVetoDraft {
            organisation: of.id,
            system: Some("meluxina".parse().unwrap()),
            reason: "export control".to_owned(),
            until: until.map(|it| it.parse().unwrap()),
        };
        let (boss, site) = (self.operator().await, meluxina());
        let set = self.broker.veto_organisation(&boss, &site, &draft);
        set.await.unwrap()
    }

    async fn lifted(&self, veto: &OrganisationVeto) {
        let (boss, site) = (self.operator().await, meluxina());
        let lifted = self.broker.lift_organisation_veto(&boss, &site, veto.id);
        lifted.await.unwrap();
    }
}

fn said(answer: Result<impl std::fmt::Debug, Error>) -> String {
    let Err(Error::NotEligible(asked)) = answer else {
        panic!("{answer:?}");
    };
    let mut rules = asked.decision.rules.into_iter();
    rules.find(|it| it.rule == "veto.site").unwrap().words
}

#[tokio::test]
async fn an_organisation_that_a_site_refuses_applies_for_nothing_there_until_it_is_served_again() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let veto = case.vetoes(&organisation, None).await;
    let draft = application(&organisation);
    let words = said(case.broker.apply(&case.founder, &draft).await);
    assert_eq!(words, "the site has said no: export control");
    let query = json!({ "organisation_id": organisation.id, "project": { "civilian": true, "sectors": ["health"] } });
    let query: RouteQuery = serde_json::from_value(query).unwrap();
    let routes = case.broker.find_routes(&case.founder, (query, "en")).await;
    for found in routes.unwrap() {
        let rules = &found.route.decision.rules;
        let refused = rules.iter().any(|it| it.rule == "veto.site");
        let there = found.route.offer.value.system == "meluxina/meluxina";
        assert_eq!(refused, there, "{}", found.route.offer.value.system);
    }
    case.lifted(&veto).await;
    case.broker.apply(&case.founder, &draft).await.unwrap();
}

#[tokio::test]
async fn a_veto_that_came_after_the_application_refuses_the_acceptance_and_ends_at_its_end() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    case.vetoes(&organisation, Some("2026-11-21T12:00:00Z"))
        .await;
    let late = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    said(late);
    case.world.pass(24 * 3600);
    let ruled = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    ruled.unwrap();
}

#[tokio::test]
async fn no_job_of_an_organisation_that_is_refused_is_handed_in_under_its_allocation_there() {
    let mut case = Case::new().await;
    let (organisation, first) = case.waiting().await;
    let ruled = case
        .broker
        .rule(&case.reviewer, first.id, &acceptance())
        .await;
    let ApplicationState::Accepted { project, .. } = ruled.unwrap().state else {
        panic!("it was accepted");
    };
    case.world.pass(4 * 24 * 3600);
    let founder = case.founder().await;
    let veto = case.vetoes(&organisation, None).await;
    let mut spec = crate::world::at(&["meluxina"]);
    spec.project = project;
    said(case.broker.submit(&founder, spec.clone(), None).await);
    let check = case.broker.check(&founder, project).await.unwrap();
    let how = format!("alcyone site lift-veto meluxina {}", veto.id);
    assert!(
        check.missing.iter().any(|it| it.how == how),
        "{:?}",
        check.missing
    );
    case.lifted(&veto).await;
    case.broker.submit(&founder, spec, None).await.unwrap();
}

#[tokio::test]
async fn placement_passes_a_site_by_that_refuses_the_organisation() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let boss = broker.caller(principal("operator")).await.unwrap();
    let draft = OrganisationVetoDraft {
        organisation: broker_app::setup::organisation_id("startup"),
        system: None,
        reason: "unpaid bills".to_owned(),
        until: None,
    };
    let lumi = "lumi".parse().unwrap();
    broker
        .veto_organisation(&boss, &lumi, &draft)
        .await
        .unwrap();
    crate::agent::Agent::of(&world, "lumi").show(&broker).await;
    let job = crate::world::submit(&broker, crate::world::at(&["lumi"])).await;
    assert!(job.state.partition().is_none(), "{:?}", job.state);
    let placement = broker.store().find_placement(job.id).await.unwrap();
    let document = format!("{placement:?}");
    assert!(document.contains("unpaid bills"), "{document}");
}

#[tokio::test]
async fn a_second_veto_of_the_same_names_the_first_and_what_is_wrong_is_told() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    let first = case.vetoes(&organisation, None).await;
    let (boss, site) = (case.operator().await, meluxina());
    let mut draft = OrganisationVetoDraft {
        organisation: organisation.id,
        system: first.system.clone(),
        reason: "again".to_owned(),
        until: None,
    };
    let again = case.broker.veto_organisation(&boss, &site, &draft).await;
    assert!(
        matches!(&again, Err(Error::AlreadySo(words)) if words.contains(&first.id.to_string()))
    );
    draft.until = Some("2026-11-20T12:00:00Z".parse().unwrap());
    let over = case.broker.veto_organisation(&boss, &site, &draft).await;
    assert!(matches!(over, Err(Error::InvalidSite(_))), "{over:?}");
    let stranger = case.broker.veto_organisation(&case.founder, &site, &draft);
    assert!(matches!(stranger.await, Err(Error::Forbidden(_))));
}
