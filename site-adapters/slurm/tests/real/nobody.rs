//! A site that does not hold users to its accounting: 22.05 and 24.11 take the job of a user whom they
//! do not know as user id 99, and it never runs.

use std::sync::Arc;

use broker_model::{Ids, SystemClock};
use site_adapter::{ErrorKind, SiteAdapter as _};
use site_adapter_slurm::SlurmAdapter;
use site_adapter_slurm::testing::{SlurmSite, Suite};

use super::cluster::submission;

/// Neither `associations` nor `limits`; the parser takes no empty list.
const OPTIONS: &[&str] = &["--conf", "AccountingStorageEnforce=nosteps"];

async fn an_unknown_users_job_is_withdrawn_and_refused(version: Suite) {
    let start = move || SlurmSite::start_or_skip(version, OPTIONS);
    let Some(site) = tokio::task::spawn_blocking(start).await.unwrap() else {
        return;
    };
    let settings = site.settings().unwrap();
    let adapter = SlurmAdapter::new(settings, Arc::new(SystemClock)).unwrap();
    let ids = Ids::from_os();
    let mut theirs = submission(&ids, "exit 0");
    "nosuchuser".clone_into(&mut theirs.account.user);
    theirs.account.account = None;
    let error = adapter.submit(&theirs).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    let words = error.to_string();
    assert!(words.contains("`nosuchuser`; correct"), "{words}");
    let queue = site.exec(&["squeue", "--noheader"]).unwrap();
    assert_eq!(queue.trim(), "", "nothing waits");
    let mut ours = submission(&ids, "exit 0");
    ours.account.account = None;
    adapter.submit(&ours).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slurm_22_05() {
    an_unknown_users_job_is_withdrawn_and_refused(Suite::Bookworm).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slurm_24_11() {
    an_unknown_users_job_is_withdrawn_and_refused(Suite::Trixie).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slurm_26_05() {
    an_unknown_users_job_is_withdrawn_and_refused(Suite::Forky).await;
}
