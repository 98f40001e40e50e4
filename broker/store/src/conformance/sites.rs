use broker_model::{
    Controls, GpuMillis, OrganisationId, RegisteredSite, SiteId, UsageRecord, WindowId, WindowUse,
};
use futures::future::join_all;
use serde_json::json;

use super::fixtures::{World, commit, completed, placed, waiting};
use crate::{CommitError, Entity, Store, Write};

fn registered(world: &World, version: i64) -> RegisteredSite {
    let site = json!({
        "id": "lumi", "name": "LUMI AI Factory", "hosting_entity": "CSC", "city": "Kajaani",
        "country": "FI", "source": { "checked_on": "2026-11-20", "from": ["made for a test"] },
    });
    RegisteredSite {
        site: serde_json::from_value(site).unwrap(),
        controls: Controls::default(),
        file_sha256: None,
        edited: version > 0,
        changed_at: world.now(),
        retired_at: None,
        version,
    }
}

fn lumi() -> SiteId {
    "lumi".parse().unwrap()
}

pub async fn a_site_is_registered_once_and_changed_from_what_was_read(store: &dyn Store) {
    let world = World::new();
    let put = |version| {
        let site = Box::new(registered(&world, version));
        commit(store, vec![Write::PutRegisteredSite(site)])
    };
    assert_eq!(store.find_registered_site(&lumi()).await.unwrap(), None);
    let racers = join_all((0..3).map(|_| put(0))).await;
    assert_eq!(racers.iter().filter(|it| it.is_ok()).count(), 1);
    let lost = racers.into_iter().find_map(Result::err).unwrap();
    assert!(
        matches!(lost, CommitError::Conflict(Entity::Site)),
        "{lost}"
    );
    put(1).await.unwrap();
    put(1).await.unwrap_err();
    let versions = store.registered_versions().await.unwrap();
    assert_eq!(versions, [(lumi(), 2)]);
    let mut expected = registered(&world, 1);
    expected.version = 2;
    let found = store.find_registered_site(&lumi()).await.unwrap();
    assert_eq!(found, Some(expected));
}

pub async fn of_all_who_counted_the_same_one_places_at_a_site(store: &dyn Store) {
    let count = |version| Write::CountAt {
        site: lumi(),
        version,
    };
    assert_eq!(store.site_counts().await.unwrap(), []);
    for version in 0..2 {
        let racers = join_all((0..3).map(|_| commit(store, vec![count(version)]))).await;
        assert_eq!(racers.iter().filter(|it| it.is_ok()).count(), 1);
        for lost in racers.into_iter().filter_map(Result::err) {
            let is_conflict = matches!(lost, CommitError::Conflict(Entity::SiteCount));
            assert!(is_conflict, "{lost}");
        }
        assert_eq!(store.site_counts().await.unwrap(), [(lumi(), version + 1)]);
    }
}

async fn uses(store: &dyn Store, window: WindowId) -> Option<WindowUse> {
    let uses = store.window_uses(&[window]).await.unwrap();
    assert!(uses.iter().all(|(id, _)| *id == window));
    uses.first().map(|(_, uses)| *uses)
}

fn counted(used: i64, held: i64) -> WindowUse {
    WindowUse {
        used: GpuMillis(used),
        held: GpuMillis(held),
    }
}

pub async fn a_window_counts_what_is_held_until_it_is_charged(store: &dyn Store) {
    let world = World::new();
    let (window, other): (WindowId, WindowId) = (world.id(), world.id());
    assert_eq!(store.window_uses(&[]).await.unwrap(), []);
    assert_eq!(uses(store, window).await, None);
    let mut job = world.job();
    job.state = placed("lumi");
    let hold = |window, gpu| Write::PutWindowUse {
        job: job.id,
        window,
        gpu: GpuMillis(gpu),
    };
    let insert = Write::InsertJob(Box::new(job.clone()));
    commit(store, vec![insert, hold(other, 5), hold(window, 7)])
        .await
        .unwrap();
    assert_eq!(
        (uses(store, other).await, uses(store, window).await),
        (None, Some(counted(0, 7)))
    );
    job.state = waiting("lumi", world.now());
    let ask = Write::UpdateJob(Box::new(job.clone()));
    commit(store, vec![ask]).await.unwrap();
    job.version += 1;
    let asked = uses(store, window).await;
    assert_eq!(asked, Some(counted(0, 7)), "it waits for a person there");

    let mut attempt = world.attempt(job.id);
    let begin = Write::InsertAttempt(Box::new(attempt.clone()));
    job.state = completed(world.now());
    let end = Write::UpdateJob(Box::new(job.clone()));
    commit(store, vec![begin, end]).await.unwrap();
    assert_eq!(
        uses(store, window).await,
        Some(counted(0, 7)),
        "it is not charged yet"
    );

    attempt.settled = true;
    let mut usage = world.usage(job.spec.project, world.now());
    (usage.job, usage.charge.gpu) = (job.id, GpuMillis(4));
    let settle = Write::UpdateAttempt(Box::new(attempt));
    commit(store, vec![settle, Write::InsertUsage(Box::new(usage))])
        .await
        .unwrap();
    assert_eq!(uses(store, window).await, Some(counted(4, 0)));
    commit(store, vec![Write::RemoveWindowUse { job: job.id }])
        .await
        .unwrap();
    assert_eq!(uses(store, window).await, None);
}

pub async fn an_organisation_is_counted_by_site_and_month(store: &dyn Store) {
    let world = World::new();
    let account = world.account(store).await;
    let project = store.find_project(account.project).await.unwrap().unwrap();
    let (ours, theirs): (OrganisationId, OrganisationId) = (project.organisation, world.id());
    let mut here = world.job_of(project.id);
    here.state = placed("lumi");
    let mut elsewhere = world.job_of(project.id);
    elsewhere.state = placed("bsc");
    let pending = world.job_of(project.id);
    let mut asked = world.job_of(project.id);
    asked.state = waiting("lumi", world.now());
    let jobs =
        [&here, &elsewhere, &pending, &asked].map(|job| Write::InsertJob(Box::new(job.clone())));
    commit(store, jobs.to_vec()).await.unwrap();
    let found = store.jobs_of_organisation(ours, &lumi()).await.unwrap();
    let found: Vec<_> = found.iter().map(|job| job.id).collect();
    assert_eq!(found.len(), 2);
    assert!(found.contains(&here.id) && found.contains(&asked.id));
    assert_eq!(
        store.jobs_of_organisation(theirs, &lumi()).await.unwrap(),
        []
    );

    let ends = [
        "2026-11-01T00:30:00Z",
        "2026-11-30T00:00:00Z",
        "2026-12-01T00:00:00Z",
    ];
    for end in ends {
        let mut usage: UsageRecord = world.usage(project.id, end.parse().unwrap());
        usage.organisation = ours;
        usage.partition.site = lumi();
        usage.charge.gpu = GpuMillis(10);
        commit(store, vec![Write::InsertUsage(Box::new(usage))])
            .await
            .unwrap();
    }
    let gpu = async |organisation, site: &str, month| {
        let site = site.parse().unwrap();
        store
            .organisation_gpu(organisation, &site, month)
            .await
            .unwrap()
            .0
    };
    assert_eq!(gpu(ours, "lumi", "2026-11").await, 20);
    assert_eq!(gpu(ours, "lumi", "2026-12").await, 10);
    assert_eq!(gpu(ours, "bsc", "2026-11").await, 0);
    assert_eq!(gpu(theirs, "lumi", "2026-11").await, 0);
}
