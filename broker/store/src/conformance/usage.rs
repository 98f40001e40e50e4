use std::cmp::Reverse;

use broker_model::{
    AttemptId, FundingShare, GpuMillis, OrganisationKind, OrganisationWas, SiteId, SizeClass,
    UsageRecord,
};
use jiff::SignedDuration;

use super::fixtures::{World, commit};
use crate::{CommitError, Entity, Page, Store, SystemUsed, UsageFilter, UsageScope, Used, Write};

fn insert(usage: &UsageRecord) -> Vec<Write> {
    vec![Write::InsertUsage(Box::new(usage.clone()))]
}

pub async fn an_attempt_is_charged_once(store: &dyn Store) {
    let world = World::new();
    let usage = world.usage(world.id(), world.now());
    commit(store, insert(&usage)).await.unwrap();
    let again = commit(store, insert(&usage)).await;
    assert!(matches!(
        again,
        Err(CommitError::Duplicate(Entity::UsageRecord))
    ));
    assert_eq!(store.usage_of(usage.job).await.unwrap(), [usage]);
    assert_eq!(store.usage_of(world.id()).await.unwrap(), []);
}

pub async fn what_ended_in_a_time_is_added_up_by_who_used_it(store: &dyn Store) {
    let world = World::new();
    let (ours, theirs) = (world.id(), world.id());
    let time = |text: &str| text.parse().unwrap();
    let [begin, end] = ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"].map(time);
    let mut records = [
        world.usage(ours, begin),
        world.usage(ours, time("2026-11-30T23:59:59.999999Z")),
        world.usage(theirs, time("2026-11-15T12:00:00Z")),
        world.usage(ours, end),
        world.usage(ours, time("2026-10-31T23:59:59.999999Z")),
    ];
    let organisation = records[0].organisation;
    for record in &mut records {
        record.organisation = organisation;
        record.organisation_was = None;
        commit(store, insert(record)).await.unwrap();
    }
    let was = |size| {
        Some(OrganisationWas {
            size,
            country: "FR".to_owned(),
            kind: Some(OrganisationKind::Company),
        })
    };
    let (small, large) = (was(SizeClass::Small), was(SizeClass::Large));
    for was in [&small, &small, &large] {
        let mut record = world.usage(theirs, begin);
        record.organisation = organisation;
        record.organisation_was.clone_from(was);
        commit(store, insert(&record)).await.unwrap();
    }
    let mut used = store.used_between(begin, end).await.unwrap();
    used.sort_by_key(|it| (it.project != ours, it.was.is_some(), it.was == large));
    let of = |project, was: &Option<OrganisationWas>, gpu| Used {
        organisation,
        was: was.clone(),
        project,
        share: records[0].share.clone(),
        gpu,
    };
    let one = records[0].charge.gpu;
    assert!(one > GpuMillis::ZERO);
    let expected = [
        of(ours, &None, one + one),
        of(theirs, &None, one),
        of(theirs, &small, one + one),
        of(theirs, &large, one),
    ];
    assert_eq!(used, expected);
}

pub async fn what_ended_in_a_time_is_added_up_by_system(store: &dyn Store) {
    let world = World::new();
    let time = |text: &str| text.parse().unwrap();
    let [begin, end] = ["2025-11-20T12:00:00Z", "2026-11-20T12:00:00Z"].map(time);
    let mut records = [
        world.usage(world.id(), begin),
        world.usage(world.id(), time("2026-11-20T11:59:59.999999Z")),
        world.usage(world.id(), time("2026-03-01T00:00:00Z")),
        world.usage(world.id(), time("2026-03-01T00:00:00Z")),
        world.usage(world.id(), end),
        world.usage(world.id(), time("2025-11-20T11:59:59.999999Z")),
    ];
    records[2].share = FundingShare::Commercial;
    records[3].partition.system = "other".parse().unwrap();
    for record in &records {
        commit(store, insert(record)).await.unwrap();
    }
    let mut used = store.used_by_system(begin, end).await.unwrap();
    used.sort_by_key(|it| (it.system.clone(), it.share.clone()));
    let of = |at: usize, gpu| SystemUsed {
        site: records[at].partition.site.clone(),
        system: records[at].partition.system.clone(),
        share: records[at].share.clone(),
        gpu,
    };
    let one = records[0].charge.gpu;
    assert_eq!(used, [of(0, one + one), of(2, one), of(3, one)]);
}

async fn listed(store: &dyn Store, filter: &UsageFilter) -> Vec<AttemptId> {
    let page = Page {
        limit: 100,
        before: None,
    };
    let usage = store.list_usage(filter, &page).await.unwrap();
    usage.into_iter().map(|it| it.attempt).collect()
}

pub async fn usage_is_listed_by_its_end(store: &dyn Store) {
    let world = World::new();
    let (ours, theirs) = (world.id(), world.id());
    // Two end at the same moment; one of them in the next month by its end, not its beginning.
    let ends = ["2026-11-01T00:30:00Z", "2026-10-31T23:59:59.999999Z"];
    let [november, october] = ends.map(|end| end.parse().unwrap());
    let mut records = [
        world.usage(ours, november),
        world.usage(ours, october),
        world.usage(theirs, november),
    ];
    records[1].share = FundingShare::Commercial;
    for record in &records {
        commit(store, insert(record)).await.unwrap();
    }
    let [first, second, third] = records.each_ref().map(|it| it.attempt);
    let everything = UsageFilter::default();
    let newest_first = [third, first, second];
    assert_eq!(listed(store, &everything).await, newest_first);
    let mut page = Page {
        limit: 1,
        before: None,
    };
    for expected in newest_first {
        let one = store.list_usage(&everything, &page).await.unwrap();
        assert_eq!(one[0].attempt, expected);
        page.before = Some(expected);
    }
    assert_eq!(store.list_usage(&everything, &page).await.unwrap(), []);

    let by = |change: &dyn Fn(&mut UsageFilter)| {
        let mut filter = UsageFilter::default();
        change(&mut filter);
        filter
    };
    let filter = by(&|f| f.projects = Some(vec![ours]));
    assert_eq!(listed(store, &filter).await, [first, second]);
    let filter = by(&|f| f.projects = Some(vec![ours, theirs]));
    assert_eq!(listed(store, &filter).await, newest_first);
    assert_eq!(
        listed(store, &by(&|f| f.projects = Some(Vec::new()))).await,
        []
    );
    let filter = by(&|f| f.share = Some(FundingShare::Commercial));
    assert_eq!(listed(store, &filter).await, [second]);
    let scope = |projects: &[_], shares: &[_]| UsageScope {
        projects: projects.to_vec(),
        shares: shares.to_vec(),
    };
    let commercial = [FundingShare::Commercial];
    for (scope, expected) in [
        (scope(&[], &[]), &[][..]),
        (scope(&[ours], &[]), &[first, second]),
        (scope(&[theirs], &commercial), &[third, second]),
        (
            scope(&[], &[FundingShare::Union, FundingShare::Commercial]),
            &newest_first,
        ),
    ] {
        let filter = by(&|f| f.scope = Some(scope.clone()));
        assert_eq!(listed(store, &filter).await, expected, "{scope:?}");
    }
    let mut filter = by(&|f| f.scope = Some(scope(&[theirs], &commercial)));
    filter.projects = Some(vec![ours]);
    assert_eq!(listed(store, &filter).await, [second], "a wish narrows it");
    let filter = by(&|f| f.month = Some("2026-11".to_owned()));
    assert_eq!(listed(store, &filter).await, [third, first]);
    let filter = by(&|f| f.site = Some("bsc".parse().unwrap()));
    assert_eq!(listed(store, &filter).await, []);
}

/// More projects than fit into one statement, some of which end at the same moment.
pub async fn usage_of_many_projects_is_listed_whole(store: &dyn Store) {
    let world = World::new();
    let mut records = Vec::new();
    for n in 0..250 {
        let ended_at = world.now() + SignedDuration::from_secs(n / 2);
        records.push(world.usage(world.id(), ended_at));
    }
    commit(store, records.iter().flat_map(insert).collect())
        .await
        .unwrap();
    records.sort_by_key(|it| Reverse((it.ended_at.as_microsecond(), it.attempt)));
    let filter = UsageFilter {
        projects: Some(records.iter().map(|it| it.project).collect()),
        ..UsageFilter::default()
    };
    let mut page = Page {
        limit: 60,
        before: None,
    };
    let mut seen = Vec::new();
    loop {
        let records = store.list_usage(&filter, &page).await.unwrap();
        let Some(last) = records.last() else { break };
        page.before = Some(last.attempt);
        seen.extend(records);
    }
    assert_eq!(seen, records);
    let month = UsageFilter {
        month: Some("2026-13".to_owned()),
        ..UsageFilter::default()
    };
    assert_eq!(listed(store, &month).await, [], "no such month");
}

pub async fn accounts_that_no_allocation_names_are_told_with_what_they_used(store: &dyn Store) {
    let world = World::new();
    let organisation = world.organisation();
    let project = world.project(organisation.id);
    let mut known = world.allocation(project.id, 1);
    let name = |account: &str| (known_site(), account.to_owned());
    known.local_accounts.extend([name("theirs")]);
    let mut writes = vec![
        Write::PutOrganisation(Box::new(organisation)),
        Write::PutProject(Box::new(project.clone())),
        Write::InsertAllocation(Box::new(known)),
    ];
    let start = world.now();
    for (hours, account) in [
        (1, Some("a'b")),
        (2, Some("theirs")),
        (3, None),
        (4, Some("a'b")),
    ] {
        let mut usage = world.usage(project.id, start + SignedDuration::from_hours(hours));
        usage.local_account = account.map(str::to_owned);
        writes.extend(insert(&usage));
    }
    commit(store, writes).await.unwrap();
    let told = store.unknown_accounts(&known_site(), start).await.unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&*told[0].account, told[0].jobs), ("a'b", 2));
    assert_eq!(told[0].gpu, GpuMillis::from_hours(8));
    let hour = |hours| start + SignedDuration::from_hours(hours);
    assert_eq!((told[0].first_seen, told[0].last_seen), (hour(1), hour(4)));
    let late = store
        .unknown_accounts(&known_site(), hour(2))
        .await
        .unwrap();
    assert_eq!(late[0].jobs, 1);
    let elsewhere = store.unknown_accounts(&"bsc".parse().unwrap(), start).await;
    assert_eq!(elsewhere.unwrap(), []);
}

fn known_site() -> SiteId {
    "lumi".parse().unwrap()
}
