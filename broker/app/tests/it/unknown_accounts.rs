//! Local accounts that sites tell of and that are no allocation's.

use broker_app::Error;
use broker_model::{GpuMillis, OutcomeKind};
use broker_store::AccountUse;
use site_adapter::AttemptReport;

use crate::agent::Agent;
use crate::books::Books;
use crate::world::{World, allocation_of, at, principal, setup, submit};

/// Runs one job for so many minutes that the site charges to this account.
async fn run(world: &World, account: Option<&str>, minutes: i64) {
    let broker = world.broker().await;
    let agent = Agent::of(world, "lumi");
    agent.show(&broker).await;
    submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    world.pass(minutes * 60);
    let used = AttemptReport::Usage {
        attempt: leased.attempt,
        usage: Some(agent.usage(&leased, minutes)),
        account: account.map(str::to_owned),
    };
    let ended = agent.ended(leased.attempt, OutcomeKind::Completed);
    agent.report(&broker, vec![ended, used]).await;
    world.pass(1);
}

async fn unknown(world: &World, subject: &str) -> Result<Vec<AccountUse>, Error> {
    let broker = world.broker().await;
    let caller = broker.caller(principal(subject)).await.unwrap();
    let lumi = "lumi".parse().unwrap();
    broker.unknown_accounts(&caller, &lumi).await
}

#[tokio::test]
async fn an_account_that_no_allocation_names_is_kept_with_its_jobs_and_hours() {
    for world in World::each().await {
        let begun = world.now();
        for account in [
            Some("project_1"),
            None,
            Some("project_2"),
            Some("project_1"),
        ] {
            run(&world, account, 15).await;
        }
        let listed = unknown(&world, "admin").await.unwrap();
        let names: Vec<&str> = listed.iter().map(|it| it.account.as_str()).collect();
        assert_eq!(names, ["project_1", "project_2"], "the latest first");
        let first = &listed[0];
        assert_eq!((first.jobs, first.gpu), (2, GpuMillis::from_hours(2)));
        assert_eq!(
            first.first_seen,
            begun + jiff::SignedDuration::from_mins(15)
        );
        assert!(first.last_seen > listed[1].last_seen);
        assert_eq!(unknown(&world, "operator").await.unwrap(), listed);
        Books::check(&world.broker().await).await;
    }
}

#[tokio::test]
async fn an_account_is_unknown_no_more_once_an_allocation_names_it_for_that_site() {
    let world = World::sqlite().await;
    run(&world, Some("project_1"), 15).await;
    let mut file = setup();
    for (site, left) in [("bsc", 1), ("lumi", 0)] {
        let accounts = &mut allocation_of(&mut file).local_accounts;
        accounts.insert(site.parse().unwrap(), "project_1".to_owned());
        world.broker().await.import(&file).await.unwrap();
        assert_eq!(
            unknown(&world, "admin").await.unwrap().len(),
            left,
            "{site}"
        );
    }
}

#[tokio::test]
async fn only_the_sites_administrators_and_operators_see_them() {
    let world = World::sqlite().await;
    run(&world, Some("project_1"), 15).await;
    let refused = unknown(&world, "engineer").await.unwrap_err();
    assert!(matches!(refused, Error::Forbidden(_)), "{refused}");
}

/// The words of a site are shown on pages and in terminals.
#[tokio::test]
async fn what_a_site_tells_as_an_account_is_kept_as_a_name_of_bounded_length() {
    let world = World::sqlite().await;
    let long = format!("a\u{1b}[31m{}", "x".repeat(500));
    run(&world, Some(&long), 15).await;
    run(&world, Some(" \n"), 15).await;
    let listed = unknown(&world, "admin").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].account.chars().count(), 64);
    assert!(listed[0].account.starts_with("a[31mxx"), "{listed:?}");
    let books = Books::read(&world.broker().await).await;
    let ledger = serde_json::to_string(&books.entries).unwrap();
    assert!(!ledger.contains("[31m"), "accounts are not in the ledger");
}

/// Hours of a term that is over are nobody's: whoever goes on using its account is shown.
#[tokio::test]
async fn an_account_is_known_for_the_jobs_that_began_before_its_allocation_ended() {
    for world in World::each().await {
        let mut file = setup();
        let accounts = &mut allocation_of(&mut file).local_accounts;
        accounts.insert("lumi".parse().unwrap(), "project_2".to_owned());
        world.broker().await.import(&file).await.unwrap();
        ended_allocation(&world, "project_1").await;
        run(&world, Some("project_2"), 15).await;
        assert_eq!(unknown(&world, "admin").await.unwrap(), []);
        run(&world, Some("project_1"), 15).await;
        let listed = unknown(&world, "admin").await.unwrap();
        let names: Vec<&str> = listed.iter().map(|it| it.account.as_str()).collect();
        assert_eq!(names, ["project_1"]);
        ended_allocation(&world, "project_2").await;
        assert_eq!(
            unknown(&world, "admin").await.unwrap(),
            listed,
            "the other goes on"
        );
    }
}

/// One more allocation of the same project, over by now, that names the account.
async fn ended_allocation(world: &World, account: &str) {
    let broker = world.broker().await;
    let known = crate::world::allocation(&broker).await;
    let ended = broker_model::Allocation {
        id: broker_model::Ids::from_os().next(&broker_model::SystemClock),
        balance: broker_model::Balance::default(),
        valid_from: world.now() - jiff::SignedDuration::from_hours(48),
        valid_until: world.now() - jiff::SignedDuration::from_hours(24),
        local_accounts: [("lumi".parse().unwrap(), account.to_owned())].into(),
        ..known
    };
    let change = broker_store::Change {
        writes: vec![broker_store::Write::InsertAllocation(Box::new(ended))],
        entries: Vec::new(),
    };
    broker.store().commit(change).await.unwrap();
}
