use super::*;
use crate::states_page::{Machine, section};
use crate::{DataClass, Ids, ManualClock, Timing};

fn states() -> Vec<ReferralState> {
    let reason = "no".to_owned();
    vec![
        ReferralState::Sent,
        ReferralState::Acknowledged,
        ReferralState::Accepted,
        ReferralState::Declined {
            reason: reason.clone(),
        },
        ReferralState::HandedOver {
            to: centre("lumi"),
            reason,
        },
        ReferralState::Closed {
            outcome: ReferralOutcome::Helped,
            words: "done".to_owned(),
        },
    ]
}

fn events() -> Vec<ReferralEvent> {
    let words = "why".to_owned();
    vec![
        ReferralEvent::Acknowledge,
        ReferralEvent::Accept,
        ReferralEvent::Decline {
            reason: words.clone(),
        },
        ReferralEvent::HandOver {
            to: centre("bsc"),
            reason: words.clone(),
        },
        ReferralEvent::Close {
            outcome: ReferralOutcome::Helped,
            words: words.clone(),
        },
        ReferralEvent::Withdraw { words },
    ]
}

fn centre(id: &str) -> CentreId {
    id.parse().unwrap()
}

fn person() -> PersonId {
    Ids::from_os().next(&ManualClock::at(Timestamp::UNIX_EPOCH))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn leg(at_centre: &str, second: i64) -> ReferralLeg {
    let due = ReferralDue {
        on: jiff::civil::date(1970, 1, 2),
        at_latest: jiff::civil::date(1970, 1, 2),
        until: at(second + 100),
    };
    ReferralLeg::sent(centre(at_centre), (at(second), person()), due)
}

fn referral() -> Referral {
    let (ids, clock) = (Ids::from_os(), ManualClock::at(Timestamp::UNIX_EPOCH));
    Referral {
        id: ids.next(&clock),
        organisation: ids.next(&clock),
        need: ContactNeed {
            services: vec!["training".to_owned()],
            sector: None,
            data_class: DataClass::Open,
            size: None,
            country: None,
            language: None,
            timing: Timing::Now,
        },
        words: "help".to_owned(),
        job: None,
        project: None,
        legs: vec![leg("lumi", 0)],
        version: 0,
    }
}

#[test]
fn the_page_shows_every_transition_of_a_referral() {
    let mut machine = Machine::new(events().iter().map(ReferralEvent::as_str));
    for state in states() {
        for event in events() {
            let to = state.clone().apply(event.clone()).ok();
            let to = to.as_ref().map(ReferralState::as_str);
            machine.add(state.as_str(), event.as_str(), to);
        }
    }
    machine.assert_shown_in(section("Referral"));
}

#[test]
fn a_referral_lies_on_the_desk_of_its_centre_until_it_is_settled() {
    for state in states() {
        let mut one = referral();
        one.legs[0].state = state.clone();
        let desk = one.desk().map(|it| it.to_string());
        let lies = state.is_open().then(|| "centre:lumi".to_owned());
        assert_eq!(desk, lies, "{state:?}");
        let runs = state == ReferralState::Sent;
        assert_eq!(one.due_at().is_some(), runs, "{state:?}");
    }
}

#[test]
fn a_step_is_kept_with_its_time_and_what_is_repeated_leaves_none() {
    let by = person();
    let seen = referral().apply(ReferralEvent::Acknowledge, (at(7), by));
    let seen = seen.unwrap();
    let again = seen.clone().apply(ReferralEvent::Acknowledge, (at(9), by));
    assert_eq!(again.unwrap(), seen);
    let leg = seen.leg().unwrap();
    assert_eq!(leg.reached("acknowledged"), Some(at(7)));
    assert_eq!(leg.reached("accepted"), None);
    assert_eq!(leg.steps[0].by, by);
    assert!(seen.is_open() && !seen.is_overdue(at(1000)));
}

#[test]
fn a_hand_over_keeps_the_history_and_starts_the_clock_anew() {
    let sent = referral();
    assert!(sent.is_overdue(at(100)) && !sent.is_overdue(at(99)));
    let there = sent.hand_over(leg("bsc", 50), "they do robots".to_owned());
    let there = there.unwrap();
    assert_eq!(there.legs.len(), 2);
    assert_eq!(there.legs[0].state.as_str(), "handed_over");
    assert_eq!(there.legs[0].steps[0].at, at(50));
    assert_eq!(there.desk(), Some(Desk::Centre(centre("bsc"))));
    assert_eq!(there.due_at(), Some(at(150)));
    assert!(there.was_at(&centre("lumi")) && there.was_at(&centre("bsc")));
    let text = serde_json::to_string(&there).unwrap();
    assert_eq!(serde_json::from_str::<Referral>(&text).unwrap(), there);
}

#[test]
fn what_is_closed_goes_to_no_other_centre() {
    let by = (at(1), person());
    let words = String::new();
    let closed = referral().apply(ReferralEvent::Withdraw { words }, by);
    let late = closed.unwrap().hand_over(leg("bsc", 2), "late".to_owned());
    let late = late.unwrap_err();
    assert_eq!((late.from, late.event), ("closed", "handed_over"));
}
