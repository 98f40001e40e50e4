use broker_model::{
    EntryBody, EntryKind, FollowUp, FollowUpId, FollowUpReopened, FollowUpState, FulfilmentDraft,
    ReopeningDraft, WaiverDraft,
};
use broker_store::{Change, CommitError, Entity};
use jiff::Timestamp;
use jiff::civil::Date;
use policy_engine::day_in_brussels;

use super::opened::{last_day, months_after, scheduled};
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::once::Once;
use crate::{Broker, Caller, Error, Order, Result};

const LONGEST_REPORT: usize = 20_000;
const LONGEST_WORDS: usize = 2000;
const LONGEST_LINK: usize = 500;

impl Broker {
    /// Hands in what is owed; it counts at once, and a reviewer may find it insufficient. What comes before the first
    /// day of the hours is kept and does not count: it is owed as before.
    pub async fn fulfil_follow_up<'o>(
        &self,
        caller: &Caller,
        id: FollowUpId,
        order: impl Into<Order<'o, FulfilmentDraft, FollowUp>>,
    ) -> Result<FollowUp> {
        let Order { draft, once } = order.into();
        let before = self.found_follow_up(caller, id).await?;
        if !caller.represents(before.organisation) && !caller.leads(before.project) {
            return Err(Error::Forbidden(
                "`representative` of this organisation, or `lead` of the project",
            ));
        }
        check_fulfilment(draft)?;
        check_open(&before)?;
        let at = self.inner.clock.now();
        let allocation = self.inner.store.find_allocation(before.allocation).await?;
        let begins = allocation.map(|it| it.valid_from).filter(|it| at < *it);
        if let (Some(begins), Some(since)) = (begins, handed_in(&before)) {
            return Err(Error::NotWaiting(format!(
                "it is fulfilled since {since}, before its hours begin at {begins}: hand in from then on what came of them"
            )));
        }
        let state = FollowUpState::Fulfilled {
            at,
            early: begins.is_some(),
            by: caller.person,
            words: draft.words.trim().to_owned(),
            link: draft.link.clone(),
            sha256: draft.sha256.clone(),
        };
        let mut entry = self.follow_up_entry(EntryKind::FollowUpFulfilled, &before);
        if let Some(sha256) = &draft.sha256 {
            entry = entry.with("file_sha256", sha256.clone());
        }
        let after = before.turned(state);
        self.commit_follow_up(caller, after, (entry, once)).await
    }

    /// Says that it is not owed any more. Nobody waives what their own organisation owes.
    pub async fn waive_follow_up<'o>(
        &self,
        caller: &Caller,
        id: FollowUpId,
        order: impl Into<Order<'o, WaiverDraft, FollowUp>>,
    ) -> Result<FollowUp> {
        let Order { draft, once } = order.into();
        let before = self.found_follow_up(caller, id).await?;
        self.check_reviews(caller, before.organisation).await?;
        let mut faults = Faults::default();
        faults.check_text("reason", &draft.reason, LONGEST_WORDS);
        faults.check("waiver")?;
        check_open(&before)?;
        let state = FollowUpState::Waived {
            at: self.inner.clock.now(),
            by: caller.person,
            reason: draft.reason.trim().to_owned(),
        };
        let entry = self.follow_up_entry(EntryKind::FollowUpWaived, &before);
        let after = before.turned(state);
        self.commit_follow_up(caller, after, (entry, once)).await
    }

    /// Asks again for what was handed in or waived, or gives what is owed a later last day: never one that is sooner than
    /// the one it has, or than the end of the hours, and by no more months at once than the policy has.
    pub async fn reopen_follow_up<'o>(
        &self,
        caller: &Caller,
        id: FollowUpId,
        order: impl Into<Order<'o, ReopeningDraft, FollowUp>>,
    ) -> Result<FollowUp> {
        let Order { draft, once } = order.into();
        let before = self.found_follow_up(caller, id).await?;
        self.check_reviews(caller, before.organisation).await?;
        self.check_reopening(draft, &before).await?;
        if draft.postpones {
            check_unanswered(&before)?;
        } else if matches!(before.state, FollowUpState::Open { .. }) {
            let words =
                "it is owed already: what gives it another last day says that it postpones it";
            return Err(Error::NotWaiting(words.to_owned()));
        }
        let due_on = draft.due_on.or(before.due_on);
        let state = FollowUpState::Open {
            reopened: Some(FollowUpReopened {
                at: self.inner.clock.now(),
                by: caller.person,
                words: draft.words.trim().to_owned(),
                was_due_on: before.due_on.filter(|_| due_on != before.due_on),
            }),
        };
        let mut entry = self.follow_up_entry(EntryKind::FollowUpReopened, &before);
        if let Some(day) = due_on {
            entry = entry.with("due_on", day.to_string());
        }
        // The days before belong to the last day: as long as that stays, they do.
        let remind_before = if due_on == before.due_on {
            before.remind_before.clone()
        } else {
            self.reminders_today()
        };
        let after = FollowUp {
            due_on,
            remind_before,
            ..before.turned(state)
        };
        self.commit_follow_up(caller, after, (entry, once)).await
    }

    async fn check_reopening(&self, draft: &ReopeningDraft, before: &FollowUp) -> Result<()> {
        let today = day_in_brussels(self.inner.clock.now());
        let allocation = self.inner.store.find_allocation(before.allocation).await?;
        let borders = Borders {
            today,
            present: before.due_on,
            hours_end: allocation.map(|it| last_day(it.valid_until)),
            most: self.policy().months_postponed_at_most(today),
            postpones: draft.postpones,
        };
        check_day(draft, &borders)
    }

    /// Stores it as it shall be; from then on the policy is told of what is owed now.
    async fn commit_follow_up(
        &self,
        caller: &Caller,
        after: FollowUp,
        (mut entry, once): (EntryBody, Option<&Once<FollowUp>>),
    ) -> Result<FollowUp> {
        let mut after = scheduled(after);
        entry.actor = Some(caller.person);
        let mut writes = vec![filed(&after)];
        writes.extend(once.and_then(|it| it.remember(&after, entry.at)));
        let entries = vec![entry];
        match self.commit(Change { writes, entries }).await {
            Ok(_) => {}
            Err(CommitError::Conflict(Entity::Dossier)) => return Err(Error::Contended),
            Err(error) => return Err(error.into()),
        }
        after.version += 1;
        self.forget_standings_of(after.organisation).await?;
        Ok(after)
    }
}

fn check_open(follow_up: &FollowUp) -> Result<()> {
    if follow_up.is_open() {
        return Ok(());
    }
    check_unanswered(follow_up)
}

/// When a report came, where one lies there.
const fn handed_in(follow_up: &FollowUp) -> Option<Timestamp> {
    match follow_up.state {
        FollowUpState::Fulfilled { at, .. } => Some(at),
        _ => None,
    }
}

/// Nothing lies there that another last day would throw away.
fn check_unanswered(follow_up: &FollowUp) -> Result<()> {
    if matches!(follow_up.state, FollowUpState::Open { .. }) {
        return Ok(());
    }
    let since = follow_up.state.since().map(|at| format!(" since {at}"));
    let state = follow_up.state.as_str();
    let since = since.unwrap_or_default();
    Err(Error::NotWaiting(format!("it is {state}{since}")))
}

fn check_fulfilment(draft: &FulfilmentDraft) -> Result<()> {
    let mut faults = Faults::default();
    faults.check_text("words", &draft.words, LONGEST_REPORT);
    if let Some(link) = &draft.link {
        check_link(link, &mut faults);
    }
    if let Some(sha256) = &draft.sha256 {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if sha256.len() != 64 || !sha256.bytes().all(is_hex) {
            let allowed = "64 hexadecimal digits in lower case, as `sha256sum` prints them";
            faults.add("sha256", "is no SHA-256", allowed);
        }
    }
    faults.check("fulfilment")
}

/// A browser may follow it from a page of ours: nothing else than the web, and nobody's password.
fn check_link(link: &str, faults: &mut Faults) {
    let parsed = url::Url::parse(link).ok().filter(|it| {
        let is_web = it.scheme() == "https" && it.has_host();
        is_web && it.username().is_empty() && it.password().is_none()
    });
    if parsed.is_none() || link.len() > LONGEST_LINK {
        let allowed =
            format!("an address that begins with https://, of up to {LONGEST_LINK} bytes");
        faults.add("link", "is no such address", &allowed);
    }
}

/// Which last days may be set, and what the first and the last of them follow from.
struct Borders {
    today: Date,
    /// The last day that it has.
    present: Option<Date>,
    /// Of the hours: nobody reports of hours that go on.
    hours_end: Option<Date>,
    /// By so many months.
    most: Option<u8>,
    postpones: bool,
}

impl Borders {
    /// Where it was owed longer already, from then on: sooner would be overdue, and stand in the applicant's way.
    fn first(&self) -> Date {
        let later = |day: Date| day.tomorrow().unwrap_or(day);
        let present = { self.present }.map(|day| if self.postpones { later(day) } else { day });
        let first = [present, self.hours_end].into_iter().flatten().max();
        first.map_or(self.today, |first| first.max(self.today))
    }

    /// Counted from the last day that it has, or from today or the end of the hours where that is later.
    fn counted_from(&self) -> Date {
        let days = [self.present, self.hours_end].into_iter().flatten();
        days.fold(self.today, Date::max)
    }

    fn last(&self) -> Option<Date> {
        { self.most }.map(|most| months_after(self.counted_from(), most.into()))
    }

    fn allowed(&self) -> String {
        let first = self.first();
        match self.last() {
            Some(last) => format!("a day from {first} to {last}"),
            None => format!("a day from {first} on"),
        }
    }

    /// What is wrong with a day.
    fn fault(&self, day: Date) -> Option<String> {
        if day < self.today {
            return Some(format!("{day} is over"));
        }
        if let Some(end) = self.hours_end.filter(|end| day < *end) {
            return Some(format!("{day} is before the hours end, on {end}"));
        }
        if let Some(present) = self.present.filter(|_| day < self.first()) {
            let than = if self.postpones {
                "not later than"
            } else {
                "before"
            };
            return Some(format!("{day} is {than} its last day, {present}"));
        }
        let most = self
            .most
            .filter(|_| self.last().is_some_and(|last| last < day))?;
        let from = self.counted_from();
        Some(format!("{day} is more than {most} months after {from}"))
    }
}

fn check_day(draft: &ReopeningDraft, borders: &Borders) -> Result<()> {
    let mut faults = Faults::default();
    faults.check_text("words", &draft.words, LONGEST_WORDS);
    let reason = match draft.due_on {
        Some(day) => borders.fault(day),
        None => { draft.postpones }.then(|| "is missing, and it is to be postponed".to_owned()),
    };
    if let Some(reason) = reason {
        faults.add("due_on", reason, &borders.allowed());
    }
    faults.check("reopening")
}
