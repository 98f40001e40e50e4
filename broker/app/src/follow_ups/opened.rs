//! What hours ask for in return.

use broker_model::{
    Allocation, AllocationScope, EntryBody, EntryKind, FollowUp, FollowUpState, OrganisationId,
    PersonId,
};
use broker_store::Write;
use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use policy_engine::{AccessMode, Duty, Engine, begin_in_brussels, day_in_brussels};

use crate::Broker;
use crate::applications::find_mode;
use crate::dossiers::filed;

impl Broker {
    /// One for each duty of the mode that gave the allocation, for the change that makes it; where nobody knows the mode,
    /// one for each that the policy has for such hours. Their last days follow from its end, and move with it.
    pub(crate) fn follow_ups_of(
        &self,
        actor: Option<PersonId>,
        organisation: OrganisationId,
        allocation: &Allocation,
    ) -> (Vec<Write>, Vec<EntryBody>) {
        self.follow_ups_beside(&[], (actor, organisation), allocation)
    }

    /// Those of the same that are not owed yet, whatever became of what is.
    pub(crate) fn follow_ups_beside(
        &self,
        owed: &[FollowUp],
        (actor, organisation): (Option<PersonId>, OrganisationId),
        allocation: &Allocation,
    ) -> (Vec<Write>, Vec<EntryBody>) {
        let engine = self.policy();
        let mode = { allocation.mode.as_ref() }.and_then(|it| find_mode(&engine, it));
        let today = day_in_brussels(self.inner.clock.now());
        let system = system_of(&allocation.scope);
        let duties = duties_of(&engine, mode, (&system, today));
        let name = mode.map_or("", |it| &it.id);
        let is_new = |it: &&Duty| !owed.iter().any(|one| one.kind == it.kind);
        let all = { duties.into_iter().filter(is_new) }
            .map(|duty| self.opened((organisation, name), allocation, duty));
        // What was over before anybody here knew of the hours is not asked for: it would be overdue at once, and stand in
        // the way of the next application.
        let is_asked = |it: &FollowUp| it.due_on.is_none_or(|day| today <= day);
        let opened = all.filter(is_asked).map(|one| {
            let mut entry = self.follow_up_entry(EntryKind::FollowUpOpened, &one);
            if let Some(day) = one.due_on {
                entry = entry.with("due_on", day.to_string());
            }
            entry.actor = actor;
            (filed(&one), entry)
        });
        opened.unzip()
    }

    /// How many days before a last day that is set today somebody is reminded.
    pub(super) fn reminders_today(&self) -> Vec<u8> {
        let today = day_in_brussels(self.inner.clock.now());
        self.policy().reminders(today)
    }

    fn opened(
        &self,
        (organisation, mode): (OrganisationId, &str),
        of: &Allocation,
        duty: &Duty,
    ) -> FollowUp {
        scheduled(FollowUp {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation,
            project: of.project,
            allocation: of.id,
            share: of.share.clone(),
            mode: mode.to_owned(),
            kind: duty.kind.clone(),
            due_on: due_after(of.valid_until, duty),
            remind_at: None,
            remind_before: self.reminders_today(),
            reminders: Vec::new(),
            state: FollowUpState::OWED,
            earlier: Vec::new(),
            version: 0,
        })
    }
}

/// Those of the mode at that system; where nobody knows the mode, those that the policy has for such hours on that day.
pub(super) fn duties_of<'e>(
    engine: &'e Engine,
    mode: Option<&'e AccessMode>,
    (system, today): (&'e str, Date),
) -> Vec<&'e Duty> {
    match mode {
        Some(mode) => mode.duties_at(system).map(|it| &it.value).collect(),
        None => engine.default_duties(today).map(|it| &it.value).collect(),
    }
}

/// The last day of a duty, of hours that end then; `None` where it names none.
pub(super) fn due_after(end: Timestamp, duty: &Duty) -> Option<Date> {
    let last = last_day(end);
    let months = { duty.months_after_end }.map(|it| months_after(last, it.into()));
    months.or_else(|| duty.days_after_end.map(|it| days_after(last, it.into())))
}

/// As duties name it; hours that are good anywhere are of no system.
pub(super) fn system_of(scope: &AllocationScope) -> String {
    match scope {
        AllocationScope::Federation => String::new(),
        AllocationScope::System { site, system } => format!("{site}/{system}"),
    }
}

/// With the moment of its next reminder, as its state and its last day have it.
pub(super) fn scheduled(one: FollowUp) -> FollowUp {
    let remind_at = one.next_reminder().and_then(begin_in_brussels);
    FollowUp { remind_at, ..one }
}

/// The day of the last instant before `end`: an end at midnight belongs to the day before.
pub(super) fn last_day(end: Timestamp) -> Date {
    let last_instant = end.checked_sub(SignedDuration::from_nanos(1));
    day_in_brussels(last_instant.unwrap_or(end))
}

/// The same day of a later month, or its last where it has no such day.
pub(super) fn months_after(day: Date, months: i64) -> Date {
    Span::new()
        .try_months(months)
        .map_or(Date::MAX, |span| day.saturating_add(span))
}

fn days_after(day: Date, days: i64) -> Date {
    Span::new()
        .try_days(days)
        .map_or(Date::MAX, |span| day.saturating_add(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_counted_from_the_last_day_in_brussels() {
        for (end, months, due) in [
            ("2027-02-22T23:00:00Z", 3, "2027-05-22"),
            ("2026-11-30T23:00:00Z", 3, "2027-02-28"),
            ("2027-07-31T22:00:00Z", 6, "2028-01-31"),
            ("2027-07-31T22:00:01Z", 6, "2028-02-01"),
        ] {
            let due: Date = due.parse().unwrap();
            let last = last_day(end.parse().unwrap());
            assert_eq!(months_after(last, months), due, "{end}");
        }
        assert_eq!(months_after(due_never(), i64::MAX), Date::MAX);
    }

    #[test]
    fn days_are_counted_from_the_last_day_and_not_from_the_first_without() {
        let last = last_day("2027-02-22T23:00:00Z".parse().unwrap());
        assert_eq!(days_after(last, 90).to_string(), "2027-05-23");
        assert_eq!(days_after(last, i64::MAX), Date::MAX);
    }

    fn due_never() -> Date {
        "2027-05-22".parse().unwrap()
    }
}
