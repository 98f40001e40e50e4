//! What a tick asks where there are no states, or no accounting.

use jiff::SignedDuration;
use serde_json::json;
use site_adapter::{Activity, ErrorKind, RemoteRef, SiteAdapter as _};

use crate::asked::{ACCOUNTING, DIAG, LOOK, QUEUE, STATES, poll, running, unknown};
use crate::server::{Fake, Job, Privacy, account, marker};

fn looks(calls: &[String]) -> usize {
    calls.iter().filter(|call| call.starts_with(LOOK)).count()
}

/// A tick asks for some of them by themselves, so it takes several.
async fn until_running(fake: &Fake, jobs: &[RemoteRef], count: usize) {
    for _ in 0..100 {
        if running(&poll(fake, jobs).await) == count {
            return;
        }
    }
    panic!("they are never all told of");
}

#[tokio::test]
async fn without_accounting_all_jobs_of_a_short_queue_are_told_by_one_read_of_it() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=150).map(|id| Job::new(id, "RUNNING")));
    fake.slurm().accounting_is_down = true;
    assert_eq!(running(&poll(&fake, &jobs).await), 150);
    assert_eq!(fake.calls(), [STATES, ACCOUNTING, DIAG, QUEUE]);
    assert_eq!(running(&poll(&fake, &jobs).await), 150);
    assert_eq!(fake.calls(), [STATES]);
}

#[tokio::test]
async fn without_accounting_a_few_jobs_of_a_long_queue_are_asked_for_and_none_is_left_out() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=600).map(|id| Job::new(id, "RUNNING")));
    fake.slurm().accounting_is_down = true;
    let mut asked = 0;
    for known in [10, 12, 14] {
        fake.calls();
        let told = poll(&fake, &jobs).await;
        assert_eq!((told.len(), running(&told)), (600, known));
        assert_eq!(unknown(&told), 600 - known, "no state is made up");
        asked += looks(&fake.calls());
    }
    assert_eq!(asked, 14);
    fake.slurm().accounting_is_down = false;
    until_running(&fake, &jobs, 600).await;
}

#[tokio::test]
async fn a_job_that_was_found_running_is_never_told_as_waiting_for_want_of_a_turn() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=600).map(|id| Job::new(id, "RUNNING")));
    fake.adapter.find(&account(), &marker(600)).await.unwrap();
    fake.slurm().accounting_is_down = true;
    let told = poll(&fake, &jobs).await;
    assert!(matches!(told[599].activity, Activity::Running { .. }));
    assert_eq!((running(&told), unknown(&told)), (11, 589));
}

/// As each owner, since what the reader does not see may be hidden from it.
#[tokio::test]
async fn jobs_that_the_reader_does_not_see_are_read_with_their_owners_eyes() {
    let fake = Fake::start().await;
    fake.slurm().privacy = Privacy::Everywhere;
    fake.slurm().accounting_is_down = true;
    let owner = |id| if id % 2 == 0 { "alice" } else { "carol" };
    let mut jobs = fake.with((1..=10).map(|id| Job {
        user: owner(id),
        ..Job::new(id, "RUNNING")
    }));
    for (job, id) in jobs.iter_mut().zip(1..) {
        owner(id).clone_into(&mut job.account.user);
    }
    assert_eq!(running(&poll(&fake, &jobs).await), 10);
    let calls = fake.calls();
    assert_eq!(calls, [STATES, ACCOUNTING, DIAG, QUEUE, QUEUE, QUEUE]);
    fake.slurm().tells_no_states = true;
    assert_eq!(running(&poll(&fake, &jobs).await), 10);
    let calls = fake.calls();
    assert_eq!(calls, [STATES, QUEUE, ACCOUNTING, QUEUE, QUEUE]);
}

#[tokio::test]
async fn without_states_a_tick_reads_a_short_queue_and_nothing_else() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=300).map(|id| {
        let state = ["PENDING", "RUNNING"][usize::from(id % 2 == 0)];
        Job::new(id, state)
    }));
    fake.slurm().tells_no_states = true;
    poll(&fake, &jobs).await;
    fake.calls();
    let mut asked = Vec::new();
    for _ in 0..50 {
        let told = poll(&fake, &jobs).await;
        assert_eq!((told.len(), running(&told), unknown(&told)), (300, 150, 0));
        asked.extend(fake.calls());
    }
    asked.retain(|call| call != QUEUE);
    assert_eq!(asked, [""; 0]);
    {
        let mut slurm = fake.slurm();
        slurm.queue.remove(&2);
        slurm.queue.insert(4, Job::new(4, "FAILED"));
        slurm.accounting.retain(|job| job.id != 6);
        slurm.queue.remove(&6);
        slurm.accounting[1].state = "COMPLETED";
    }
    let told = poll(&fake, &jobs).await;
    assert_eq!(fake.calls(), [QUEUE, ACCOUNTING]);
    let ended = |n: usize| matches!(told[n].activity, Activity::Ended { .. });
    assert!(ended(1), "the accounting's word: {:?}", told[1]);
    assert!(ended(3), "slurmctld's: {:?}", told[3]);
    assert_eq!((told.len(), running(&told)), (299, 147), "one is gone");
}

#[tokio::test]
async fn without_states_a_tick_of_a_long_queue_is_one_query_and_two_looks() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=900).map(|id| {
        let state = ["PENDING", "RUNNING"][usize::from(id % 2 == 0)];
        Job::new(id, state)
    }));
    fake.slurm().tells_no_states = true;
    for _ in 0..3 {
        poll(&fake, &jobs).await;
    }
    fake.calls();
    for _ in 0..30 {
        poll(&fake, &jobs).await;
        let mut calls = fake.calls();
        // Its length, once a minute; and once in ten whether there are states now.
        calls.retain(|call| call != DIAG && call != STATES);
        let accounting = calls.iter().filter(|call| *call == ACCOUNTING).count();
        assert_eq!(
            (accounting, looks(&calls), calls.len()),
            (1, 2, 3),
            "{calls:?}"
        );
    }
}

#[tokio::test]
async fn where_slurmctld_tells_no_states_its_silence_costs_two_questions() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=600).map(|id| Job::new(id, "RUNNING")));
    fake.slurm().tells_no_states = true;
    until_running(&fake, &jobs, 600).await;
    let down = json!({"errors": [{"error_number": 1800, "error": "No slurmctld"}]});
    for id in 1..=600 {
        let path = format!("/slurm/job/{id}");
        fake.slurm().instead.insert(path, (500, down.clone()));
    }
    for _ in 0..3 {
        fake.calls();
        let error = fake.adapter.poll(&jobs).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        let calls = fake.calls();
        assert_eq!(looks(&calls), 2, "{calls:?}");
    }
    fake.slurm().instead.clear();
    assert_eq!(running(&poll(&fake, &jobs).await), 600);
}

#[tokio::test]
async fn where_slurmctld_tells_no_states_its_silence_about_a_short_queue_is_an_error() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=5).map(|id| Job::new(id, "RUNNING")));
    fake.slurm().tells_no_states = true;
    poll(&fake, &jobs).await;
    let down = json!({"errors": [{"error_number": 1800, "error": "No slurmctld"}]});
    let path = "/slurm/jobs".to_owned();
    fake.slurm().instead.insert(path, (500, down));
    let error = fake.adapter.poll(&jobs).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn where_slurmctld_tells_no_states_one_bad_job_holds_up_nobody() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=5).map(|id| Job::new(id, "RUNNING")));
    fake.with((100..=700).map(|id| Job::new(id, "PENDING")));
    fake.slurm().tells_no_states = true;
    fake.slurm().accounting.clear();
    let garbage = (500, json!({"errors": []}));
    let path = "/slurm/job/1".to_owned();
    fake.slurm().instead.insert(path, garbage);
    for _ in 0..3 {
        let told = poll(&fake, &jobs).await;
        assert_eq!((told.len(), running(&told), unknown(&told)), (5, 4, 1));
    }
}

/// 23.11: its v0.0.40 has no `jobs/state/`, and no later version is there.
#[tokio::test]
async fn a_version_without_states_is_found_once_and_not_at_every_tick() {
    let fake = Fake::with_settings("v0.0.40", json!({})).await;
    let jobs = fake.with([Job::new(7, "RUNNING")]);
    fake.slurm().tells_no_states = true;
    assert_eq!(running(&poll(&fake, &jobs).await), 1);
    let newer = |minor| format!("GET /slurm/v0.0.{minor}/ping");
    let mut expected: Vec<String> = (41..=45).rev().map(newer).collect();
    expected.extend(["GET /slurm/ping", STATES, DIAG, QUEUE].map(str::to_owned));
    assert_eq!(fake.calls(), expected);
    for _ in 0..3 {
        poll(&fake, &jobs).await;
        assert_eq!(fake.calls(), [QUEUE]);
    }
    fake.clock.advance(SignedDuration::from_mins(11));
    fake.slurm().tells_no_states = false;
    poll(&fake, &jobs).await;
    assert_eq!(fake.calls(), [STATES, ACCOUNTING], "Slurm was upgraded");
}

/// What ended while slurmdbd was down, and was purged from slurmctld, is RUNNING in the accounting until
/// it is told.
#[tokio::test(start_paused = true)]
async fn a_job_is_not_lost_while_the_accounting_is_not_told_of_everything() {
    let fake = Fake::start().await;
    fake.with([Job::new(7, "RUNNING")]);
    fake.slurm().queue.clear();
    fake.slurm().backlog = 3;
    let error = fake.adapter.find(&account(), &marker(7)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    fake.slurm().backlog = 0;
    fake.slurm().accounting[0].state = "COMPLETED";
    let found = fake.adapter.find(&account(), &marker(7)).await.unwrap();
    let Activity::Ended { outcome, .. } = found.unwrap().activity else {
        panic!("it is over");
    };
    assert_eq!(outcome.kind, broker_model::OutcomeKind::Completed);
}
