use broker_model::{Job, JobId, ProjectId, StateName};

use super::fixtures::{World, commit, completed, placed};
use crate::{JobFilter, Page, Store, Write};

async fn store_jobs(store: &dyn Store, jobs: &[Job]) {
    let insert = |job: &Job| Write::InsertJob(Box::new(job.clone()));
    let writes = jobs.iter().map(insert).collect();
    commit(store, writes).await.unwrap();
}

async fn listed(store: &dyn Store, filter: &JobFilter) -> Vec<JobId> {
    let page = Page {
        limit: 200,
        before: None,
    };
    let jobs = store.list_jobs(filter, &page).await.unwrap();
    jobs.into_iter().map(|job| job.id).collect()
}

fn of(projects: &[ProjectId]) -> JobFilter {
    JobFilter {
        projects: Some(projects.to_vec()),
        ..JobFilter::default()
    }
}

pub async fn pages_go_from_the_newest_to_the_oldest_without_gaps(store: &dyn Store) {
    let world = World::new();
    let projects: [ProjectId; 2] = [world.id(), world.id()];
    let jobs: Vec<Job> = (0..7).map(|n| world.job_of(projects[n % 2])).collect();
    store_jobs(store, &jobs).await;
    let mut newest_first: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    newest_first.reverse();
    for filter in [JobFilter::default(), of(&projects)] {
        let mut seen = Vec::new();
        let mut page = Page {
            limit: 3,
            before: None,
        };
        loop {
            let jobs = store.list_jobs(&filter, &page).await.unwrap();
            assert!(jobs.len() <= 3);
            let Some(last) = jobs.last() else { break };
            page.before = Some(last.id);
            seen.extend(jobs.iter().map(|job| job.id));
            // What comes meanwhile is newer than the page, and does not shift it.
            store_jobs(store, &[world.job_of(projects[0])]).await;
        }
        assert_eq!(seen.split_off(seen.len() - 7), newest_first);
    }
}

/// The API gives 200 at most, and asks for one more to know whether there is another page.
pub async fn a_page_may_have_one_more_than_the_api_gives(store: &dyn Store) {
    let world = World::new();
    let project = world.id();
    let jobs: Vec<Job> = (0..205).map(|_| world.job_of(project)).collect();
    store_jobs(store, &jobs).await;
    for (asked, got) in [(201, 201), (5000, 201), (0, 1)] {
        let page = Page {
            limit: asked,
            before: None,
        };
        let jobs = store.list_jobs(&of(&[project]), &page).await.unwrap();
        assert_eq!(jobs.len(), got);
    }
}

pub async fn a_list_shows_the_projects_of_the_caller_only(store: &dyn Store) {
    let world = World::new();
    let jobs = [world.job(), world.job(), world.job()];
    store_jobs(store, &jobs).await;
    let project = |at: usize| jobs[at].spec.project;
    assert_eq!(listed(store, &of(&[])).await, []);
    assert_eq!(listed(store, &of(&[project(1)])).await, [jobs[1].id]);
    let two = listed(store, &of(&[project(0), project(2)])).await;
    assert_eq!(two, [jobs[2].id, jobs[0].id]);
    assert_eq!(listed(store, &of(&[world.id()])).await, []);
    assert_eq!(listed(store, &JobFilter::default()).await.len(), 3);
}

pub async fn filters_hold_together(store: &dyn Store) {
    let world = World::new();
    let project = world.id();
    let mut jobs: Vec<Job> = (0..4).map(|_| world.job_of(project)).collect();
    jobs[1].state = placed("lumi");
    jobs[2].state = placed("bsc");
    jobs[3].state = placed("lumi");
    store_jobs(store, &jobs).await;
    let mut over = jobs[3].clone();
    over.state = completed(world.now());
    commit(store, vec![Write::UpdateJob(Box::new(over))])
        .await
        .unwrap();
    let at_lumi = JobFilter {
        site: Some("lumi".parse().unwrap()),
        ..of(&[project])
    };
    // A job that is over stays a job of its site.
    let both = listed(store, &at_lumi).await;
    assert_eq!(both, [jobs[3].id, jobs[1].id]);
    let active = JobFilter {
        active: true,
        ..at_lumi.clone()
    };
    assert_eq!(listed(store, &active).await, [jobs[1].id]);
    let states = JobFilter {
        states: vec![StateName::Pending, StateName::Completed],
        ..JobFilter::default()
    };
    assert_eq!(listed(store, &states).await, [jobs[3].id, jobs[0].id]);
}

pub async fn the_loops_see_active_jobs_oldest_first(store: &dyn Store) {
    let world = World::new();
    let mut jobs: Vec<Job> = (0..6).map(|_| world.job()).collect();
    jobs[2].state = placed("lumi");
    jobs[3].state = placed("lumi");
    jobs[4].state = placed("lumi");
    jobs[4].attempt = Some(world.id());
    jobs[5].state = completed(world.now());
    store_jobs(store, &jobs).await;
    let ids = |jobs: Vec<Job>| -> Vec<JobId> { jobs.into_iter().map(|job| job.id).collect() };

    let (first, second) = (jobs[0].id, jobs[1].id);
    let pending = ids(store.pending_jobs(None, 10).await.unwrap());
    assert_eq!(pending, [first, second]);
    assert_eq!(ids(store.pending_jobs(None, 1).await.unwrap()), [first]);
    let rest = ids(store.pending_jobs(Some(first), 10).await.unwrap());
    assert_eq!(rest, [second]);
    let lumi = "lumi".parse().unwrap();
    let unclaimed = ids(store.placed_jobs(&lumi, None, 10).await.unwrap());
    assert_eq!(unclaimed, [jobs[2].id, jobs[3].id]);
    let later = store.placed_jobs(&lumi, Some(jobs[2].id), 10).await;
    assert_eq!(ids(later.unwrap()), [jobs[3].id]);
    let elsewhere = "bsc".parse().unwrap();
    assert_eq!(store.placed_jobs(&elsewhere, None, 10).await.unwrap(), []);
    let mut counts = store.count_active().await.unwrap();
    counts.sort();
    let expected = [
        (StateName::Pending, None, 2),
        (StateName::Placed, Some(lumi), 3),
    ];
    assert_eq!(counts, expected);
}

/// More than fit into one statement.
pub async fn any_number_of_projects_is_listed_whole(store: &dyn Store) {
    let world = World::new();
    let jobs: Vec<Job> = (0..450).map(|_| world.job()).collect();
    store_jobs(store, &jobs).await;
    let mut projects: Vec<ProjectId> = jobs.iter().map(|job| job.spec.project).collect();
    projects.push(projects[0]);
    let newest: Vec<JobId> = jobs.iter().rev().map(|job| job.id).collect();
    let mut page = Page {
        limit: 200,
        before: None,
    };
    let mut seen = Vec::new();
    while seen.len() < newest.len() {
        let jobs = store.list_jobs(&of(&projects), &page).await.unwrap();
        assert!(!jobs.is_empty(), "{} of 450", seen.len());
        seen.extend(jobs.iter().map(|job| job.id));
        page.before = seen.last().copied();
    }
    assert_eq!(seen, newest);
}

pub async fn finished_jobs_are_found_by_state_and_site(store: &dyn Store) {
    let world = World::new();
    let projects: [ProjectId; 2] = [world.id(), world.id()];
    let mut jobs: Vec<Job> = (0..4).map(|n| world.job_of(projects[n % 2])).collect();
    for job in &mut jobs[..3] {
        job.state = placed("lumi");
    }
    store_jobs(store, &jobs).await;
    for job in &jobs[..2] {
        let mut over = job.clone();
        over.state = completed(world.now());
        let update = Write::UpdateJob(Box::new(over));
        commit(store, vec![update]).await.unwrap();
    }
    let lumi = JobFilter {
        site: Some("lumi".parse().unwrap()),
        ..JobFilter::default()
    };
    let by_state = |states: &[StateName], filter: &JobFilter| JobFilter {
        states: states.to_vec(),
        ..filter.clone()
    };
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|at| jobs[at].id);
    assert_eq!(listed(store, &lumi).await, [third, second, first]);
    let completed = [StateName::Completed, StateName::Failed];
    let over = by_state(&completed, &of(&projects));
    assert_eq!(listed(store, &over).await, [second, first]);
    let one_projects = by_state(&completed, &of(&projects[1..]));
    assert_eq!(listed(store, &one_projects).await, [second]);
    let there = by_state(&[StateName::Completed, StateName::Placed], &lumi);
    assert_eq!(listed(store, &there).await, [third, second, first]);
    let none = JobFilter {
        active: true,
        ..by_state(&completed, &lumi)
    };
    assert_eq!(listed(store, &none).await, []);
    let active = JobFilter {
        active: true,
        ..JobFilter::default()
    };
    assert_eq!(listed(store, &active).await, [fourth, third]);
}
