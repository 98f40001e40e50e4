use broker_model::{AfterWhen, OutcomeKind, RemoteId};
use site_adapter::{Activity, ErrorKind, RemoteAfter, SiteAdapter as _, Submission};

use crate::asked::poll;
use crate::server::{Fake, Job, Privacy, marker, reference, submission};

/// Job 7, which waits for job 1.
fn after(when: AfterWhen) -> Submission {
    let mut submission = submission(7);
    submission.work.after = vec![RemoteAfter {
        marker: marker(1),
        remote: RemoteId("1".to_owned()),
        when,
    }];
    submission
}

fn carols(state: &'static str) -> Job {
    Job {
        user: "carol",
        ..Job::new(1, state)
    }
}

/// What becomes of job 7 and how many submissions there were.
async fn submitted(fake: &Fake, when: AfterWhen) -> (Result<(), ErrorKind>, usize) {
    fake.slurm().on_submit = Some(Job::new(7, "PENDING"));
    let answer = fake.adapter.submit(&after(when)).await;
    let calls = fake.calls();
    let sent = calls.iter().filter(|call| call.starts_with("POST")).count();
    (answer.map(drop).map_err(|error| error.kind), sent)
}

const EACH: [AfterWhen; 3] = [AfterWhen::Completed, AfterWhen::Failed, AfterWhen::Ended];

#[tokio::test]
async fn a_job_of_another_person_that_is_hidden_from_this_one_is_waited_for() {
    for when in EACH {
        let fake = Fake::with_settings("v0.0.42", serde_json::json!({"reader": "carol"})).await;
        fake.slurm().privacy = Privacy::Everywhere;
        fake.with([carols("RUNNING")]);
        assert_eq!(submitted(&fake, when).await, (Ok(()), 1));
        let body = fake.slurm().body.clone();
        assert!(body.contains(":1\""), "no dependency was sent: {body}");
    }
}

#[tokio::test]
async fn a_job_that_nobody_sees_is_not_taken_for_over() {
    for when in EACH {
        let fake = Fake::start().await;
        fake.slurm().privacy = Privacy::Everywhere;
        fake.with([carols("RUNNING")]);
        assert_eq!(
            submitted(&fake, when).await,
            (Err(ErrorKind::Unavailable), 0)
        );
    }
}

/// `jobs/state/` lists hidden jobs, too; before 24.05 nothing does.
#[tokio::test]
async fn a_job_that_the_accounting_alone_shows_is_not_taken_for_lost_while_it_may_run() {
    for when in EACH {
        for tells_no_states in [false, true] {
            let fake = Fake::start().await;
            fake.slurm().privacy = Privacy::Queue;
            fake.slurm().tells_no_states = tells_no_states;
            fake.with([carols("RUNNING")]);
            assert_eq!(
                submitted(&fake, when).await,
                (Err(ErrorKind::Unavailable), 0)
            );
        }
    }
}

/// Purged from slurmctld, and its end not yet in the accounting.
#[tokio::test]
async fn a_dependency_is_not_decided_while_the_accounting_lags() {
    for when in EACH {
        let fake = Fake::start().await;
        fake.with([Job::new(1, "RUNNING")]);
        fake.slurm().queue.clear();
        fake.slurm().backlog = 1;
        assert_eq!(
            submitted(&fake, when).await,
            (Err(ErrorKind::Unavailable), 0)
        );
        fake.slurm().accounting[0].state = "COMPLETED";
        fake.slurm().backlog = 0;
        let (answer, _) = submitted(&fake, when).await;
        let met = when != AfterWhen::Failed;
        assert_eq!(answer, if met { Ok(()) } else { Err(ErrorKind::Refused) });
    }
}

#[tokio::test]
async fn a_job_that_is_lost_with_slurmctlds_state_has_ended_and_not_completed() {
    let told_by = [
        (Job::new(1, "RUNNING"), false),
        (Job::new(1, "RUNNING"), true),
        // Hers may be hidden, and the states tell that it is not.
        (carols("RUNNING"), false),
    ];
    for (when, answer) in [
        (AfterWhen::Ended, Ok(())),
        (AfterWhen::Completed, Err(ErrorKind::Refused)),
    ] {
        for (lost, tells_no_states) in told_by.clone() {
            let fake = Fake::start().await;
            fake.slurm().tells_no_states = tells_no_states;
            fake.with([lost]);
            fake.slurm().queue.clear();
            assert_eq!(submitted(&fake, when).await.0, answer);
        }
    }
}

async fn outcome_of(fake: &Fake, job: &Job) -> OutcomeKind {
    let told = poll(fake, &[reference(job)]).await;
    let Activity::Ended { outcome, .. } = &told[0].activity else {
        panic!("{told:?}");
    };
    outcome.kind
}

/// The accounting says of both that nobody had them cancelled, and not why they were.
#[tokio::test]
async fn only_a_job_that_waited_for_others_is_cancelled_for_their_sake() {
    let dropped = Job {
        started_at: None,
        ..Job::new(7, "CANCELLED")
    };
    let fake = Fake::start().await;
    fake.with([dropped.clone()]);
    assert_eq!(outcome_of(&fake, &dropped).await, OutcomeKind::Cancelled);

    let fake = Fake::start().await;
    fake.with([Job::new(1, "RUNNING")]);
    assert_eq!(submitted(&fake, AfterWhen::Completed).await.1, 1);
    fake.slurm().queue.clear();
    fake.slurm().accounting.push(dropped.clone());
    assert_eq!(
        outcome_of(&fake, &dropped).await,
        OutcomeKind::DependencyFailed
    );

    // A restarted agent: slurmctld may still say why.
    let fake = Fake::start().await;
    fake.with([Job {
        reason: "DependencyNeverSatisfied",
        ..dropped.clone()
    }]);
    assert_eq!(
        outcome_of(&fake, &dropped).await,
        OutcomeKind::DependencyFailed
    );
    let found = fake
        .adapter
        .find(&crate::server::account(), &marker(7))
        .await;
    let Activity::Ended { outcome, .. } = found.unwrap().unwrap().activity else {
        panic!("it is over");
    };
    assert_eq!(outcome.kind, OutcomeKind::DependencyFailed);
}
