//! A site's mapping that changes while an agent is at a submit.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use broker_model::SiteReadiness;
use site_adapter::{ErrorKind, LocalAccount};
use site_agent::{AccountError, AccountMap, AccountQuestion, Mapping};

use crate::site::Fault::Before;
use crate::stage::Stage;

type Answer = Result<(&'static str, &'static str), &'static str>;

/// Who and where, or why not; it can be changed.
#[derive(Debug)]
struct Changing(Mutex<Answer>);

#[async_trait]
impl AccountMap for Changing {
    async fn account(&self, _: &AccountQuestion) -> Result<Mapping, AccountError> {
        let answer = *self.0.lock().unwrap();
        let refused = |words: &str| AccountError::NoAccount(words.to_owned());
        let (user, partition) = answer.map_err(refused)?;
        Ok(Mapping {
            account: LocalAccount {
                user: user.to_owned(),
                account: None,
                qos: None,
            },
            partition: Some(partition.parse().unwrap()),
        })
    }
}

/// An agent that was killed in a submit that never reached the scheduler, and is restarted after the
/// site has changed its mapping.
async fn restarted(then: Answer) -> (Stage, broker_model::AttemptId) {
    let mapping = Arc::new(Changing(Mutex::new(Ok(("alice", "gpu-ai")))));
    let mut stage = Stage::with_spool(|_| {});
    stage.accounts = mapping.clone();
    stage.restart();
    stage.site.fail("submit", Before(ErrorKind::Unclear));
    stage.site.fail("find", Before(ErrorKind::Unavailable));
    let attempt = stage.offer();
    stage.tick().await;
    assert_eq!(stage.site.count("submit"), 1);
    *mapping.0.lock().unwrap() = then;
    stage.restart();
    (stage, attempt)
}

#[tokio::test]
async fn a_restart_in_a_submit_sends_the_job_to_the_partition_that_the_mapping_names() {
    for (user, partition) in [("alice", "gpu-ai"), ("bob", "gpu-ai-2")] {
        let (stage, attempt) = restarted(Ok((user, partition))).await;
        stage.finish(attempt).await;
        let sent_to = [(user.to_owned(), partition.to_owned())];
        assert_eq!(stage.site.script().sent_to, sent_to);
        assert_eq!(stage.site.starts(), [1]);
    }
}

#[tokio::test]
async fn a_person_who_was_taken_out_of_the_mapping_is_not_sent_after_a_restart_in_a_submit() {
    let (stage, attempt) = restarted(Err("no account any more")).await;
    stage.finish(attempt).await;
    assert_eq!(stage.broker.row(attempt).events.last(), Some(&"refused"));
    assert_eq!(stage.site.starts(), [0_u32; 0]);
}

#[tokio::test]
async fn a_job_that_is_cancelled_while_the_mapping_is_asked_again_is_not_sent() {
    let (stage, attempt) = restarted(Ok(("alice", "gpu-ai"))).await;
    stage.broker.cancel(attempt);
    stage.finish(attempt).await;
    assert_eq!(stage.site.starts(), [0_u32; 0]);
}

/// Never answers.
#[derive(Debug)]
struct NoAnswer(AccountError);

#[async_trait]
impl AccountMap for NoAnswer {
    async fn account(&self, _: &AccountQuestion) -> Result<Mapping, AccountError> {
        Err(self.0.clone())
    }
}

/// What the site's state says after so many seconds without an answer.
async fn state_after(seconds: u32, error: AccountError) -> (SiteReadiness, String) {
    let mut stage = Stage::new();
    stage.accounts = Arc::new(NoAnswer(error));
    stage.restart();
    stage.offer();
    stage.ticks(seconds).await;
    stage.agent.calls_once().await;
    stage.agent.snapshot_once().await;
    stage.agent.report_once().await.unwrap();
    let snapshot = stage.broker.rows().snapshots.last().cloned().unwrap();
    (snapshot.readiness, snapshot.reason.unwrap_or_default())
}

#[tokio::test]
async fn a_directory_that_is_away_shows_after_its_time_and_one_that_speaks_nonsense_at_once() {
    let away = || AccountError::Unavailable("timed out".to_owned());
    let (readiness, reason) = state_after(10, away()).await;
    assert_eq!((readiness, reason.as_str()), (SiteReadiness::Ready, ""));
    let (readiness, reason) = state_after(130, away()).await;
    assert_eq!(readiness, SiteReadiness::Limited);
    assert!(reason.contains("timed out (not reachable"), "{reason}");
    let odd = AccountError::Unusable("404 Not Found".to_owned());
    let (readiness, reason) = state_after(10, odd).await;
    assert_eq!(readiness, SiteReadiness::Limited);
    assert!(reason.contains("a person has to mend this"), "{reason}");
}
