//! From lines to one change. Nothing is written here: a dry run ends with the plan.

mod alone;
mod later;
mod states;

use std::collections::{BTreeMap, BTreeSet};

use broker_model::{
    Allocation, AllocationId, Balance, FollowUp, OrganisationId, ProjectId, SiteId, UnitMillis,
};
use broker_store::{Change, Write};

use jiff::Timestamp;

use super::carry_out::Plan;
use super::check::{Checker, Line};
use super::line::ImportBatch;
use super::says;
use crate::accounts::Accounts;
use crate::invalid::Faults;
use crate::setup::named;
use crate::{Broker, Result};

/// Lines that one commit takes: of a table all that it may have, of a Waldur with more a part that is whole.
const AT_ONCE: usize = 5000;

/// What is planned so far, so that two lines of one new project make it once.
pub(super) struct Planner<'a> {
    pub(super) broker: &'a Broker,
    pub(super) source: &'a str,
    pub(super) faults: &'a mut Faults,
    pub(super) plan: Plan,
    pub(super) organisations: BTreeMap<String, OrganisationId>,
    pub(super) projects: BTreeMap<(OrganisationId, String), ProjectId>,
    /// Of which the report says who they are.
    pub(super) told: BTreeSet<OrganisationId>,
    /// Those that are there, and those of the lines before.
    pub(super) accounts: Accounts,
    /// The same of lines whose projects are not there yet.
    pub(super) planned: BTreeMap<(SiteId, String), (OrganisationId, String)>,
    /// What those owe whose hours end on another day.
    pub(super) owed: BTreeMap<OrganisationId, Vec<FollowUp>>,
    /// Ids of calls that a line before has, by the project that it is of.
    pub(super) called: BTreeMap<String, ProjectId>,
}

impl Broker {
    /// Lines that are wrong by themselves are left out, so that what is wrong with the others is told
    /// with them.
    pub(super) async fn import_plan(
        &self,
        batch: &ImportBatch,
        faults: &mut Faults,
    ) -> Result<Plan> {
        check_references(batch, faults);
        let engine = self.policy();
        let checker = Checker {
            board: self.board(),
            engine: &engine,
            source: &batch.source,
        };
        let right = { batch.lines.iter() }.filter_map(|it| checker.line(it, faults));
        let lines: Vec<Line> = right.collect();
        let mut planner = Planner {
            broker: self,
            source: &batch.source,
            faults,
            plan: Plan::default(),
            organisations: BTreeMap::new(),
            projects: BTreeMap::new(),
            told: BTreeSet::new(),
            accounts: self.accounts_named().await?,
            planned: BTreeMap::new(),
            owed: BTreeMap::new(),
            called: BTreeMap::new(),
        };
        planner.plan.report.remarks.clone_from(&batch.remarks);
        for (n, line) in lines.into_iter().enumerate() {
            if n > 0 && n % AT_ONCE == 0 {
                planner.plan.next_change();
            }
            planner.line(line).await?;
        }
        for over in &batch.over {
            planner.over(over).await?;
        }
        if batch.whole {
            planner.vanished(batch).await?;
        }
        Ok(planner.plan)
    }
}

/// Of two lines with one reference nobody knows which is meant.
fn check_references(batch: &ImportBatch, faults: &mut Faults) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for line in &batch.lines {
        let Some(before) = first.insert(&line.reference, &line.place) else {
            continue;
        };
        let field = format!("{}, reference", line.place);
        let reason = format!(
            "`{}` stands in {before}, too",
            line.reference.escape_debug()
        );
        faults.add(&field, reason, "each reference once");
    }
}

impl Planner<'_> {
    fn claim(&self, reference: &str) -> String {
        format!("allocation:{}:{reference}", self.source)
    }

    pub(super) fn fault(&mut self, line: &Line, column: &str, reason: String, allowed: &str) {
        let field = format!("{}, {column}", line.place);
        self.faults.add(&field, reason, allowed);
    }

    /// The allocation that a reference made.
    async fn known(&self, reference: &str) -> Result<Option<Allocation>> {
        let store = &self.broker.inner.store;
        let holder = store.claim_holder(&self.claim(reference)).await?;
        let Some(id) = holder.and_then(|it| it.parse().ok()) else {
            return Ok(None);
        };
        Ok(store.find_allocation(id).await?)
    }

    async fn line(&mut self, line: Line) -> Result<()> {
        match self.known(&line.reference).await? {
            Some(known) => self.changed(&known, &line).await,
            None if line.granted == UnitMillis::ZERO => {
                let (place, reference) = (&line.place, &line.reference);
                let remark = format!("{place} ({reference}): it grants no hours: left out");
                self.plan.report.remarks.push(remark);
                Ok(())
            }
            None => self.add(&line).await,
        }
    }

    async fn add(&mut self, line: &Line) -> Result<()> {
        let Some(organisation) = self.organisation(line).await? else {
            return Ok(());
        };
        self.tell_whose(line, organisation).await?;
        let Some(project) = self.project(line, organisation).await? else {
            return Ok(());
        };
        self.tell_of_no_call(line);
        self.check_state(line, organisation).await?;
        if self.is_over(line) {
            let remark = format!(
                "{} ({}): its term ended at {}, before it was ever imported: it is taken as over, its hours are entered as \
                 lost here, and it owes what is still to come",
                line.place, line.reference, line.valid_until
            );
            self.plan.report.remarks.push(remark);
        } else {
            // One that is over holds no account any more: it may be another's by now.
            self.check_accounts(line, organisation).await?;
        }
        let id = named(
            "allocation",
            &format!("import:{}:{}", self.source, line.reference),
        );
        let allocation = allocation(id.into(), project, line);
        let reference = self.call_of(line, project).await?;
        self.check_mode(line, (None, reference.as_deref()));
        let allocation = { self.broker }.completed(allocation, (None, reference.as_deref()));
        let claim = Write::Claim {
            name: self.claim(&line.reference),
            holder: allocation.id.to_string(),
        };
        let about = (project, allocation.id);
        let granted = self.broker.new_allocation(allocation, organisation);
        self.take(project, &line.reference, granted);
        self.plan.change().writes.push(claim);
        self.tell_of_no_worth(line, organisation).await?;
        self.aid(line, organisation, about).await
    }

    fn is_over(&self, line: &Line) -> bool {
        self.is_over_at(line.valid_until)
    }

    fn is_over_at(&self, end: Timestamp) -> bool {
        end <= self.broker.inner.clock.now()
    }

    /// What the call names the project: as the line says, or as it was said before.
    pub(super) async fn call_of(&self, line: &Line, of: ProjectId) -> Result<Option<String>> {
        if line.call_reference.is_some() {
            return Ok(line.call_reference.clone());
        }
        let known = self.broker.inner.store.find_project(of).await?;
        Ok(known.and_then(|it| it.call_reference))
    }

    /// What the line says of the mode against what the id of its call does, or else what is known of the allocation:
    /// its records have gone by that already.
    pub(super) fn check_mode(
        &mut self,
        line: &Line,
        (known, reference): (Option<&Allocation>, Option<&str>),
    ) {
        let Some(said) = &line.mode else {
            return;
        };
        let by_call = reference.and_then(|it| self.broker.mode_by(it).map(|mode| (mode, it)));
        let (mode, whose) = match (by_call, known) {
            (Some((mode, call)), _) => (mode, format!("`{call}` is the id of a call")),
            (None, Some(Allocation { id, mode, .. })) => match mode {
                Some(mode) => (mode.clone(), format!("{id} was given")),
                None => return,
            },
            (None, None) => return,
        };
        if mode != *said {
            let reason = format!("{whose} by `{mode}`, and the line says `{said}`");
            let allowed = format!("nothing, or `{mode}`");
            self.fault(line, "mode", reason, &allowed);
        }
    }

    /// Adds what happens to one allocation.
    fn take(
        &mut self,
        project: ProjectId,
        reference: &str,
        (change, words): (Change, Vec<String>),
    ) {
        if change.writes.is_empty() {
            return;
        }
        self.plan.projects.insert(project);
        self.plan.change().writes.extend(change.writes);
        let entries = change.entries.into_iter();
        let signed = entries.map(|entry| says::from(entry, self.source, reference));
        self.plan.change().entries.extend(signed);
        let line = |it| format!("allocation {reference}{it}");
        self.plan.report.changes.extend(words.into_iter().map(line));
    }
}

/// As the line has it, with nothing used yet.
fn allocation(id: AllocationId, project: ProjectId, line: &Line) -> Allocation {
    Allocation {
        id,
        project,
        scope: line.scope.clone(),
        share: line.share.clone(),
        unit: line.unit.clone(),
        balance: Balance {
            granted: line.granted,
            ..Balance::default()
        },
        valid_from: line.valid_from,
        valid_until: line.valid_until,
        local_accounts: line.local_accounts.clone(),
        suspended: line.suspended.unwrap_or(false),
        mode: line.mode.clone(),
        account_named_at: None,
    }
}
