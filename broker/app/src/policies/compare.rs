//! What a set that is not in force would decide, for people who have no access to the broker's machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_model::{DecisionId, OrganisationId};
use broker_store::StoredDecision;
use jiff::civil::Date;
use policy_engine::Engine;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use super::ask::{Accounts, Before, accounts_of};
use super::{BATCH, PolicyComparison};
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Result, chain};

/// Batches that one request asks about: two seconds of work at most, and then the next page.
const BATCHES: u32 = 5;
/// Files of a candidate set; the shipped one has fewer than a hundred.
const MOST_FILES: usize = 500;

/// A candidate, and what it is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonQuery {
    /// The digest of a set that is kept here; instead of `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// A set by its files, with the names they have in a policy folder: `rules/ethics.cedar`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<BTreeMap<String, String>>,
    /// The digest of a set that is kept here and asked the same; without it what was decided counts, or with `on`
    /// the set in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Asks everything as if it were that day, under both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Date>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<DecisionId>,
}

/// What would change among some of the decisions, oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct ComparisonPage {
    #[serde(flatten)]
    pub comparison: PolicyComparison,
    pub next_cursor: Option<DecisionId>,
}

/// Two sets and the day that both are asked on.
#[derive(Clone, Debug)]
struct Sets {
    candidate: Arc<Engine>,
    against: Option<Arc<Engine>>,
    in_force: Arc<Engine>,
    on: Option<Date>,
    turn: Turn,
}

/// Held by the threads that work on a comparison, too: a request that is given up does not stop them.
type Turn = Arc<OwnedSemaphorePermit>;

impl Broker {
    /// Asks stored questions under another set, a page of them; for reviewers, operators, and auditors: of one share
    /// for the organisations they see. Nothing takes effect and nothing is stored.
    pub async fn compare_policies(
        &self,
        caller: &Caller,
        asked: ComparisonQuery,
    ) -> Result<ComparisonPage> {
        caller.check_compares()?;
        let cursor = asked.cursor;
        let turn = Arc::clone(&self.inner.comparing).acquire_owned().await;
        let turn = Arc::new(turn.map_err(|_| Error::Contended)?);
        let sets = self.sets(asked, turn).await?;
        let mut page = ComparisonPage {
            comparison: PolicyComparison {
                policy_digest: sets.candidate.digest().to_owned(),
                ..PolicyComparison::default()
            },
            next_cursor: cursor,
        };
        for _ in 0..BATCHES {
            let batch = self.inner.store.decisions_after(page.next_cursor, BATCH);
            let batch = batch.await?;
            let last = batch.last().map(|it| it.id);
            page.next_cursor = last.filter(|_| batch.len() >= BATCH as usize);
            let seen = self.seen_of(caller, batch).await?;
            let both = (&*sets.candidate, sets.current());
            let accounts = accounts_of(&*self.inner.store, both, &seen).await?;
            let asking = sets.clone().ask(page.comparison, (seen, accounts));
            page.comparison = asking.await?;
            if page.next_cursor.is_none() {
                break;
            }
        }
        Ok(page)
    }

    async fn sets(&self, asked: ComparisonQuery, turn: Turn) -> Result<Sets> {
        let against = match (&asked.against, asked.on) {
            (Some(digest), _) => Some(self.named_policy(digest).await?),
            (None, Some(_)) => Some(self.policy()),
            (None, None) => None,
        };
        let candidate = match (asked.policy, asked.files) {
            (Some(digest), None) => self.named_policy(&digest).await?,
            (None, Some(files)) => candidate(files, Arc::clone(&turn)).await?,
            _ => return Err(not_one()),
        };
        Ok(Sets {
            candidate,
            against,
            in_force: self.policy(),
            on: asked.on,
            turn,
        })
    }

    /// The decisions that the caller may know of.
    async fn seen_of(
        &self,
        caller: &Caller,
        mut batch: Vec<StoredDecision>,
    ) -> Result<Vec<StoredDecision>> {
        if caller.sees_all_organisations() || caller.audits_every_share() {
            return Ok(batch);
        }
        let mut seen: BTreeMap<OrganisationId, bool> = BTreeMap::new();
        for of in batch.iter().map(|it| it.organisation) {
            if seen.contains_key(&of) {
                continue;
            }
            let is_seen = match self.organisation(caller, of).await {
                Ok(_) => true,
                Err(Error::NotFound(_)) => false,
                Err(error) => return Err(error),
            };
            seen.insert(of, is_seen);
        }
        batch.retain(|it| seen.get(&it.organisation) == Some(&true));
        let mut theirs = Vec::with_capacity(batch.len());
        for stored in batch {
            if self.sees_decision(caller, &stored).await? {
                theirs.push(stored);
            }
        }
        Ok(theirs)
    }

    async fn named_policy(&self, digest: &str) -> Result<Arc<Engine>> {
        let kept = self.kept_policy(digest).await?;
        kept.ok_or(Error::NotFound("policy"))?.map_err(|reason| {
            let allowed = "a set that this version of the broker can load";
            invalid("policy", &reason, allowed)
        })
    }
}

impl Sets {
    fn current(&self) -> &Engine {
        self.against.as_deref().unwrap_or(&self.in_force)
    }

    /// Away from the threads that answer requests: some hundreds of questions take a moment.
    async fn ask(
        self,
        mut comparison: PolicyComparison,
        (batch, accounts): (Vec<StoredDecision>, Accounts),
    ) -> Result<PolicyComparison> {
        let sets = self;
        let asking = move || {
            let _turn = &sets.turn;
            let before = Before {
                on: sets.on,
                policy: sets.against.as_deref(),
                current: sets.current(),
                accounts: &accounts,
            };
            for stored in &batch {
                comparison.ask(&sets.candidate, stored, before);
            }
            comparison
        };
        tokio::task::spawn_blocking(asking).await.map_err(broke)
    }
}

async fn candidate(files: BTreeMap<String, String>, turn: Turn) -> Result<Arc<Engine>> {
    if files.len() > MOST_FILES {
        let reason = format!("has {} files", files.len());
        return Err(invalid("files", &reason, &format!("up to {MOST_FILES}")));
    }
    let loading = move || {
        let _turn = turn;
        Engine::from_files(files)
    };
    let loaded = tokio::task::spawn_blocking(loading).await.map_err(broke)?;
    let allowed = "modes/*.toml, rules/*.cedar, tables/*.toml and words/*.toml that load together";
    loaded
        .map(Arc::new)
        .map_err(|error| invalid("files", &chain(&error), allowed))
}

/// The engine panicked on what it was given, or the process is ending.
#[expect(clippy::needless_pass_by_value, reason = "given to `map_err`")]
fn broke(error: tokio::task::JoinError) -> Error {
    tracing::error!(%error, "a policy set could not be asked");
    Error::Contended
}

fn invalid(field: &str, reason: &str, allowed: &str) -> Error {
    let mut faults = Faults::default();
    faults.add(field, reason, allowed);
    faults.into_error("policy")
}

fn not_one() -> Error {
    let allowed = "either `policy`, the digest of a set that is kept, or `files`";
    invalid("policy", "is named and sent, or neither", allowed)
}
