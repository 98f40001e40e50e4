use super::*;
use crate::states_page::{Machine, section};

fn outcome() -> Outcome {
    Outcome {
        kind: OutcomeKind::Completed,
        exit_code: Some(0),
        signal: None,
        site_words: "COMPLETED".to_owned(),
    }
}

fn accepted() -> (RemoteId, Timestamp) {
    (RemoteId("7".to_owned()), Timestamp::UNIX_EPOCH)
}

fn states() -> Vec<AttemptState> {
    let (remote_id, submitted_at) = accepted();
    vec![
        AttemptState::Leased,
        AttemptState::Submitting,
        AttemptState::Accepted {
            remote_id,
            submitted_at,
        },
        AttemptState::Ended { outcome: outcome() },
        AttemptState::Refused {
            reason: "no".to_owned(),
        },
        AttemptState::Lost,
    ]
}

fn events() -> Vec<AttemptEvent> {
    let (remote_id, submitted_at) = accepted();
    vec![
        AttemptEvent::Submit,
        AttemptEvent::Accept {
            remote_id,
            submitted_at,
        },
        AttemptEvent::End(outcome()),
        AttemptEvent::Refuse("no".to_owned()),
        AttemptEvent::Lose,
    ]
}

#[test]
fn the_page_shows_every_transition_of_an_attempt() {
    let mut machine = Machine::new(events().iter().map(AttemptEvent::as_str));
    for state in states() {
        for event in events() {
            let to = state.clone().apply(event.clone()).ok();
            let to = to.as_ref().map(AttemptState::as_str);
            machine.add(state.as_str(), event.as_str(), to);
        }
    }
    machine.assert_shown_in(section("Attempt"));
}

#[test]
fn an_accepted_attempt_is_never_refused() {
    let (remote_id, submitted_at) = accepted();
    let state = AttemptState::Accepted {
        remote_id,
        submitted_at,
    };
    assert!(
        state
            .apply(AttemptEvent::Refuse("late".to_owned()))
            .is_err()
    );
}
