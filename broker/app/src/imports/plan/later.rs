//! What becomes of allocations that were imported before.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use broker_model::{Allocation, AllocationId, FollowUp, ProjectId, UnitMillis};
use broker_store::{Change, Write};

use super::{Planner, allocation};
use crate::imports::check::Line;
use crate::imports::line::{ImportBatch, OverLine};
use crate::imports::says;
use crate::{MOST_AT_ONCE, Result};

impl Planner<'_> {
    pub(super) async fn changed(&mut self, known: &Allocation, line: &Line) -> Result<()> {
        let before = self.faults.count();
        let Some(project) = self.stays(known, line).await? else {
            return Ok(());
        };
        let of = self.broker.inner.store.find_project(project).await?;
        let organisation = of.map(|it| it.organisation);
        // The account of one that was over may be another's by now.
        let goes_on_again = self.is_over_at(known.valid_until) && !self.is_over(line);
        if (known.local_accounts != line.local_accounts || goes_on_again)
            && let Some(organisation) = organisation
        {
            self.check_accounts(line, organisation).await?;
        }
        let mut wanted = allocation(known.id, project, line);
        wanted.suspended = line.suspended.unwrap_or(known.suspended);
        let reference = self.call_of(line, project).await?;
        self.check_mode(line, (Some(known), reference.as_deref()));
        let mut wanted = { self.broker }.completed(wanted, (Some(known), reference.as_deref()));
        self.check_hours(known, &mut wanted, line);
        if self.faults.count() > before {
            return Ok(());
        }
        let owed = self.owed_after(known, &wanted).await?;
        let (mut change, words) = { self.broker }.changed_allocation(known, wanted.clone(), &owed);
        if let Some(organisation) = organisation
            && (goes_on_again || (known.mode.is_none() && wanted.mode.is_some()))
        {
            let opened = { self.broker }.follow_ups_beside(&owed, (None, organisation), &wanted);
            change.writes.extend(opened.0);
            change.entries.extend(opened.1);
        }
        says::with_both(&mut change.entries, known, &wanted);
        let words = says::spelt_out(words, known, &wanted);
        self.take(project, &line.reference, (change, words));
        if line.worth_eur.is_none() {
            return Ok(());
        }
        match organisation {
            Some(of) => self.aid(line, of, (project, known.id)).await,
            None => Ok(()),
        }
    }

    /// What is owed after an allocation whose end is moved or whose mode is known from now on; read once of each organisation, which may have thousands.
    async fn owed_after(&mut self, was: &Allocation, is: &Allocation) -> Result<Vec<FollowUp>> {
        if was.valid_until == is.valid_until && was.mode == is.mode {
            return Ok(Vec::new());
        }
        let broker = self.broker;
        let Some(of) = broker.inner.store.find_project(was.project).await? else {
            return Ok(Vec::new());
        };
        let all = match self.owed.entry(of.organisation) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(broker.readable_of(of.organisation).await?),
        };
        let own = all.iter().filter(|it| it.allocation == was.id);
        Ok(own.cloned().collect())
    }

    /// The project that the allocation is of, unless the line would make it another allocation.
    async fn stays(&mut self, known: &Allocation, line: &Line) -> Result<Option<ProjectId>> {
        let is_other = |column, was: String, is: String| (was != is).then_some((column, was, is));
        let scopes = (says::scope(&known.scope), says::scope(&line.scope));
        let differ = [
            is_other("system", scopes.0, scopes.1),
            is_other("share", known.share.to_string(), line.share.to_string()),
            is_other("unit", known.unit.clone(), line.unit.clone()),
        ];
        let allowed = "as it was imported; hours of another kind are another allocation, with a reference of \
                       its own";
        for (column, was, is) in differ.into_iter().flatten() {
            let reason = format!("{} is for `{was}`, and the line says `{is}`", known.id);
            self.fault(line, column, reason, allowed);
        }
        let Some(organisation) = self.organisation(line).await? else {
            return Ok(None);
        };
        let project = self.project(line, organisation).await?;
        if let Some(other) = project.filter(|it| *it != known.project) {
            let reason = format!(
                "{} is of {}, and the line names {other}",
                known.id, known.project
            );
            self.fault(line, "project", reason, allowed);
            return Ok(None);
        }
        Ok(project)
    }

    /// What was used or is held was granted.
    ///
    /// Once a term is over nothing can be spent any more, so that its source takes hours back from it is told
    /// and stops no other line.
    fn check_hours(&mut self, known: &Allocation, wanted: &mut Allocation, line: &Line) {
        let (was, to) = (known.balance, wanted.balance.granted);
        let goes_on = wanted.valid_until > self.broker.inner.clock.now();
        let lost = if goes_on { UnitMillis::ZERO } else { was.lost };
        let least = was.used + was.held + lost;
        if to >= was.granted || to >= least {
            return;
        }
        let reason = format!(
            "{to} {}s are fewer than what {} has spent: {} used, {} held, {lost} lost",
            known.unit, known.id, was.used, was.held
        );
        if !goes_on {
            wanted.balance.granted = was.granted;
            let remark = format!(
                "{} ({}): its term is over, and {reason}: the hours stay {}",
                line.place, line.reference, was.granted
            );
            self.plan.report.remarks.push(remark);
            return;
        }
        let allowed = format!("no fewer than {least}; to stop its jobs say `yes` in `suspended`");
        self.fault(line, "hours", reason, &allowed);
    }

    pub(super) async fn over(&mut self, over: &OverLine) -> Result<()> {
        let Some(known) = self.known(&over.reference).await? else {
            let remark = format!(
                "{} {}, and was never imported: left out",
                over.reference, over.words
            );
            self.plan.report.remarks.push(remark);
            return Ok(());
        };
        let wanted = Allocation {
            suspended: true,
            ..known.clone()
        };
        if known.suspended {
            return Ok(());
        }
        let mut entry = self.broker.terms_entry(says::CHANGED, &wanted);
        says::tell_both(&mut entry, &known, &wanted);
        let change = Change {
            writes: vec![Write::UpdateAllocationTerms(Box::new(wanted))],
            entries: vec![entry],
        };
        let words = vec![format!(": suspended, since it {}", over.words)];
        self.take(known.project, &over.reference, (change, words));
        Ok(())
    }

    /// Tells of allocations that the source no longer names and that go on.
    pub(super) async fn vanished(&mut self, batch: &ImportBatch) -> Result<()> {
        let lines = batch.lines.iter().map(|it| it.reference.as_str());
        let over = batch.over.iter().map(|it| it.reference.as_str());
        let passed = batch.passed_over.iter().map(String::as_str);
        let there: BTreeSet<&str> = lines.chain(over).chain(passed).collect();
        let (prefix, now) = (self.claim(""), self.broker.inner.clock.now());
        let mut after: Option<String> = None;
        loop {
            let store = &self.broker.inner.store;
            let page = store.claims_under(&prefix, after.as_deref(), MOST_AT_ONCE);
            let page = page.await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (name, holder) in &page {
                let reference = name.strip_prefix(&prefix).unwrap_or(name);
                let Ok(id) = holder.parse::<AllocationId>() else {
                    continue;
                };
                if there.contains(reference) {
                    continue;
                }
                let known = store.find_allocation(id).await?;
                let Some(known) = known.filter(|it| it.valid_until > now) else {
                    continue;
                };
                self.plan
                    .report
                    .remarks
                    .push(says::vanished(reference, &known));
            }
        }
    }
}
