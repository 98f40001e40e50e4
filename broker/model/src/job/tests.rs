use super::event::ended;
use super::*;
use crate::OutcomeKind;
use crate::states_page::{Machine, section};

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

fn held(reason: HoldReason) -> JobState {
    JobState::Pending.apply(hold(reason)).unwrap()
}

fn hold(reason: HoldReason) -> JobEvent {
    JobEvent::Hold(Hold {
        reason,
        partition: Some(partition()),
        since: Timestamp::UNIX_EPOCH,
    })
}

/// As the page calls it: what a held job waits for makes a difference there.
fn shown(state: &JobState) -> &'static str {
    match state.waits_for() {
        Some((HoldReason::Confirmation, _)) => "held_for_confirmation",
        Some((HoldReason::Handoff, _)) => "held_for_handoff",
        _ => state.name().as_str(),
    }
}

fn states() -> Vec<JobState> {
    let (partition, remote_id) = (partition(), RemoteId("7".to_owned()));
    let at = Timestamp::UNIX_EPOCH;
    let mut all = vec![
        JobState::Pending,
        held(HoldReason::Terms),
        held(HoldReason::Confirmation),
        held(HoldReason::Handoff),
        JobState::Placed {
            partition: partition.clone(),
        },
        JobState::Queued {
            partition: partition.clone(),
            remote_id: remote_id.clone(),
            reason: None,
            expected_start: None,
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
        hold(HoldReason::Terms),
        hold(HoldReason::Confirmation),
        hold(HoldReason::Handoff),
        JobEvent::Release,
        JobEvent::Confirm,
        JobEvent::Place(partition()),
        JobEvent::Refuse,
        JobEvent::Accept(RemoteId("8".to_owned())),
        JobEvent::Wait {
            reason: None,
            expected_start: None,
        },
        JobEvent::Start(Timestamp::UNIX_EPOCH),
        JobEvent::Requeue,
        JobEvent::End(Timestamp::UNIX_EPOCH, outcome(OutcomeKind::Completed)),
        JobEvent::Lose,
    ]
}

/// Where an event leads: `over` for whatever final state the outcome names.
fn leads_to(state: &JobState, event: &JobEvent) -> Option<&'static str> {
    let to = state.clone().apply(event.clone()).ok()?;
    let ends_now = to.is_final() && !state.is_final();
    Some(if ends_now { "over" } else { shown(&to) })
}

#[test]
fn the_page_shows_every_transition_of_a_job() {
    let mut machine = Machine::new(events().iter().map(JobEvent::name));
    for state in states() {
        for event in events() {
            let to = leads_to(&state, &event);
            machine.add(shown(&state), event.name(), to);
        }
    }
    machine.assert_shown_in(section("Job"));
}

#[test]
fn the_outcome_names_the_final_state() {
    for (kind, name) in [
        (OutcomeKind::Completed, StateName::Completed),
        (OutcomeKind::Cancelled, StateName::Cancelled),
        (OutcomeKind::TimedOut, StateName::TimedOut),
        (OutcomeKind::Failed, StateName::Failed),
        (OutcomeKind::OutOfMemory, StateName::Failed),
        (OutcomeKind::NodeFailure, StateName::Failed),
        (OutcomeKind::Preempted, StateName::Failed),
        (OutcomeKind::Vanished, StateName::Failed),
        (OutcomeKind::LaunchFailed, StateName::Failed),
        (OutcomeKind::DependencyFailed, StateName::Failed),
    ] {
        let end = JobEvent::End(Timestamp::UNIX_EPOCH, outcome(kind));
        let state = JobState::Pending.apply(end).unwrap();
        assert_eq!(state.name(), name, "{kind:?}");
    }
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
        .apply(JobEvent::End(
            Timestamp::UNIX_EPOCH,
            outcome(OutcomeKind::Completed),
        ))
        .unwrap();
    assert_eq!(over.partition(), Some(&partition()));
    assert_eq!(over.started_at(), Some(Timestamp::UNIX_EPOCH));
    assert_eq!(
        over.remote_id().map(ToString::to_string),
        Some("7".to_owned())
    );
}

#[test]
fn a_held_job_says_where_it_will_go_and_only_a_person_lets_it_in() {
    let waits = held(HoldReason::Confirmation);
    assert_eq!(waits.partition(), Some(&partition()));
    assert_eq!(waits.name(), StateName::Held);
    for event in [
        JobEvent::Accept(RemoteId("7".to_owned())),
        JobEvent::Start(Timestamp::UNIX_EPOCH),
        JobEvent::Place(partition()),
    ] {
        assert!(waits.clone().apply(event).is_err());
    }
    let placed = waits.apply(JobEvent::Confirm).unwrap();
    assert_eq!(placed.name(), StateName::Placed);
}

#[test]
fn a_held_job_survives_its_json() {
    for reason in [
        HoldReason::Terms,
        HoldReason::Confirmation,
        HoldReason::Handoff,
    ] {
        let state = held(reason);
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<JobState>(&json).unwrap(), state);
    }
}

#[test]
fn a_queued_job_says_why_it_waits_until_it_starts() {
    let queued = JobState::Placed {
        partition: partition(),
    }
    .apply(JobEvent::Accept(RemoteId("7".to_owned())))
    .unwrap();
    let waiting = queued
        .apply(JobEvent::Wait {
            reason: Some("PartitionTimeLimit".to_owned()),
            expected_start: None,
        })
        .unwrap();
    assert_eq!(waiting.waits(), Some((Some("PartitionTimeLimit"), None)));
    let again = waiting
        .clone()
        .apply(JobEvent::Accept(RemoteId("7".to_owned())))
        .unwrap();
    assert_eq!(again, waiting, "a repeated report forgets nothing");
    let running = waiting
        .apply(JobEvent::Start(Timestamp::UNIX_EPOCH))
        .unwrap();
    assert_eq!(running.waits(), None);
    let back = running.apply(JobEvent::Requeue).unwrap();
    assert_eq!(
        back.waits(),
        Some((None, None)),
        "it waits for another reason now"
    );
}

/// A report that was cut off on its way may come after the requeue that followed it.
#[test]
fn a_start_that_is_heard_after_a_requeue_gives_way_to_the_next_one() {
    let at = |seconds| JobEvent::Start(Timestamp::from_second(seconds).unwrap());
    let queued = JobState::Placed {
        partition: partition(),
    }
    .apply(JobEvent::Accept(RemoteId("7".to_owned())))
    .unwrap();
    let late = queued.apply(at(10)).unwrap();
    let running = late.apply(at(20)).unwrap().apply(at(10)).unwrap();
    assert_eq!(
        running.started_at(),
        Some(Timestamp::from_second(20).unwrap())
    );
}
