//! One stored question, asked under another set.

use std::collections::BTreeMap;

use broker_model::{Organisation, OrganisationId, SizeClass};
use broker_store::{Store, StoreError, StoredDecision};
use jiff::civil::Date;
use policy_engine::{Decision, Effect, Engine};

use super::{DecisionChange, Document, PolicyComparison, SizeChange};
use crate::decisions::Made;
use crate::eligibility::size_name;
use crate::organisations::size_on;

/// Organisations whose size is found from accounts; none where two sets find every size alike.
pub(super) type Accounts = BTreeMap<OrganisationId, Organisation>;

/// What a decision is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before<'e> {
    /// On which both are asked; each on its own day without it.
    pub(super) on: Option<Date>,
    /// Asked once more; without it what was decided counts.
    pub(super) policy: Option<&'e Engine>,
    /// That set, else the one in force: what sizes are compared with, which no decision keeps the accounts of.
    pub(super) current: &'e Engine,
    pub(super) accounts: &'e Accounts,
}

/// Those of the decisions, read only where it matters.
pub(super) async fn accounts_of(
    store: &dyn Store,
    (policy, current): (&Engine, &Engine),
    batch: &[StoredDecision],
) -> Result<Accounts, StoreError> {
    if policy.finds_sizes_as(current) {
        return Ok(Accounts::new());
    }
    let mut ids: Vec<OrganisationId> = batch.iter().map(|it| it.organisation).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = store.find_organisations(&ids).await?.into_iter();
    let with_accounts = found.filter(|it| it.size_facts.is_some());
    Ok(with_accounts.map(|it| (it.id, it)).collect())
}

impl PolicyComparison {
    pub(super) fn ask(&mut self, policy: &Engine, stored: &StoredDecision, compared: Before<'_>) {
        let Ok(mut before) = serde_json::from_str::<Document>(&stored.document) else {
            self.unreadable += 1;
            return;
        };
        before.question.on = compared.on.unwrap_or(before.question.on);
        let size = compared.size(policy, stored.organisation, before.question.on);
        let resized = |size: Option<SizeClass>| {
            let mut question = before.question.clone();
            if let Some(size) = size {
                size_name(size).clone_into(&mut question.organisation.size);
            }
            question
        };
        let (asked, anew) = (
            resized(size.as_ref().map(|it| it.from)),
            resized(size.as_ref().map(|it| it.to)),
        );
        if let Some(current) = compared.policy {
            before.decision = Made::by(current, &asked).decision;
        }
        self.asked += 1;
        let after = Made::by(policy, &anew).decision;
        let costs = size.is_some() && compared.current.cost_of(&asked) != policy.cost_of(&anew);
        if before.decision.result != after.result || costs {
            self.changes.push(DecisionChange {
                decision: stored.id,
                organisation: stored.organisation,
                decided_at: stored.decided_at,
                from: before.decision.result,
                to: after.result,
                rules: differences(&before.decision, &after),
                size,
            });
        }
    }
}

impl Before<'_> {
    /// How large the organisation is on that day under the one set and the other; nothing where they agree.
    fn size(&self, policy: &Engine, of: OrganisationId, on: Date) -> Option<SizeChange> {
        let organisation = self.accounts.get(&of)?;
        let (from, to) = (
            size_on(self.current, organisation, on),
            size_on(policy, organisation, on),
        );
        (from != to).then_some(SizeChange { from, to })
    }
}

fn differences(before: &Decision, after: &Decision) -> Vec<String> {
    let (was, is) = (objections(before), objections(after));
    let come = is.iter().filter(|it| !was.contains(it));
    let gone = was.iter().filter(|it| !is.contains(it));
    let come = come.map(|it| format!("+{it}"));
    come.chain(gone.map(|it| format!("-{it}"))).collect()
}

fn objections(decision: &Decision) -> Vec<&str> {
    let object = decision
        .rules
        .iter()
        .filter(|it| it.effect != Effect::Satisfied);
    object.map(|it| it.rule.as_str()).collect()
}
