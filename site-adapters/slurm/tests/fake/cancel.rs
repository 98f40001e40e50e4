use site_adapter::{ErrorKind, SiteAdapter as _};

use crate::server::{Fake, Job};

/// Its slurmd is away: it stays so until that is back, and nothing of it runs.
#[tokio::test]
async fn a_job_that_has_ended_and_whose_nodes_do_not_let_it_go_needs_no_cancelling() {
    for state in [
        "COMPLETED+COMPLETING",
        "FAILED+COMPLETING",
        "TIMEOUT+COMPLETING",
        "NODE_FAIL+COMPLETING",
        "COMPLETING",
    ] {
        let fake = Fake::start().await;
        let jobs = fake.with([Job::new(7, state)]);
        fake.slurm().on_delete = Some(Job::new(7, state));
        fake.adapter.cancel(&jobs[0]).await.unwrap();
    }
}

#[tokio::test]
async fn a_job_that_runs_on_or_is_put_back_was_not_cancelled() {
    for state in ["RUNNING", "NODE_FAIL+COMPLETING+REQUEUED"] {
        let fake = Fake::start().await;
        let jobs = fake.with([Job::new(7, state)]);
        fake.slurm().on_delete = Some(Job::new(7, state));
        let error = fake.adapter.cancel(&jobs[0]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{state}");
    }
}
