use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::json;
use site_adapter::{Activity, ErrorKind, RemoteJob, RemoteRef, SiteAdapter as _};

use crate::asked::{ACCOUNTING, DIAG, LOOK, QUEUE, STATES, poll, running, unknown};
use crate::server::{Fake, Job, SUBMITTED, account, marker};

#[tokio::test]
async fn a_tick_is_one_query_whatever_the_number_of_jobs() {
    for many in [1, 150, 900] {
        let fake = Fake::start().await;
        let jobs = fake.with((1..=many).map(|id| Job::new(id, "RUNNING")));
        // As many as one query of the accounting takes are told in each.
        for told in (500..jobs.len()).step_by(500) {
            assert_eq!(running(&poll(&fake, &jobs).await), told);
            assert_eq!(fake.calls(), [STATES, ACCOUNTING]);
        }
        assert_eq!(running(&poll(&fake, &jobs).await), jobs.len());
        fake.calls();
        for _ in 0..10 {
            assert_eq!(running(&poll(&fake, &jobs).await), jobs.len());
            assert_eq!(fake.calls(), [STATES]);
        }
        fake.clock.advance(SignedDuration::from_mins(2));
        poll(&fake, &jobs).await;
        assert_eq!(fake.calls(), [STATES, ACCOUNTING], "whose they are");
    }
}

/// What was asked in five minutes of a poll each second, less the one query of each.
async fn asked_beside(fake: &Fake, jobs: &[RemoteRef]) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for _ in 0..300 {
        assert_eq!(poll(fake, jobs).await.len(), jobs.len());
        let calls = fake.calls();
        assert_eq!(calls.iter().filter(|call| *call == STATES).count(), 1);
        for call in calls.into_iter().filter(|call| call != STATES) {
            let call = if call.starts_with(LOOK) { LOOK } else { &call };
            *asked.entry(call.to_owned()).or_default() += 1;
        }
    }
    asked
}

#[tokio::test]
async fn waiting_jobs_cost_a_bounded_number_of_questions_a_minute_whatever_their_number() {
    for many in [1, 2, 300, 900, 2_000] {
        let fake = Fake::start().await;
        let jobs = fake.with((1..=many).map(|id| Job::new(id, "PENDING")));
        while unknown(&poll(&fake, &jobs).await) > 0 {}
        fake.calls();
        let asked = asked_beside(&fake, &jobs).await;
        let count = |call: &str| asked.get(call).copied().unwrap_or(0);
        let is_short = (2..=500).contains(&many);
        let reads = if is_short { 6 } else { 0 };
        assert!(count(QUEUE) <= reads, "{many}: {asked:?}");
        assert!(count(DIAG) <= 6, "{many}: {asked:?}");
        assert!(count(LOOK) <= 6 * 8, "{many}: {asked:?}");
        assert!(count(ACCOUNTING) <= 6 * 6, "{many}: {asked:?}");
        let named: usize = [QUEUE, DIAG, LOOK, ACCOUNTING].map(count).iter().sum();
        assert_eq!(asked.values().sum::<usize>(), named, "{asked:?}");
    }
}

#[tokio::test]
async fn why_the_jobs_of_a_short_queue_wait_is_told_of_all_at_once() {
    for tells_no_states in [false, true] {
        let fake = Fake::start().await;
        let held = |id| Job {
            reason: "JobHeldAdmin",
            ..Job::new(id, "PENDING")
        };
        let jobs = fake.with((1..=300).map(held));
        fake.slurm().tells_no_states = tells_no_states;
        poll(&fake, &jobs).await;
        let reads = fake.calls().iter().filter(|call| *call == QUEUE).count();
        assert_eq!(reads, 1);
        let told = poll(&fake, &jobs).await;
        let why = |job: &RemoteJob| match &job.activity {
            Activity::Queued { reason, .. } => reason.clone(),
            _ => None,
        };
        let held = |job: &&RemoteJob| why(job).as_deref() == Some("JobHeldAdmin");
        assert_eq!(told.iter().filter(held).count(), 300, "{tells_no_states}");
    }
}

#[tokio::test]
async fn jobs_that_leave_the_queue_are_asked_for_in_one_query() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=300).map(|id| Job::new(id, "RUNNING")));
    poll(&fake, &jobs).await;
    fake.calls();
    {
        let mut slurm = fake.slurm();
        for id in 1..=100 {
            slurm.queue.remove(&id);
        }
        for job in slurm.accounting.iter_mut().filter(|job| job.id <= 100) {
            job.state = "COMPLETED";
        }
    }
    let told = poll(&fake, &jobs).await;
    assert_eq!(fake.calls(), [STATES, ACCOUNTING]);
    assert_eq!((told.len(), running(&told)), (300, 200));
    let ended = |job: &&RemoteJob| matches!(job.activity, Activity::Ended { .. });
    assert_eq!(told.iter().filter(ended).count(), 100);
}

#[tokio::test]
async fn jobs_that_do_not_change_need_no_accounting() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=300).map(|id| {
        let state = ["PENDING", "RUNNING"][usize::from(id % 2 == 0)];
        Job::new(id, state)
    }));
    poll(&fake, &jobs).await;
    fake.slurm().accounting_is_down = true;
    fake.calls();
    let told = poll(&fake, &jobs).await;
    assert_eq!(fake.calls(), [STATES]);
    assert_eq!((told.len(), running(&told)), (300, 150));
    fake.clock.advance(SignedDuration::from_mins(2));
    fake.slurm().queue.remove(&2);
    let told = poll(&fake, &jobs).await;
    assert_eq!(told.len(), 300, "what nobody can tell of is as it was");
}

#[tokio::test]
async fn a_question_that_fails_is_about_one_job_only() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=5).map(|id| Job::new(id, "RUNNING")));
    fake.slurm().accounting.clear();
    let garbage = (500, json!({"errors": []}));
    for path in ["/slurm/job/3", "/slurm/jobs"] {
        let path = path.to_owned();
        fake.slurm().instead.insert(path, garbage.clone());
    }
    let told = poll(&fake, &jobs).await;
    assert_eq!((told.len(), running(&told), unknown(&told)), (5, 4, 1));
    fake.slurm().instead.clear();
    let told = poll(&fake, &jobs).await;
    assert_eq!(running(&told), 5, "a failed question is asked again");
}

#[tokio::test]
async fn a_question_that_fails_leaves_a_job_as_it_was() {
    let fake = Fake::start().await;
    let jobs = fake.with((1..=2).map(|id| Job::new(id, "RUNNING")));
    poll(&fake, &jobs).await;
    {
        let mut slurm = fake.slurm();
        slurm.accounting_is_down = true;
        slurm.queue.insert(1, Job::new(1, "PENDING"));
        let garbage = (500, json!({"errors": []}));
        slurm.instead.insert("/slurm/job/1".to_owned(), garbage);
    }
    let told = poll(&fake, &jobs).await;
    assert_eq!(running(&told), 2);
    fake.slurm().instead.clear();
    let told = poll(&fake, &jobs).await;
    assert!(matches!(told[0].activity, Activity::Queued { .. }));
}

#[tokio::test]
async fn a_job_that_was_found_running_stays_so_while_nobody_can_tell() {
    let fake = Fake::start().await;
    let jobs = fake.with([Job::new(7, "RUNNING"), Job::new(8, "RUNNING")]);
    fake.adapter.find(&account(), &marker(7)).await.unwrap();
    {
        let mut slurm = fake.slurm();
        slurm.accounting_is_down = true;
        slurm.queue.clear();
    }
    let told = poll(&fake, &jobs).await;
    assert!(matches!(told[0].activity, Activity::Running { .. }));
    assert_eq!(told[1].activity, Activity::Unknown);
}

#[tokio::test]
async fn a_state_that_is_not_known_is_about_one_job_only_and_no_end() {
    let fake = Fake::start().await;
    let jobs = fake.with([
        Job::new(1, "RUNNING"),
        Job::new(2, "LEVITATING"),
        Job::new(3, "COMPLETED"),
    ]);
    let told = poll(&fake, &jobs).await;
    assert_eq!((told.len(), running(&told)), (3, 2));
    assert!(matches!(told[2].activity, Activity::Ended { .. }));
}

#[tokio::test]
async fn an_id_that_was_given_out_again_is_noticed_within_two_minutes() {
    let fake = Fake::start().await;
    let jobs = fake.with([Job::new(7, "RUNNING"), Job::new(8, "RUNNING")]);
    poll(&fake, &jobs).await;
    let others = Job {
        name: marker(9),
        submitted_at: SUBMITTED + 50,
        ..Job::new(7, "RUNNING")
    };
    fake.with([others]);
    fake.clock.advance(SignedDuration::from_mins(2));
    let told = poll(&fake, &jobs).await;
    let markers: Vec<_> = told.iter().map(|job| job.marker.clone()).collect();
    assert_eq!(markers, [marker(8)]);
}

#[tokio::test]
async fn why_a_job_waits_is_told() {
    let fake = Fake::start().await;
    let held = Job {
        reason: "JobHeldAdmin",
        ..Job::new(7, "PENDING")
    };
    let jobs = fake.with([held]);
    for _ in 0..3 {
        let told = poll(&fake, &jobs).await;
        let Activity::Queued { reason, .. } = &told[0].activity else {
            panic!("{told:?}");
        };
        assert_eq!(reason.as_deref(), Some("JobHeldAdmin"));
    }
}

#[tokio::test]
async fn an_answer_without_its_list_makes_no_job_gone() {
    let fake = Fake::start().await;
    let jobs = fake.with([Job::new(7, "RUNNING")]);
    let empty = (200, json!({}));
    fake.slurm()
        .instead
        .insert("/slurm/jobs/state/".to_owned(), empty.clone());
    let error = fake.adapter.poll(&jobs).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    fake.slurm().instead.clear();
    fake.slurm()
        .instead
        .insert("/slurmdb/jobs".to_owned(), empty);
    assert_eq!(running(&poll(&fake, &jobs).await), 1);
}
