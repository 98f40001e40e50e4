use super::*;
use crate::{Ids, ManualClock};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn owed(due_on: Option<&str>) -> FollowUp {
    let clock = ManualClock::at("2026-11-20T12:00:00Z".parse().unwrap());
    let ids = Ids::from_os();
    FollowUp {
        id: ids.next(&clock),
        organisation: ids.next(&clock),
        project: ids.next(&clock),
        allocation: ids.next(&clock),
        share: FundingShare::Union,
        mode: "aif_playground".to_owned(),
        kind: "final_report".to_owned(),
        due_on: due_on.map(day),
        remind_at: None,
        remind_before: vec![30, 7, 0],
        reminders: Vec::new(),
        state: FollowUpState::OWED,
        earlier: Vec::new(),
        version: 0,
    }
}

fn waived() -> FollowUpState {
    FollowUpState::Waived {
        at: Timestamp::UNIX_EPOCH,
        by: Ids::from_os().next(&ManualClock::at(Timestamp::UNIX_EPOCH)),
        reason: "The machine burnt down.".to_owned(),
    }
}

#[test]
fn it_is_overdue_from_the_day_after_its_last_and_only_while_it_is_owed() {
    let one = owed(Some("2027-05-22"));
    assert!(!one.is_overdue(day("2027-05-22")));
    assert!(one.is_overdue(day("2027-05-23")));
    assert!(!one.turned(waived()).is_overdue(day("2027-05-23")));
    assert!(!owed(None).is_overdue(day("9999-01-01")));
}

#[test]
fn each_reminder_is_given_once_and_the_latest_speaks_for_those_that_nobody_gave() {
    let mut one = owed(Some("2027-05-22"));
    let at = Timestamp::UNIX_EPOCH;
    assert_eq!(one.next_reminder(), Some(day("2027-04-22")));
    assert_eq!(one.reminder_on(day("2027-04-21")), None);
    assert_eq!(one.reminder_on(day("2027-04-22")), Some(30));
    assert_eq!(one.reminder_on(day("2027-05-20")), Some(7));
    assert!(!one.is_pressing());
    for (days, next) in [(30, Some("2027-05-15")), (7, Some("2027-05-22")), (0, None)] {
        assert_eq!(one.desk(), None);
        one = one.reminded(days, at);
        assert_eq!(one.next_reminder(), next.map(day));
        assert!(one.is_pressing());
    }
    assert_eq!(one.reminder_on(day("2028-01-01")), None);
    assert_eq!(one.desk(), Some(Desk::Reviewers), "whose turn it is now");
}

#[test]
fn it_is_reminded_of_on_the_days_that_it_was_opened_with() {
    let mut one = owed(Some("2027-05-22"));
    one.remind_before = vec![14];
    assert_eq!(one.next_reminder(), Some(day("2027-05-08")));
    assert_eq!(one.desk(), None);
    let told = one.clone().reminded(14, Timestamp::UNIX_EPOCH);
    assert_eq!(told.next_reminder(), None);
    let mut stored = serde_json::to_value(&one).unwrap();
    stored.as_object_mut().unwrap().remove("remind_before");
    let older: FollowUp = serde_json::from_value(stored).unwrap();
    assert_eq!(older.remind_before, [30, 7, 0], "a row of before");
}

#[test]
fn another_last_day_is_reminded_of_anew() {
    let mut one = owed(Some("2027-05-22")).reminded(0, Timestamp::UNIX_EPOCH);
    one.due_on = Some(day("2027-06-30"));
    assert_eq!(one.next_reminder(), Some(day("2027-05-31")));
    assert_eq!(one.desk(), None);
    assert!(!one.is_pressing());
}

#[test]
fn nothing_settled_is_reminded_of_or_waits_for_a_reviewer() {
    let last = owed(Some("2027-05-22")).reminded(0, Timestamp::UNIX_EPOCH);
    for settled in [
        owed(Some("2027-05-22")).turned(waived()),
        last.turned(waived()),
    ] {
        assert_eq!(settled.next_reminder(), None);
        assert_eq!(settled.desk(), None);
    }
    assert_eq!(
        owed(None).desk(),
        None,
        "there is no day that it could miss"
    );
}

#[test]
fn what_was_settled_stays_to_be_read_once_it_is_reopened() {
    let reopened = FollowUpState::Open { reopened: None };
    let one = owed(Some("2027-05-22")).turned(waived());
    assert!(one.earlier.is_empty(), "that it was owed needs no record");
    let again = one.turned(reopened);
    assert_eq!(again.earlier.len(), 1);
    assert_eq!(again.earlier[0].as_str(), "waived");
    let text = serde_json::to_string(&again).unwrap();
    assert_eq!(serde_json::from_str::<FollowUp>(&text).unwrap(), again);
}
