//! Ceilings of the Union's share, at a system that says how many accelerators it has.

use std::sync::Arc;

use broker_model::FundingShare;
use policy_engine::Spoken;

use super::*;
use crate::fault::FaultyStore;

/// 35 % of the 200 nodes of MeluXina in 365 days, in node-hours.
const CEILING: u32 = 613_200;

impl Case {
    /// Somebody else's allocation of MeluXina, whole and not used yet.
    async fn others_have(&self, share: &str, hours: u32) {
        let file = format!(
            r#"
            [organisations.others]
            name = "Others"
            country = "LU"
            size = "large"
            [projects.others]
            organisation = "others"
            name = "Others"
            civilian = true
            [projects.others.allocations.grant]
            site = "meluxina"
            system = "meluxina"
            share = "{share}"
            unit = "node-hour"
            hours = {hours}
            valid_from = "2026-11-01T00:00:00Z"
            valid_until = "2027-11-01T00:00:00Z"
            "#
        );
        let file = toml::from_str(&file).unwrap();
        self.broker.import(&file).await.unwrap();
    }

    async fn accepted_with(
        &self,
        id: broker_model::ApplicationId,
        share: Option<FundingShare>,
    ) -> Result<Application, Error> {
        let mut draft = acceptance();
        draft.grant.as_mut().unwrap().share = share;
        self.broker.rule(&self.reviewer, id, &draft).await
    }
}

fn ceiling(rules: &[Spoken]) -> Vec<&str> {
    let rules = rules.iter().map(|it| it.rule.as_str());
    rules.filter(|it| it.starts_with("ceiling.")).collect()
}

fn refusal(answer: &Result<Application, Error>) -> Vec<&str> {
    let Err(Error::NotEligible(asked)) = answer else {
        panic!("{answer:?}");
    };
    ceiling(&asked.decision.rules)
}

#[tokio::test]
async fn a_grant_that_fills_the_unions_share_is_given_and_one_beyond_it_is_not() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    case.others_have("union", CEILING - 1249).await;
    let over = case.accepted_with(first.id, None).await;
    assert_eq!(refusal(&over), ["ceiling.union_reached"]);
    case.others_have("union", CEILING - 1250).await;
    case.accepted_with(first.id, None).await.unwrap();
}

#[tokio::test]
async fn an_application_and_a_route_are_refused_where_nothing_of_the_share_is_left() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    case.others_have("union", CEILING).await;
    let draft = application(&organisation);
    let late = case.broker.apply(&case.founder, &draft).await;
    assert_eq!(refusal(&late), ["ceiling.union_reached"]);
    let asks = async || {
        let query = json!({ "organisation_id": organisation.id,
            "project": { "civilian": true, "sectors": ["health"] } });
        let query: RouteQuery = serde_json::from_value(query).unwrap();
        let routes = case.broker.find_routes(&case.founder, (query, "en")).await;
        let mut routes = routes.unwrap().into_iter().map(|it| it.route);
        let route = routes
            .find(|it| it.mode == "aif_playground" && it.offer.value.system == "meluxina/meluxina");
        let decision = route.unwrap().decision;
        let spoken = ceiling(&decision.rules).join(" ");
        (decision.result, spoken)
    };
    let (result, spoken) = asks().await;
    assert_eq!(
        (result, &*spoken),
        (Outcome::NotEligible, "ceiling.union_reached")
    );
    case.others_have("union", CEILING - 614).await;
    let (_, spoken) = asks().await;
    assert_eq!(spoken, "ceiling.under", "a thousandth is left");
}

#[tokio::test]
async fn hours_of_a_state_have_no_ceiling_and_fill_none() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    case.others_have("national:LU", 4_000_000).await;
    let accepted = case.accepted_with(first.id, None).await.unwrap();
    let found = case.broker.store().find_decision(ruled(&accepted)).await;
    let document = found.unwrap().unwrap().document;
    assert!(document.contains("\"union_permille_used\":0"), "{document}");
}

#[tokio::test]
async fn a_fifth_of_the_unions_time_may_be_sold_and_no_more() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let sold = CEILING / 5;
    case.others_have("commercial", sold - 1249).await;
    let commercial = || Some(FundingShare::Commercial);
    let over = case.accepted_with(first.id, commercial()).await;
    assert_eq!(
        refusal(&over),
        ["ceiling.under", "ceiling.commercial_reached"]
    );
    case.others_have("commercial", sold - 1250).await;
    case.accepted_with(first.id, commercial()).await.unwrap();
}

#[tokio::test]
async fn the_ceilings_of_lumi_are_asked() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let mut draft = application(&organisation);
    draft.system = "lumi/lumi".to_owned();
    let applied = case.broker.apply(&case.founder, &draft).await.unwrap();
    let found = case.broker.store().find_decision(applied.found).await;
    let document = found.unwrap().unwrap().document;
    assert!(document.contains("\"ceiling.under\""), "{document}");
}

#[tokio::test]
async fn where_nobody_knows_how_large_a_system_is_the_ceiling_is_not_asked() {
    let mut case = Case::new().await;
    let organisation = case.registered().await;
    case.checked(&organisation, true).await;
    let mut draft = application(&organisation);
    draft.system = "pharos/daedalus".to_owned();
    let refused = case.broker.apply(&case.founder, &draft).await;
    let Err(Error::NotEligible(asked)) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(asked.question.shares, None);
    let mut rules = asked.decision.rules.iter();
    assert!(rules.any(|it| it.rule == "mode.not_offered"));
    assert_eq!(refusal(&refused), [""; 0]);
}

#[tokio::test]
async fn a_job_is_asked_what_was_used_and_not_what_is_promised() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    case.others_have("union", CEILING - 1250).await;
    let accepted = case.accepted_with(first.id, None).await.unwrap();
    let ApplicationState::Accepted { project, .. } = accepted.state else {
        panic!("it was accepted");
    };
    case.world.pass(4 * 24 * 3600);
    let answer = case
        .broker
        .check(&case.founder().await, project)
        .await
        .unwrap();
    assert_eq!(ceiling(&answer.decision.rules), ["ceiling.under"]);
    assert_eq!(answer.decision.result, Outcome::Eligible);
}

fn ruled(application: &Application) -> broker_model::DecisionId {
    match &application.state {
        ApplicationState::Accepted { ruling, .. } => ruling.found,
        other => panic!("{other:?}"),
    }
}

impl Case {
    /// The commit of the first is held back until another replica has accepted and stored the second.
    async fn ruled_while(
        &self,
        first: &Application,
        second: Application,
    ) -> Result<Application, broker_app::Error> {
        let store = Arc::new(FaultyStore::over(self.world.store().await));
        let replica = self.world.broker_over(store.clone());
        let (other, reviewer) = (self.broker.clone(), self.reviewer.clone());
        store.meanwhile(async move {
            let ruled = other
                .rule(&reviewer, second.id, &another_acceptance())
                .await;
            ruled.unwrap();
        });
        replica.rule(&self.reviewer, first.id, &acceptance()).await
    }

    /// An eligible organisation beside the first, whose application waits as well.
    async fn another_waiting(&mut self) -> Application {
        let draft = OrganisationDraft {
            name: "Merope Labs".to_owned(),
            identifiers: broker_model::Identifiers::default(),
            ..organisation()
        };
        let made = self.broker.register_organisation(&self.founder, &draft);
        let made = made.await.unwrap();
        self.founder = self.founder().await;
        self.checked(&made, true).await;
        self.applied(&made).await
    }

    /// Node-hours of MeluXina that somebody used of the Union's share and that are told now.
    async fn others_used(&self, node_hours: u32) {
        let at = ["meluxina", "meluxina", "gpu"];
        let used = crate::used::at(&self.world, at, 4 * node_hours);
        let change = broker_store::Change {
            writes: vec![used],
            entries: Vec::new(),
        };
        self.broker.store().commit(change).await.unwrap();
    }
}

/// Each alone would fill the share to its end.
#[tokio::test]
async fn of_two_acceptances_at_one_moment_the_second_is_asked_what_the_first_left() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let second = case.another_waiting().await;
    case.others_have("union", CEILING - 1250).await;
    let late = case.ruled_while(&first, second).await;
    assert_eq!(refusal(&late), ["ceiling.union_reached"]);
}

#[tokio::test]
async fn of_two_acceptances_at_one_moment_both_are_given_where_there_is_enough_for_both() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let second = case.another_waiting().await;
    case.others_have("union", CEILING - 2500).await;
    let ruled = case.ruled_while(&first, second).await;
    assert_eq!(ruled.unwrap().state.as_str(), "accepted");
    let counts = case.broker.store().site_counts().await.unwrap();
    assert_eq!(counts, [("meluxina..shares".parse().unwrap(), 2)]);
}

#[tokio::test]
async fn an_acceptance_comes_through_at_a_site_that_counts_a_job_before_each_commit() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let store = Arc::new(FaultyStore::over(case.world.store().await));
    let replica = case.world.broker_over(store.clone());
    let jobs: broker_model::SiteId = "meluxina".parse().unwrap();
    for version in 0..20 {
        let (other, site) = (case.broker.clone(), jobs.clone());
        store.meanwhile(async move {
            let change = broker_store::Change {
                writes: vec![broker_store::Write::CountAt { site, version }],
                entries: Vec::new(),
            };
            other.store().commit(change).await.unwrap();
        });
    }
    let ruled = replica.rule(&case.reviewer, first.id, &acceptance()).await;
    assert_eq!(ruled.unwrap().state.as_str(), "accepted");
    let mut counts = case.broker.store().site_counts().await.unwrap();
    counts.sort();
    let of_shares = "meluxina..shares".parse().unwrap();
    assert_eq!(counts, [(jobs, 1), (of_shares, 1)]);
}

/// Where nothing is asked nobody waits for anybody.
#[tokio::test]
async fn a_rejection_and_hours_that_are_good_anywhere_count_at_no_site() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let second = case.another_waiting().await;
    let no = rejection();
    let rejected = case.broker.rule(&case.reviewer, first.id, &no);
    rejected.await.unwrap();
    let mut anywhere = another_acceptance();
    let grant = anywhere.grant.as_mut().unwrap();
    (grant.scope, grant.hours) = (broker_model::GrantScope::Federation, 5000);
    let given = case.broker.rule(&case.reviewer, second.id, &anywhere);
    given.await.unwrap();
    assert_eq!(case.broker.store().site_counts().await.unwrap(), []);
}

#[tokio::test]
async fn an_acceptance_is_asked_what_was_used_up_to_now() {
    let mut case = Case::new().await;
    case.world.limits.standing_ttl = std::time::Duration::from_mins(10);
    case.broker = case.world.broker().await;
    let (_, first) = case.waiting().await;
    // The application has read that nothing was used, and that is remembered.
    case.others_used(CEILING - 1249).await;
    let over = case.accepted_with(first.id, None).await;
    assert_eq!(refusal(&over), ["ceiling.union_reached"]);
}

/// With an account and an id of its own.
fn another_acceptance() -> RulingDraft {
    let mut draft = acceptance();
    let grant = draft.grant.as_mut().unwrap();
    grant.call_reference = Some("EHPC-AIF-2026PG01-1148".to_owned());
    grant.local_accounts = [("meluxina".parse().unwrap(), "p200982".to_owned())].into();
    draft
}

impl Case {
    /// An application of a company of this size, which is no start-up.
    async fn waiting_as(&mut self, size: &str) -> Application {
        let mut draft = organisation();
        draft.startup = Some(false);
        draft.size = serde_json::from_value(json!(size)).unwrap();
        let made = self.broker.register_organisation(&self.founder, &draft);
        let made = made.await.unwrap();
        self.founder = self.founder().await;
        self.checked(&made, true).await;
        self.applied(&made).await
    }
}

#[tokio::test]
async fn hours_that_a_large_company_pays_for_are_sold_whatever_their_mode_says() {
    let mut case = Case::new().await;
    let first = case.waiting_as("large").await;
    assert_eq!(first.share, Some(FundingShare::Commercial));
    let found = case.broker.store().find_decision(first.found).await;
    let document = found.unwrap().unwrap().document;
    assert!(document.contains("ceiling.commercial_under"), "{document}");
    let sold = CEILING / 5;
    case.others_have("commercial", sold - 1249).await;
    let over = case.accepted_with(first.id, None).await;
    assert_eq!(
        refusal(&over),
        ["ceiling.under", "ceiling.commercial_reached"]
    );
    case.others_have("commercial", sold - 1250).await;
    let accepted = case.accepted_with(first.id, None).await.unwrap();
    let ApplicationState::Accepted { given, .. } = accepted.state else {
        panic!("it was accepted");
    };
    assert_eq!(given.unwrap().share, FundingShare::Commercial);
}

#[tokio::test]
async fn who_knows_better_names_another_share_than_the_commercial_one() {
    let mut case = Case::new().await;
    let first = case.waiting_as("large").await;
    let accepted = case
        .accepted_with(first.id, Some(FundingShare::Union))
        .await;
    let ApplicationState::Accepted { given, .. } = accepted.unwrap().state else {
        panic!("it was accepted");
    };
    assert_eq!(given.unwrap().share, FundingShare::Union);
}

#[tokio::test]
async fn where_it_is_unclear_who_pays_the_reviewer_names_the_share() {
    let mut case = Case::new().await;
    let first = case.waiting_as("unclear").await;
    assert_eq!(first.share, None);
    let unsaid = case.accepted_with(first.id, None).await.unwrap_err();
    assert_eq!(fields(&unsaid), ["grant.share"]);
    let said = case
        .accepted_with(first.id, Some(FundingShare::Union))
        .await;
    said.unwrap();
}

#[tokio::test]
async fn a_route_that_is_paid_for_is_asked_what_of_the_system_is_sold() {
    let mut case = Case::new().await;
    let large = case.waiting_as("large").await.organisation;
    case.others_have("commercial", CEILING / 5).await;
    let query = json!({ "organisation_id": large,
        "project": { "civilian": true, "sectors": ["health"] } });
    let query: RouteQuery = serde_json::from_value(query).unwrap();
    let routes = case.broker.find_routes(&case.founder, (query, "en")).await;
    let mut routes = routes.unwrap().into_iter().map(|it| it.route);
    let route = routes
        .find(|it| it.mode == "aif_playground" && it.offer.value.system == "meluxina/meluxina")
        .unwrap();
    assert_eq!(
        ceiling(&route.decision.rules),
        ["ceiling.under", "ceiling.commercial_reached"]
    );
    assert_eq!(route.share.unwrap().value, "commercial");
}

#[tokio::test]
async fn an_account_at_a_site_and_an_id_of_a_call_are_of_one_organisation() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    let second = case.another_waiting().await;
    case.accepted_with(first.id, None).await.unwrap();
    let mut alike = another_acceptance();
    let grant = alike.grant.as_mut().unwrap();
    grant.local_accounts = [("meluxina".parse().unwrap(), "P200981".to_owned())].into();
    let taken = case.broker.rule(&case.reviewer, second.id, &alike).await;
    assert_eq!(fields(&taken.unwrap_err()), ["grant.local_accounts"]);
    let mut alike = another_acceptance();
    alike.grant.as_mut().unwrap().call_reference = Some("ehpc-aif-2026pg01-1147".to_owned());
    let taken = case.broker.rule(&case.reviewer, second.id, &alike).await;
    assert_eq!(fields(&taken.unwrap_err()), ["grant.call_reference"]);
    let other = another_acceptance();
    let ruled = case.broker.rule(&case.reviewer, second.id, &other).await;
    ruled.unwrap();
}

#[tokio::test]
async fn an_id_of_no_call_or_of_another_mode_is_refused() {
    let mut case = Case::new().await;
    let (_, first) = case.waiting().await;
    for (id, words) in [
        ("nonsense", "begins like no project id"),
        ("EHPC-XX", "begins like no project id"),
        ("EHPC-AIF-2026PG1-907", "the two digits of a cut-off"),
        (
            "EHPC-AIF-2026FL01-1147",
            "is of aif_fast_lane, and aif_playground was applied for",
        ),
    ] {
        let mut draft = acceptance();
        draft.grant.as_mut().unwrap().call_reference = Some(id.to_owned());
        let refused = case.broker.rule(&case.reviewer, first.id, &draft).await;
        let Err(Error::Invalid(_, faults)) = refused else {
            panic!("{id}: {refused:?}");
        };
        let [fault] = &*faults else {
            panic!("{id}: {faults:?}");
        };
        assert!(fault.reason.contains(words), "{}", fault.reason);
        assert!(
            fault
                .allowed
                .contains("EHPC-AIF-{year}PG|FL|LS|SC{cut_off}-{sequence}")
        );
    }
}
