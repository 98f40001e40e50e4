use serde_json::json;
use site_adapter::{Activity, ErrorKind, SiteAdapter as _};

use crate::server::{Fake, Job, Privacy, account, marker};

#[tokio::test(start_paused = true)]
async fn a_job_that_only_its_owner_sees_is_found() {
    let fake = Fake::start().await;
    fake.slurm().privacy = Privacy::Everywhere;
    fake.with([Job::new(7, "RUNNING")]);
    let found = fake.adapter.find(&account(), &marker(7)).await.unwrap();
    assert!(matches!(found.unwrap().activity, Activity::Running { .. }));
    // Not in the accounting yet.
    fake.slurm().accounting.clear();
    let found = fake.adapter.find(&account(), &marker(7)).await.unwrap();
    assert_eq!(found.unwrap().remote_id.0, "7");
}

#[tokio::test]
async fn the_usage_of_a_job_that_only_its_owner_sees_is_told() {
    let fake = Fake::start().await;
    fake.slurm().privacy = Privacy::Everywhere;
    let jobs = fake.with([Job::new(7, "COMPLETED")]);
    assert!(fake.adapter.usage(&jobs[0]).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_whole_queue_is_read_once_however_often_is_looked() {
    let fake = Fake::start().await;
    fake.with((1..=300).map(|id| Job::new(id, "PENDING")));
    let found = fake.adapter.find(&account(), &marker(7_000)).await.unwrap();
    assert_eq!(found, None);
    let calls = fake.calls();
    let whole = calls.iter().filter(|call| *call == "GET /slurm/jobs");
    assert_eq!(whole.count(), 1, "{calls:?}");
    let looks = calls.iter().filter(|call| *call == "GET /slurmdb/jobs");
    assert!(looks.count() >= 3, "{calls:?}");
}

/// The accounting, which tells of a job 5 s late at most, is then the proof, as with a long queue.
#[tokio::test(start_paused = true)]
async fn a_queue_of_jobs_that_have_ended_is_read_once_for_two_markers() {
    let fake = Fake::start().await;
    fake.with((1..=3).map(|id| Job::new(id, "PENDING")));
    fake.with((4..=1_004).map(|id| Job::new(id, "COMPLETED")));
    for id in [7_000, 7_001] {
        let found = fake.adapter.find(&account(), &marker(id)).await.unwrap();
        assert_eq!(found, None);
    }
    let calls = fake.calls();
    let whole = calls.iter().filter(|call| *call == "GET /slurm/jobs");
    assert_eq!(whole.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_comes_into_the_queue_late_before_the_accounting_knows_it_is_found() {
    let fake = Fake::start().await;
    fake.with((1..=300).map(|id| Job::new(id, "PENDING")));
    let late = async {
        // After the first look at the whole queue.
        while !fake
            .slurm()
            .calls
            .iter()
            .any(|call| call == "GET /slurm/jobs")
        {
            tokio::task::yield_now().await;
        }
        let mut slurm = fake.slurm();
        slurm.queue.insert(7_000, Job::new(7_000, "PENDING"));
    };
    let (account, marker) = (account(), marker(7_000));
    let (found, ()) = tokio::join!(fake.adapter.find(&account, &marker), late);
    assert_eq!(found.unwrap().unwrap().remote_id.0, "7000");
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_proves_no_absence() {
    for path in ["/slurmdb/jobs", "/slurm/jobs", "/slurm/jobs/state/"] {
        let fake = Fake::start().await;
        fake.slurm()
            .instead
            .insert(path.to_owned(), (200, json!({})));
        let error = fake.adapter.find(&account(), &marker(7)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{path}");
    }
}
