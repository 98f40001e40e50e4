//! The board as documents that placings name: thousands of jobs share them, so each is made once and
//! written once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use broker_model::SiteReadiness;
use broker_store::Write;
use jiff::Timestamp;
use moka::sync::Cache;
use serde::Serialize;

use super::AllHeard;
use super::federation::{Federation, Listed};
use crate::replay::{BoardParts, BoardSite, Said, digest};

/// Digests of documents that this process has seen stored; more than a day's snapshots.
const MOST: u64 = 100_000;

#[derive(Clone, Debug)]
pub(super) struct Document {
    sha256: Arc<str>,
    text: Arc<str>,
}

/// What does not change while the broker runs, and what is known to be stored.
#[derive(Debug)]
pub(super) struct Fixed {
    zones: Document,
    stored: Cache<Arc<str>, ()>,
}

/// One board, as it was heard.
#[derive(Debug)]
pub(crate) struct Record {
    /// Of each site by then: one that is silent for long becomes another.
    readiness: Vec<SiteReadiness>,
    observed_at: Vec<Option<Timestamp>>,
    documents: Vec<Document>,
    board: Arc<str>,
    is_stored: AtomicBool,
}

impl Document {
    #[expect(
        clippy::expect_used,
        reason = "plain structs with text keys are always JSON"
    )]
    pub(super) fn of(value: &impl Serialize) -> Self {
        let text = serde_json::to_string(value).expect("what is heard is always JSON");
        Self {
            sha256: digest(&text).into(),
            text: text.into(),
        }
    }
}

impl Fixed {
    pub(super) fn of(zones: &impl Serialize) -> Self {
        Self {
            zones: Document::of(zones),
            stored: Cache::new(MOST),
        }
    }

    pub(super) fn record(
        &self,
        federation: &Federation,
        heard: &AllHeard,
        now: Timestamp,
    ) -> Record {
        let sites = &federation.sites;
        let mut documents = vec![self.zones.clone()];
        let mut parts = Vec::with_capacity(sites.len());
        let mut observed_at = Vec::with_capacity(sites.len());
        for listed in sites {
            let known = heard.get(&listed.site.id);
            let state = known.and_then(|known| known.state.as_ref());
            let snapshot = known.and_then(|known| known.snapshot.as_deref());
            observed_at.push(snapshot.map(|it| it.observed_at));
            let partitions = snapshot.map(|it| Document::of(&it.partitions));
            parts.push(BoardSite {
                site: listed.document.sha256.to_string(),
                controls: listed.set.as_ref().map(|it| it.sha256.to_string()),
                said: state.map(|state| Said::by(state, now)),
                partitions: partitions.as_ref().map(|it| it.sha256.to_string()),
            });
            documents.push(listed.document.clone());
            documents.extend(listed.set.clone());
            documents.extend(partitions);
        }
        let board = Document::of(&BoardParts {
            zones: self.zones.sha256.to_string(),
            sites: parts,
        });
        let name = Arc::clone(&board.sha256);
        documents.push(board);
        Record {
            readiness: readiness(federation, heard, now),
            observed_at,
            documents,
            board: name,
            is_stored: AtomicBool::new(false),
        }
    }

    /// What is to be written with a placing on this board: nothing once it is known to be stored.
    pub(super) fn writes(&self, record: &Record) -> Vec<Write> {
        if record.is_stored.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let is_new = |it: &&Document| !self.stored.contains_key(&it.sha256);
        let write = |it: &Document| Write::PutBoardDocument {
            sha256: Arc::clone(&it.sha256),
            document: Arc::clone(&it.text),
        };
        record.documents.iter().filter(is_new).map(write).collect()
    }

    /// To be called after the commit of what [`Self::writes`] gave, and only then.
    pub(super) fn is_stored(&self, record: &Record) {
        if record.is_stored.swap(true, Ordering::Relaxed) {
            return;
        }
        for document in &record.documents {
            self.stored.insert(Arc::clone(&document.sha256), ());
        }
    }
}

impl Record {
    /// Whether what was heard, which has not changed, is at this time what it was then.
    pub(super) fn is_of(&self, federation: &Federation, heard: &AllHeard, now: Timestamp) -> bool {
        self.readiness == readiness(federation, heard, now)
    }

    /// The SHA-256 that names the board.
    pub(crate) fn name(&self) -> &str {
        &self.board
    }

    pub(crate) fn observed_at(&self) -> &[Option<Timestamp>] {
        &self.observed_at
    }
}

fn readiness(federation: &Federation, heard: &AllHeard, now: Timestamp) -> Vec<SiteReadiness> {
    let of = |listed: &Arc<Listed>| heard.get(&listed.site.id).map(|it| it.readiness(now));
    federation
        .sites
        .iter()
        .map(|listed| of(listed).unwrap_or_default())
        .collect()
}
