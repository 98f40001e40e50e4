//! Making a stored decision or placement again from its stored rows, for whoever doubts it. The cores
//! are pure; [`replay_placement`] only fetches what they need.

use std::collections::{BTreeMap, BTreeSet};

use broker_model::{
    Allocation, Bound, Controls, JobSpec, PartitionRef, ShutSystems, Site, SiteId, SiteReadiness,
    SiteSnapshot, SiteState, Tally,
};
use broker_placement::{Input, SiteView};
use broker_store::{Store, StoreError, StoredPlacement};
use jiff::Timestamp;
use policy_engine::{Engine, Question};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::decisions::Made;

/// What a placing rested on beside the job's own specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacingInputs {
    pub now: Timestamp,
    /// Balance and terms as they were.
    pub allocation: Allocation,
    pub refused_by: Vec<PartitionRef>,
    /// What the jobs that it waits for left open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// Names the [`BoardParts`] the job was placed on.
    pub board: String,
    /// When each site of the board looked at its partitions. It stands here and not in the board, so
    /// that boards that differ in nothing else are one document.
    pub observed_at: Vec<Option<Timestamp>>,
    /// What was counted where sites have set windows or limits; left out where none asks for it.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub tally: Tally,
    /// Sites whose terms its owner had not accepted, with their version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unaccepted: BTreeMap<SiteId, String>,
    /// Systems that the rules kept the allocation from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shut: ShutSystems,
    /// Of the project, on that day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sectors: Vec<String>,
}

/// A federation as it was heard at one moment, each part by the SHA-256 that names its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardParts {
    pub zones: String,
    pub sites: Vec<BoardSite>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardSite {
    pub site: String,
    pub said: Option<Said>,
    /// Names what the site told of its partitions.
    pub partitions: Option<String>,
    /// Names what its administrators have set, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controls: Option<String>,
}

/// What a site says of itself, as placement took it; when it said so is left out as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    pub readiness: SiteReadiness,
    pub reason: Option<String>,
}

/// Documents by the SHA-256 that names each.
pub type BoardDocuments = BTreeMap<String, String>;

/// Why something stored cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("document {0}, which it rests on, is not there")]
    Missing(String),
    #[error("document {0}, which it rests on, was changed after it was stored")]
    Changed(String),
    #[error("what is stored cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A site with what was heard of it, read back.
struct Heard {
    site: Site,
    state: Option<SiteState>,
    snapshot: Option<SiteSnapshot>,
    controls: Option<Controls>,
}

/// The name of a document, and what the ledger says of one: its SHA-256 in hex.
pub fn digest(document: &str) -> String {
    hex::encode(Sha256::digest(document))
}

/// Makes the placement of a job again from its specification and the stored row; what comes out must
/// equal [`StoredPlacement::document`] byte for byte.
pub async fn replay_placement(
    store: &dyn Store,
    spec: &JobSpec,
    stored: &StoredPlacement,
) -> Result<String, ReplayError> {
    let inputs: PlacingInputs = serde_json::from_str(&stored.inputs)?;
    let mut documents = BoardDocuments::new();
    fetch(store, &inputs.board, &mut documents).await?;
    let board: BoardParts = read(&documents, &inputs.board)?;
    for name in board.names() {
        fetch(store, name, &mut documents).await?;
    }
    place_again(spec, &inputs, &documents)
}

async fn fetch(
    store: &dyn Store,
    name: &str,
    into: &mut BoardDocuments,
) -> Result<(), ReplayError> {
    let found = store.find_board_document(name).await?;
    into.extend(found.map(|document| (name.to_owned(), document)));
    Ok(())
}

/// Places once more. Every document is held to the digest that names it.
pub fn place_again(
    spec: &JobSpec,
    inputs: &PlacingInputs,
    documents: &BoardDocuments,
) -> Result<String, ReplayError> {
    let board: BoardParts = read(documents, &inputs.board)?;
    let zones: BTreeMap<String, BTreeSet<String>> = read(documents, &board.zones)?;
    let heard: Result<Vec<Heard>, ReplayError> = board
        .sites
        .into_iter()
        .zip(&inputs.observed_at)
        .map(|(it, observed_at)| it.read(*observed_at, inputs.now, documents))
        .collect();
    let heard = heard?;
    let sites: Vec<SiteView<'_>> = heard.iter().map(Heard::view).collect();
    let placement = broker_placement::place(&Input {
        now: inputs.now,
        spec,
        sites: &sites,
        allocation: &inputs.allocation,
        refused_by: &inputs.refused_by,
        zones: &zones,
        tally: &inputs.tally,
        bound: inputs.bound.as_ref(),
        unaccepted: &inputs.unaccepted,
        shut: &inputs.shut,
        sectors: &inputs.sectors,
    });
    Ok(serde_json::to_string(&placement)?)
}

/// Asks the question of a stored decision once more; under the policy set whose digest it carries,
/// what comes out must equal `StoredDecision::document` byte for byte.
pub fn decide_again(engine: &Engine, document: &str) -> Result<String, ReplayError> {
    let question = question_of(document)?;
    Ok(Made::by(engine, &question).document)
}

/// The question that a stored decision answered.
pub(crate) fn question_of(document: &str) -> Result<Question, serde_json::Error> {
    #[derive(Deserialize)]
    struct Asked {
        question: Question,
    }
    serde_json::from_str(document).map(|Asked { question }| question)
}

impl BoardParts {
    /// The documents it is made of.
    fn names(&self) -> impl Iterator<Item = &str> {
        let of_sites = self.sites.iter().flat_map(|it| {
            let controls = it.controls.as_deref();
            [Some(it.site.as_str()), it.partitions.as_deref(), controls]
        });
        std::iter::once(self.zones.as_str()).chain(of_sites.flatten())
    }
}

impl BoardSite {
    fn read(
        self,
        observed_at: Option<Timestamp>,
        now: Timestamp,
        documents: &BoardDocuments,
    ) -> Result<Heard, ReplayError> {
        let site: Site = read(documents, &self.site)?;
        let controls = { self.controls }
            .map(|name| read(documents, &name))
            .transpose()?;
        let state = self.said.map(|said| said.at(&site.id, now));
        let snapshot = match (observed_at, self.partitions) {
            (Some(observed_at), Some(name)) => Some(SiteSnapshot {
                observed_at,
                // Placement goes by the state alone.
                readiness: SiteReadiness::Unknown,
                reason: None,
                partitions: read(documents, &name)?,
            }),
            _ => None,
        };
        Ok(Heard {
            site,
            state,
            snapshot,
            controls,
        })
    }
}

impl Said {
    pub(crate) fn by(state: &SiteState, now: Timestamp) -> Self {
        Self {
            readiness: state.readiness_at(now),
            reason: state.reason.clone(),
        }
    }

    fn at(self, site: &SiteId, now: Timestamp) -> SiteState {
        SiteState {
            site: site.clone(),
            readiness: self.readiness,
            reason: self.reason,
            observed_at: now,
            ttl_seconds: 0,
            agents: Vec::new(),
            systems: Vec::new(),
            version: 0,
        }
    }
}

impl Heard {
    const fn view(&self) -> SiteView<'_> {
        SiteView {
            site: &self.site,
            state: self.state.as_ref(),
            snapshot: self.snapshot.as_ref(),
            controls: self.controls.as_ref(),
        }
    }
}

fn read<T: DeserializeOwned>(documents: &BoardDocuments, name: &str) -> Result<T, ReplayError> {
    let document = documents
        .get(name)
        .ok_or_else(|| ReplayError::Missing(name.to_owned()))?;
    if digest(document) != name {
        return Err(ReplayError::Changed(name.to_owned()));
    }
    Ok(serde_json::from_str(document)?)
}
