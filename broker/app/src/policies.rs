//! Policies of earlier and of tomorrow: making a stored decision again, and what a new set would change.

mod ask;
mod compare;
mod kept;
mod told;

use std::fmt;
use std::sync::Arc;

use broker_model::{DecisionId, EntryBody, EntryKind, OrganisationId, SizeClass};
use broker_store::{Change, Store, StoredDecision, Write};
use jiff::Timestamp;
use jiff::civil::Date;
use policy_engine::{Decision, Engine, Outcome, Question};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use ask::{Before, accounts_of};
pub use compare::{ComparisonPage, ComparisonQuery};
pub use kept::PolicyView;
use told::told;

use crate::decisions::Asked;
use crate::eligibility::size_name;
use crate::replay::{decide_again, digest};
use crate::{Broker, Caller, Error, Result};

/// Decisions read at once while policies are compared.
const BATCH: u32 = 200;

/// A stored decision, made again from its stored question under the policy of its day.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionReplay {
    pub decision: DecisionId,
    pub organisation: OrganisationId,
    pub decided_at: Timestamp,
    pub policy_digest: String,
    /// Whether it came out the same, byte for byte.
    pub same: bool,
    /// Why it could not be made again, or that it came out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Question and decision, as they are stored, but for what is `left_out`.
    pub document: Box<RawValue>,
    /// Places of the document that are not for the caller, as JSON Pointers (RFC 6901); it was made again with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl DecisionReplay {
    /// Question and answer, to say them in another language; nothing where this program cannot read them.
    pub fn asked(&self) -> Option<Asked> {
        let read: Document = serde_json::from_str(self.document.get()).ok()?;
        Some(Asked {
            stopped_by: read.decision.deciding(),
            question: read.question,
            decision: read.decision,
        })
    }
}

/// What a new policy says otherwise of a decision that was made.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionChange {
    pub decision: DecisionId,
    pub organisation: OrganisationId,
    pub decided_at: Timestamp,
    pub from: Outcome,
    pub to: Outcome,
    /// Rules that object now and did not, or no longer do.
    pub rules: Vec<String>,
    /// Where the tables of sizes say otherwise of its organisation: by the accounts that it has now, whatever it had when
    /// that was decided. Such a decision is told, too, where only what the hours cost changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeChange>,
}

/// The size of an organisation under two sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SizeChange {
    pub from: SizeClass,
    pub to: SizeClass,
}

impl fmt::Display for SizeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (size_name(self.from), size_name(self.to));
        write!(f, "{from} -> {to}")
    }
}

/// How many decisions were asked again, and what would change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PolicyComparison {
    pub policy_digest: String,
    pub asked: u64,
    /// Whose document this program cannot read.
    pub unreadable: u64,
    pub changes: Vec<DecisionChange>,
}

#[derive(Deserialize)]
struct Document {
    question: Question,
    decision: Decision,
}

impl Broker {
    /// Keeps the policy in force under its digest, so that what it decides can be decided again.
    pub async fn keep_policy(&self) -> Result<()> {
        let change = Change {
            writes: vec![kept(&self.policy())],
            entries: Vec::new(),
        };
        self.commit(change).await?;
        Ok(())
    }

    /// Puts a policy set in force, here and for every question from now on. The ledger has both digests.
    pub async fn put_policy(&self, policy: Engine) -> Result<()> {
        let before = self.policy().digest().to_owned();
        if before == policy.digest() {
            return Ok(());
        }
        let entry = EntryBody::new(self.inner.clock.now(), EntryKind::PolicyChanged)
            .with("from_digest", before)
            .with("policy_digest", policy.digest());
        let change = Change {
            writes: vec![kept(&policy)],
            entries: vec![entry],
        };
        self.commit(change).await?;
        self.swap_policy(policy);
        self.inner.nudges.pending();
        Ok(())
    }

    /// Makes a stored decision again; for its organisation, members of its projects, reviewers and auditors.
    pub async fn replay_decision(&self, caller: &Caller, id: DecisionId) -> Result<DecisionReplay> {
        let stored = self.inner.store.find_decision(id).await?;
        let stored = stored.ok_or(Error::NotFound("decision"))?;
        let is_seen = self.may_replay(caller, stored.organisation).await?
            && self.sees_decision(caller, &stored).await?;
        if !is_seen {
            return Err(Error::NotFound("decision"));
        }
        let reason = match self.policy_of(&stored).await? {
            Ok(engine) => differs(&engine, &stored),
            Err(reason) => Some(reason),
        };
        let (document, left_out) = told(caller, stored.document);
        Ok(DecisionReplay {
            decision: id,
            organisation: stored.organisation,
            decided_at: stored.decided_at,
            policy_digest: stored.policy_digest,
            same: reason.is_none(),
            reason,
            document,
            left_out,
        })
    }

    async fn may_replay(&self, caller: &Caller, of: OrganisationId) -> Result<bool> {
        match self.organisation(caller, of).await {
            Ok(_) => return Ok(true),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        let mut own = false;
        for project in self.inner.store.projects_of(of).await? {
            own |= caller.may_use(project.id);
        }
        Ok(own)
    }

    /// The policy that a decision was made by, or why it is not at hand.
    async fn policy_of(&self, stored: &StoredDecision) -> Result<Result<Arc<Engine>, String>> {
        let kept = self.kept_policy(&stored.policy_digest).await?;
        let words = "its policy is not kept here: it was made by a version that did not keep them";
        Ok(kept.unwrap_or_else(|| Err(words.to_owned())))
    }

    /// The policy with a digest, or why this program cannot load it; nothing where it is not kept.
    async fn kept_policy(&self, digest: &str) -> Result<Option<Result<Arc<Engine>, String>>> {
        let current = self.policy();
        if digest == current.digest() {
            return Ok(Some(Ok(current)));
        }
        let name = digest.trim_start_matches("sha256:");
        let Some(document) = self.inner.store.find_board_document(name).await? else {
            return Ok(None);
        };
        let loaded = Engine::from_document(&document);
        let loaded = loaded.map(Arc::new).map_err(|error| error.to_string());
        Ok(Some(loaded))
    }
}

fn kept(policy: &Engine) -> Write {
    Write::PutBoardDocument {
        sha256: digest(policy.document()).into(),
        document: policy.document().into(),
    }
}

/// That it comes out otherwise; nothing where it is the same.
fn differs(engine: &Engine, stored: &StoredDecision) -> Option<String> {
    match decide_again(engine, &stored.document) {
        Ok(again) if again == stored.document => None,
        Ok(_) => Some(
            "made again, it comes out otherwise: the row was changed, or the engine was".to_owned(),
        ),
        Err(error) => Some(error.to_string()),
    }
}

/// Asks every stored question under another policy, oldest first. Nothing is stored.
///
/// Each is asked on its own day, on which rules that are to come are silent. With `on`, all are asked as if it were
/// that day, under the policy that is given and under `current`: what differs is the policy's doing alone.
pub async fn compare_policies(
    store: &dyn Store,
    policy: &Engine,
    (current, on): (&Engine, Option<Date>),
) -> Result<PolicyComparison> {
    let mut comparison = PolicyComparison {
        policy_digest: policy.digest().to_owned(),
        ..PolicyComparison::default()
    };
    let mut after = None;
    loop {
        let batch = store.decisions_after(after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok(comparison);
        };
        after = Some(last.id);
        let accounts = accounts_of(store, (policy, current), &batch).await?;
        let before = Before {
            on,
            policy: on.is_some().then_some(current),
            current,
            accounts: &accounts,
        };
        for stored in &batch {
            comparison.ask(policy, stored, before);
        }
    }
}
