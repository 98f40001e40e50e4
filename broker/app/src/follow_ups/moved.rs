//! Last days that follow from the end of hours, when that is moved.

use broker_model::{Allocation, EntryKind, FollowUp};
use broker_store::Change;
use jiff::civil::Date;
use policy_engine::day_in_brussels;

use super::opened::{due_after, duties_of, scheduled, system_of};
use crate::Broker;
use crate::applications::find_mode;
use crate::dossiers::filed;

impl Broker {
    /// What is open after an allocation, with the last days that its new end gives; of `owed` the others stay as they are.
    pub(crate) fn moved_follow_ups(
        &self,
        owed: &[FollowUp],
        (was, is): (&Allocation, &Allocation),
    ) -> (Change, Vec<String>) {
        let (mut change, mut said) = (Change::default(), Vec::new());
        let open = { owed.iter() }.filter(|it| it.allocation == was.id && it.is_open());
        for one in open {
            let Some(day) = self.moved_day(one, (was, is)) else {
                continue;
            };
            let after = scheduled(FollowUp {
                due_on: Some(day),
                remind_before: self.reminders_today(),
                ..one.clone()
            });
            let entry = self.follow_up_entry(EntryKind::FollowUpMoved, &after);
            change.entries.push(entry.with("due_on", day.to_string()));
            change.writes.push(filed(&after));
            said.push(format!(": its {} is due on {day}", one.kind));
        }
        (change, said)
    }

    /// None where its last day does not follow from the end that was: a reviewer gave it another. Nor one that is
    /// over already: nobody could keep it.
    fn moved_day(&self, one: &FollowUp, (was, is): (&Allocation, &Allocation)) -> Option<Date> {
        let engine = self.policy();
        let today = day_in_brussels(self.inner.clock.now());
        let system = system_of(&was.scope);
        let mode = find_mode(&engine, &one.mode);
        let duties = duties_of(&engine, mode, (&system, today));
        let mut such = { duties.into_iter() }
            .filter(|it| it.kind == one.kind && due_after(was.valid_until, it) == one.due_on);
        let day = such.find_map(|it| due_after(is.valid_until, it))?;
        (Some(day) != one.due_on && today <= day).then_some(day)
    }
}
