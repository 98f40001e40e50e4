use broker_model::{Job, OutcomeKind, ReferralDraft, ReferralMove};

use super::case::{Case, faults};
use crate::agent::Agent;
use crate::world::{at, engineer, principal, submit};

const LOG: &str = "loading /users/ada/venv\nHF_TOKEN=hf_abcdefghijklmnop\nmail ada@example.eu\n";

impl Case {
    /// A job that ran at LUMI and ended so, with a log that has what nobody else may read.
    async fn ended(&self, kind: OutcomeKind) -> Job {
        let agent = Agent::of(&self.world, "lumi");
        agent.show(&self.broker).await;
        let job = submit(&self.broker, at(&["lumi"])).await;
        let leased = agent.lease_one(&self.broker).await;
        agent.start(&self.broker, leased.attempt).await;
        let lines: Vec<String> = (1..=200).map(|it| format!("step {it}")).collect();
        let log = format!("{}\n{LOG}CUDA out of memory\n", lines.join("\n"));
        agent.log(&self.broker, leased.attempt, 0, &log).await;
        self.world.pass(60);
        let events = vec![agent.ended(leased.attempt, kind), agent.used(&leased, 1)];
        agent.report(&self.broker, events).await;
        job
    }

    fn with(&self, job: &Job) -> ReferralDraft {
        ReferralDraft {
            organisation: None,
            job: Some(job.id),
            ..self.draft()
        }
    }
}

#[tokio::test]
async fn a_job_that_failed_goes_along_with_its_evidence_and_without_secrets() {
    let case = Case::new().await;
    let job = case.ended(OutcomeKind::OutOfMemory).await;
    let member = engineer(&case.broker).await;
    let shown = case.broker.referral_evidence(&member, job.id).await;
    let sent = case.broker.send_referral(&member, &case.with(&job)).await;
    let sent = sent.unwrap();
    let looked_at = shown.unwrap();
    assert_eq!(sent.job.as_deref(), Some(&looked_at), "what was looked at");
    assert_ne!(sent.organisation, case.ours.id, "that of the project");
    let desk = case.desk(&case.at_lumi, "lumi");
    let seen = desk.await.unwrap().remove(0);
    let attached = seen.referral.job.as_deref().unwrap();
    assert_eq!(attached.state.as_str(), "failed");
    let outcome = attached.outcome.as_ref().unwrap();
    assert_eq!(outcome.kind, OutcomeKind::OutOfMemory);
    assert_eq!(outcome.site_words, "COMPLETED");
    let placement = attached.placement.as_ref().unwrap();
    assert_eq!(placement.chosen, attached.ran_on);
    assert!(placement.feasible > 0 && placement.rejected > 0);
    let log = &attached.logs[0];
    assert_eq!((log.stream.as_str(), log.cut), ("stdout", true));
    assert_eq!(log.text.lines().count(), 100);
    assert!(log.text.ends_with("CUDA out of memory"));
    for secret in ["ada", "hf_abc", "example.eu"] {
        assert!(!log.text.contains(secret), "{secret}");
    }
    let mine = case.broker.my_referrals(&member).await.unwrap();
    assert_eq!(mine.len(), 1, "the project follows it, speaking for nobody");
    let outside = case.broker.referral(&case.founder, sent.id).await;
    assert!(matches!(
        outside,
        Err(broker_app::Error::NotFound("referral"))
    ));
    let words = "solved: too large a batch".to_owned();
    let taken_back = ReferralMove::Withdraw { words };
    let closed = case.moved(&member, sent.id, taken_back).await.unwrap();
    assert!(!closed.is_open());
}

#[tokio::test]
async fn a_job_that_did_not_fail_or_is_not_ones_own_begins_nothing() {
    let case = Case::new().await;
    let job = case.ended(OutcomeKind::Completed).await;
    let member = engineer(&case.broker).await;
    let refused = faults(case.broker.send_referral(&member, &case.with(&job)).await);
    assert_eq!(refused[0].0, "job");
    let nothing = case.broker.referral_evidence(&member, job.id).await;
    assert!(matches!(nothing, Err(broker_app::Error::NotWaiting(_))));
    let failed = case.ended(OutcomeKind::Failed).await;
    let draft = case.with(&failed);
    let foreign = case.broker.send_referral(&case.founder, &draft).await;
    assert!(matches!(foreign, Err(broker_app::Error::NotFound("job"))));
    let operator = case.broker.caller(principal("operator")).await.unwrap();
    let by_operator = case.broker.send_referral(&operator, &draft).await;
    assert!(matches!(by_operator, Err(broker_app::Error::Forbidden(_))));
    for (who, is_seen) in [(&case.founder, false), (&operator, true)] {
        let looked = case.broker.referral_evidence(who, failed.id).await;
        match looked {
            Err(broker_app::Error::NotFound("job")) => assert!(!is_seen),
            Err(broker_app::Error::Forbidden(_)) => assert!(is_seen),
            other => panic!("{other:?}"),
        }
    }
    let other = ReferralDraft {
        organisation: Some(case.ours.id),
        ..draft
    };
    let refused = faults(case.broker.send_referral(&member, &other).await);
    assert_eq!(refused[0].0, "organisation");
}
