use std::fmt::Write as _;

use super::*;

fn partition() -> PartitionRef {
    PartitionRef {
        site: "lumi".parse().unwrap(),
        system: "lumi".parse().unwrap(),
        partition: "standard-g".parse().unwrap(),
    }
}

fn outcome(kind: OutcomeKind) -> Outcome {
    Outcome {
        kind,
        exit_code: None,
        signal: None,
        site_words: String::new(),
    }
}

fn states() -> Vec<JobState> {
    let (partition, remote_id) = (partition(), RemoteId("7".to_owned()));
    let at = Timestamp::UNIX_EPOCH;
    let mut all = vec![
        JobState::Pending,
        JobState::Held {
            reason: HoldReason::Terms,
        },
        JobState::Placed {
            partition: partition.clone(),
        },
        JobState::Queued {
            partition: partition.clone(),
            remote_id: remote_id.clone(),
        },
        JobState::Running {
            partition,
            remote_id,
            started_at: at,
        },
    ];
    for kind in [
        OutcomeKind::Completed,
        OutcomeKind::Failed,
        OutcomeKind::Cancelled,
        OutcomeKind::TimedOut,
    ] {
        all.push(ended(at, outcome(kind), None));
    }
    all
}

fn events() -> Vec<JobEvent> {
    vec![
        JobEvent::Hold(HoldReason::Terms),
        JobEvent::Release,
        JobEvent::Place(partition()),
        JobEvent::Refuse,
        JobEvent::Accept(RemoteId("8".to_owned())),
        JobEvent::Start(Timestamp::UNIX_EPOCH),
        JobEvent::Requeue,
        JobEvent::End(Timestamp::UNIX_EPOCH, outcome(OutcomeKind::Completed)),
        JobEvent::Lose,
    ]
}

/// Every state and every event; `-` where the job refuses.
#[test]
fn the_whole_table_of_transitions() {
    let mut table = String::new();
    for state in states() {
        for event in events() {
            let to = state.clone().apply(event.clone());
            let to = to.map_or("-", |state| state.name().as_str());
            writeln!(table, "{} {} {to}", state.name().as_str(), event.name()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_final_state_never_changes() {
    for state in states().into_iter().filter(JobState::is_final) {
        for event in events() {
            assert!(
                state
                    .clone()
                    .apply(event)
                    .map_or(true, |next| next == state)
            );
        }
    }
}

#[test]
fn a_job_that_was_killed_for_memory_has_failed() {
    let state = JobState::Pending
        .apply(JobEvent::End(
            Timestamp::UNIX_EPOCH,
            outcome(OutcomeKind::OutOfMemory),
        ))
        .unwrap();
    assert_eq!(state.name(), StateName::Failed);
}

#[test]
fn a_refusal_names_both_sides() {
    let error = JobState::Pending.apply(JobEvent::Requeue).unwrap_err();
    assert_eq!(error.to_string(), "a pending job cannot be requeued");
}

#[test]
fn a_job_that_is_over_still_says_where_it_ran_and_since_when() {
    let running = JobState::Running {
        partition: partition(),
        remote_id: RemoteId("7".to_owned()),
        started_at: Timestamp::UNIX_EPOCH,
    };
    let over = running
        .apply(JobEvent::End(Timestamp::UNIX_EPOCH, outcome(OutcomeKind::Completed)))
        .unwrap();
    assert_eq!(over.partition(), Some(&partition()));
    assert_eq!(over.started_at(), Some(Timestamp::UNIX_EPOCH));
    assert_eq!(over.remote_id().map(ToString::to_string), Some("7".to_owned()));
}
