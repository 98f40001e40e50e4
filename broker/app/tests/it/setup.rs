use broker_app::setup::{GrantSetup, MemberSetup, SetupError};
use broker_app::{Broker, Caller};
use broker_model::{EntryKind, Role, UnitMillis};
use futures::future::join;
use jiff::SignedDuration;

use crate::agent::Agent;
use crate::books::Books;
use crate::world::{ISSUER, World, allocation, allocation_of, at, principal, setup, submit};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOURS: fn(i64) -> UnitMillis = UnitMillis::from_hours;

fn member(subject: &str, lead: bool) -> MemberSetup {
    MemberSetup {
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        lead,
    }
}

fn grant(subject: &str, role: &str) -> GrantSetup {
    GrantSetup {
        organisation: None,
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        role: role.to_owned(),
        site: None,
        centre: None,
        share: None,
        sees_people: false,
        removed: false,
    }
}

async fn roles(broker: &Broker, subject: &str) -> Vec<Role> {
    let caller: Caller = broker.caller(principal(subject)).await.unwrap();
    caller.roles.to_vec()
}

#[tokio::test]
async fn edited_hours_are_granted_or_taken_back_and_an_import_repeated_changes_nothing() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let mut file = setup();
    for (hours, line) in [
        (
            6000,
            "allocation sample/grant: 5000.0000 hours granted became 6000.0000",
        ),
        (
            10,
            "allocation sample/grant: 6000.0000 hours granted became 10.0000",
        ),
    ] {
        allocation_of(&mut file).hours = hours;
        assert_eq!(broker.import(&file).await.unwrap(), [line]);
        assert_eq!(
            allocation(&broker).await.balance.granted,
            HOURS(hours.into())
        );
        let size = broker.store().ledger_size().await.unwrap();
        assert!(broker.import(&file).await.unwrap().is_empty());
        assert_eq!(broker.store().ledger_size().await.unwrap(), size);
    }
    allocation_of(&mut file).suspended = true;
    allocation_of(&mut file).hours = 11;
    let done = broker.import(&file).await.unwrap();
    assert_eq!(done.len(), 2, "{done:?}");
    assert_eq!(done[0], "allocation sample/grant: changed suspended");
    let books = Books::check(&broker).await;
    assert_eq!(books.count(EntryKind::AllocationGranted), 1);
    assert_eq!(books.count(EntryKind::AllocationChanged), 1);
    assert_eq!(books.count(EntryKind::GrantChanged), 3);
}

#[tokio::test]
async fn hours_that_are_held_cannot_be_taken_back() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    submit(&broker, at(&["lumi"])).await;
    let mut file = setup();
    allocation_of(&mut file).hours = 3;
    let refused = broker.import(&file).await.unwrap_err();
    assert!(matches!(refused, SetupError::TooFewHours { .. }));
    assert_eq!(
        refused.to_string(),
        "projects.sample.allocations.grant: the grant cannot be cut to 3.0000 hours: 4.0000 are used, \
         held or lost; set `hours` to no less, or suspend the allocation"
    );
    assert_eq!(allocation(&broker).await.balance.granted, HOURS(5000));
    allocation_of(&mut file).hours = 4;
    assert_eq!(broker.import(&file).await.unwrap().len(), 1);
    assert_eq!(allocation(&broker).await.balance.remaining(), HOURS(0));
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_member_whom_the_file_leaves_out_is_removed() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let mut file = setup();
    let members = vec![member("engineer", false), member("student", false)];
    file.projects.get_mut("sample").unwrap().members = members;
    let done = broker.import(&file).await.unwrap();
    assert_eq!(done, ["student is member of project sample"]);
    let members = vec![member("student", true)];
    file.projects.get_mut("sample").unwrap().members = members;
    let mut done = broker.import(&file).await.unwrap();
    done.sort();
    assert_eq!(
        done,
        [
            "engineer is no longer member of project sample",
            "student is lead of project sample",
            "student is no longer member of project sample",
        ]
    );
    assert_eq!(roles(&broker, "engineer").await, []);
    assert!(matches!(
        roles(&broker, "student").await[..],
        [Role::Lead { .. }]
    ));
    assert!(broker.import(&file).await.unwrap().is_empty());
    // A file that does not speak of the project leaves its members alone.
    file.projects.clear();
    assert!(broker.import(&file).await.unwrap().is_empty());
    assert_eq!(Books::read(&broker).await.count(EntryKind::RoleRemoved), 2);
}

#[tokio::test]
async fn a_role_has_the_holders_the_file_names_for_it_and_other_roles_stay() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let mut file = setup();
    file.grants = vec![grant("first", "operator"), grant("second", "operator")];
    broker.import(&file).await.unwrap();
    file.grants = vec![grant("second", "operator")];
    let done = broker.import(&file).await.unwrap();
    assert_eq!(done, ["first is no longer operator"]);
    assert_eq!(roles(&broker, "second").await, [Role::Operator]);
    let auditor = [Role::Auditor { share: None }];
    assert_eq!(roles(&broker, "auditor").await, auditor, "not spoken of");
    file.grants = vec![GrantSetup {
        removed: true,
        ..grant("auditor", "auditor")
    }];
    let done = broker.import(&file).await.unwrap();
    assert_eq!(done, ["auditor is no longer auditor"]);
    assert!(broker.import(&file).await.unwrap().is_empty());
    file.grants = vec![grant("third", "king")];
    let refused = broker.import(&file).await.unwrap_err().to_string();
    assert!(refused.contains("`king` is not a role"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unused_when_the_term_ends_is_lost_once_nothing_is_held() {
    for world in World::each().await {
        let replicas = [world.broker().await, world.broker().await];
        let broker = &replicas[0];
        let mut file = setup();
        let end = world.now() + DAY;
        allocation_of(&mut file).valid_until = end;
        broker.import(&file).await.unwrap();
        let agent = Agent::of(&world, "lumi");
        agent.show(broker).await;
        submit(broker, at(&["lumi"])).await;
        let leased = agent.lease_one(broker).await;
        agent.start(broker, leased.attempt).await;
        assert_eq!(broker.lapse_once().await.unwrap(), 0, "it has not ended");
        world.pass(DAY.as_secs());
        assert_eq!(broker.lapse_once().await.unwrap(), 0, "a job is running");
        agent.finish(broker, &leased, 30).await;
        let (one, other) = join(replicas[0].lapse_once(), replicas[1].lapse_once()).await;
        assert_eq!(one.unwrap() + other.unwrap(), 1);
        let balance = allocation(broker).await.balance;
        assert_eq!((balance.used, balance.lost), (HOURS(2), HOURS(4998)));
        assert_eq!(balance.remaining(), HOURS(0));
        assert_eq!(broker.lapse_once().await.unwrap(), 0);
        let books = Books::check(broker).await;
        assert_eq!(books.count(EntryKind::HoursLost), 1);

        allocation_of(&mut file).valid_until = end + DAY;
        let done = broker.import(&file).await.unwrap();
        assert_eq!(
            done,
            [
                "allocation sample/grant: changed valid_until",
                "allocation sample/grant: its final_report is due on 2027-02-22",
                "allocation sample/grant: 4998.0000 lost hours are there again",
            ]
        );
        assert_eq!(allocation(broker).await.balance.remaining(), HOURS(4998));
        world.pass(DAY.as_secs());
        assert_eq!(broker.lapse_once().await.unwrap(), 1);
        let books = Books::check(broker).await;
        assert_eq!(books.count(EntryKind::HoursLost), 2);
        assert_eq!(books.count(EntryKind::HoursRecovered), 1);
    }
}

#[tokio::test]
async fn a_share_of_a_state_that_there_is_not_is_refused() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let mut file = setup();
    allocation_of(&mut file).share = "national:ZZ".parse().unwrap();
    let refused = broker.import(&file).await.unwrap_err();
    assert!(matches!(refused, SetupError::NotAShare { .. }), "{refused}");
    let mut file = setup();
    let mut auditor = grant("auditor", "auditor");
    auditor.share = Some("national:ZZ".parse().unwrap());
    file.grants.push(auditor);
    let refused = broker.import(&file).await.unwrap_err();
    assert!(
        matches!(refused, SetupError::NotAShareOfAuditors { .. }),
        "{refused}"
    );
}

/// The demo's clock stands on 20 November 2026, and the report is due three months after the term.
#[tokio::test]
async fn of_hours_by_an_unknown_mode_nothing_is_asked_whose_last_day_is_over() {
    for (until, opened) in [
        ("2025-01-01T00:00:00Z", 0),
        ("2026-08-19T22:00:00Z", 0),
        ("2026-08-20T22:00:00Z", 1),
        ("2027-01-01T00:00:00Z", 1),
    ] {
        let world = World::sqlite().await;
        let broker = world.broker().await;
        let mut file = setup();
        let mut old = allocation_of(&mut file).clone();
        old.valid_from = "2024-01-01T00:00:00Z".parse().unwrap();
        old.valid_until = until.parse().unwrap();
        let project = file.projects.get_mut("sample").unwrap();
        project.allocations.insert("old".to_owned(), old);
        let before = Books::read(&broker).await.entries.len();
        broker.import(&file).await.unwrap();
        let entries = Books::read(&broker).await.entries;
        let of_reports = { entries[before..].iter() }
            .filter(|it| it.kind == EntryKind::FollowUpOpened)
            .count();
        assert_eq!(of_reports, opened, "{until}");
    }
}
