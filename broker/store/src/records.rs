use broker_model::{
    Confirmation, DecisionId, EntryBody, FundingShare, GpuMillis, JobId, OrganisationId,
    OrganisationWas, PersonId, ProjectId, Role, SiteId, StateName, SystemId,
};
use jiff::Timestamp;

/// A decision as it was made; `document` is replayable and never rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDecision {
    pub id: DecisionId,
    pub organisation: OrganisationId,
    pub result: String,
    pub policy_digest: String,
    /// JSON: inputs and the decision with every rule that spoke, byte for byte.
    pub document: String,
    pub decided_at: Timestamp,
}

/// A policy that decisions were made by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUse {
    pub policy_digest: String,
    pub decisions: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// A placing as it was made: the document that its user sees, and what it can be made again from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPlacement {
    pub job: JobId,
    /// The version of the job that this placing made.
    pub job_version: i64,
    /// The JSON of a [`Placement`](broker_model::Placement), byte for byte.
    pub document: String,
    /// JSON: what it rested on, byte for byte.
    pub inputs: String,
}

/// Something that people work on: evidence, an application. The document is the noun as JSON, without
/// its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDossier {
    /// With the prefix of its kind of id.
    pub id: String,
    /// `evidence`, `application`.
    pub kind: String,
    pub organisation: OrganisationId,
    /// Where it lies while somebody has to do something.
    pub desk: Option<String>,
    /// When that has to be done.
    pub due_at: Option<Timestamp>,
    pub version: i64,
    pub document: String,
}

/// The one place, with sessions, where personal data lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub issuer: String,
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub first_seen_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredGrant {
    pub person: PersonId,
    pub role: Role,
}

/// A browser's session. The cookie's value is never stored, only its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id_hash: String,
    pub person: PersonId,
    /// JSON of `broker_model::Principal` as it was at login.
    pub principal: String,
    /// The issuer's session id, for back-channel logout.
    pub issuer_session: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What was given to this subject up to a time no longer counts. Personal data, as a [`Person`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub issuer: String,
    pub subject: String,
    /// Tokens issued and sessions opened up to then are refused. In the future: nothing counts
    /// before that time.
    pub issued_until: Timestamp,
    pub revoked_at: Timestamp,
    /// For operators; it may name people, so it is in no ledger entry.
    pub reason: String,
}

/// What makes a request of an agent differ from every other of the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AgentNonce {
    /// The key's id, or an invite's.
    pub key: String,
    pub nonce: String,
    pub seen_at: Timestamp,
}

/// What a site said to a job that waited for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConfirmation {
    /// The version of the job that the same change makes.
    pub job_version: i64,
    pub confirmation: Confirmation,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    pub person: PersonId,
    pub key: String,
}

/// The first answer to a key; the same key with another request digest is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub request_sha256: String,
    pub status: u16,
    pub body: String,
    pub created_at: Timestamp,
}

/// A keyset page over ids that sort by time, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// 1 to 201: a page of 200, and one more that shows whether there is another.
    pub limit: u32,
    /// Only rows older than this.
    pub before: Option<T>,
}

/// All conditions hold; an empty list or `None` is no condition, except `projects`.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// The projects the caller may see; `None` for all (operators), an empty list for none.
    pub projects: Option<Vec<ProjectId>>,
    pub states: Vec<StateName>,
    pub site: Option<SiteId>,
    /// Only jobs that are not over.
    pub active: bool,
}

/// What somebody may see of the usage: that of these projects, and that under these shares.
#[derive(Clone, Debug, Default)]
pub struct UsageScope {
    pub projects: Vec<ProjectId>,
    pub shares: Vec<FundingShare>,
}

/// Physical GPU-time that a project of an organisation used under a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    pub organisation: OrganisationId,
    /// What it was then: an organisation that changed has several rows.
    pub was: Option<OrganisationWas>,
    pub project: ProjectId,
    pub share: FundingShare,
    pub gpu: GpuMillis,
}

/// Physical GPU-time that was used at a system under a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemUsed {
    pub site: SiteId,
    pub system: SystemId,
    pub share: FundingShare,
    pub gpu: GpuMillis,
}

#[derive(Clone, Debug, Default)]
pub struct UsageFilter {
    /// `None` for all there is.
    pub scope: Option<UsageScope>,
    pub projects: Option<Vec<ProjectId>>,
    /// `None` for every share.
    pub share: Option<FundingShare>,
    pub site: Option<SiteId>,
    /// `2026-11`.
    pub month: Option<String>,
}

/// What a local account used at a site, as its records say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountUse {
    /// As the site spells it.
    pub account: String,
    pub jobs: u64,
    pub gpu: GpuMillis,
    /// When the first and the last of its jobs ended.
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// A ledger entry with the bytes its leaf hash is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// From 0, without gaps, in the order of the commits: the leaf index.
    pub seq: u64,
    pub job: Option<JobId>,
    /// The JSON of an [`EntryBody`] as it was first written.
    pub text: String,
}

impl EntryRow {
    pub fn body(&self) -> Result<EntryBody, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}

/// A run of 256 hashes (32 bytes each, fewer in the last tile) at one level of the Merkle tree, as in
/// C2SP tlog-tiles. Level 0 holds leaf hashes, level `n` the roots of full tiles of level `n - 1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub level: u8,
    pub index: u64,
    pub hashes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    pub tree_size: u64,
    pub root_hex: String,
    /// The signed note, as it is served.
    pub note: String,
    pub created_at: Timestamp,
}

/// What a sealing step stores: tiles that grew, and the new checkpoint.
#[derive(Clone, Debug)]
pub struct SealedBatch {
    /// The size of the checkpoint this one was built on; fails with `Conflict(Checkpoint)` if another
    /// replica sealed meanwhile.
    pub from_size: u64,
    pub tiles: Vec<Tile>,
    pub checkpoint: StoredCheckpoint,
}
