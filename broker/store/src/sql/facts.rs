//! What a group must know of the database before its changes are looked at: each kind of fact is
//! one statement, whatever the number of changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker_model::{Balance, UnitMillis};

use super::db::Kind::{Int, Text};
use super::db::{Cell, Conn, Row, Select, select_any};
use super::errors::store_error;
use super::prepare::Prepared;
use super::rows;
use super::steps::{AttemptFacts, Step, Terms, Versioned};
use super::working::{KnownJob, KnownPerson, Working};
use crate::{Entity, StoreError};

const JOBS: Select = select_any!(
    "jobs",
    "SELECT id, version, site_id FROM jobs WHERE id",
    "",
    &[Text, Int, Text]
);
const ATTEMPTS: Select = select_any!(
    "attempts",
    "SELECT id, job_id, version, open FROM attempts WHERE id",
    "",
    &[Text, Text, Int, Int]
);
const OPEN_ATTEMPTS: Select = select_any!(
    "attempts",
    "SELECT id, job_id, version, open FROM attempts WHERE job_id",
    "AND open = 1",
    &[Text, Text, Int, Int]
);
const BALANCES: Select = select_any!(
    "balances",
    "SELECT b.allocation_id, b.granted_ms, b.used_ms, b.held_ms, b.lost_ms, a.document \
     FROM balances AS b JOIN allocations AS a ON a.id = b.allocation_id WHERE b.allocation_id",
    "",
    &[Text, Int, Int, Int, Int, Text]
);
const DECISIONS: Select = select_any!(
    "decisions",
    "SELECT id FROM decisions WHERE id",
    "",
    &[Text]
);
const USAGE: Select = select_any!(
    "usage_records",
    "SELECT attempt_id FROM usage_records WHERE attempt_id",
    "",
    &[Text]
);
const REMEMBERED: Select = select_any!(
    "remembered",
    "SELECT id FROM remembered WHERE id",
    "",
    &[Text]
);
const PERSON_COLUMNS: &[super::db::Kind] = &[Text, Text, Text, Int];
const PERSONS: Select = select_any!(
    "persons",
    "SELECT id, issuer, subject, first_seen_at_us FROM persons WHERE id",
    "",
    PERSON_COLUMNS
);
const SUBJECTS: Select = select_any!(
    "persons",
    "SELECT id, issuer, subject, first_seen_at_us FROM persons WHERE subject",
    "",
    PERSON_COLUMNS
);
const LOGS: Select = select_any!(
    "log_streams",
    "SELECT attempt_id, stream, length FROM log_streams WHERE attempt_id",
    "",
    &[Text, Text, Int]
);

const INVITES: Select = select_any!(
    "agent_invites",
    "SELECT id, version FROM agent_invites WHERE id",
    "",
    &[Text, Int]
);
const AGENTS: Select = select_any!(
    "agents",
    "SELECT id, version FROM agents WHERE id",
    "",
    &[Text, Int]
);
const KEYS: Select = select_any!(
    "agent_keys",
    "SELECT id, version FROM agent_keys WHERE id",
    "",
    &[Text, Int]
);
const NONCES: Select = select_any!(
    "agent_nonces",
    "SELECT id FROM agent_nonces WHERE id",
    "",
    &[Text]
);
const TERMS: Select = select_any!(
    "terms_acceptances",
    "SELECT person_id, document, version, text_sha256 FROM terms_acceptances WHERE person_id",
    "",
    &[Text, Text, Text, Text]
);
const COUNTS: Select = select_any!(
    "site_counts",
    "SELECT site_id, version FROM site_counts WHERE site_id",
    "",
    &[Text, Int]
);
const ORGANISATIONS: Select = select_any!(
    "organisations",
    "SELECT id, version FROM organisations WHERE id",
    "",
    &[Text, Int]
);
const DOSSIERS: Select = select_any!(
    "dossiers",
    "SELECT id, version FROM dossiers WHERE id",
    "",
    &[Text, Int]
);
const CLAIMS: Select = select_any!(
    "claims",
    "SELECT name, holder FROM claims WHERE name",
    "",
    &[Text, Text]
);
const SITES: Select = select_any!(
    "registered_sites",
    "SELECT site_id, version FROM registered_sites WHERE site_id",
    "",
    &[Text, Int]
);

const SITE_STATES: Select = select_any!(
    "site_states",
    "SELECT site_id, document FROM site_states WHERE site_id",
    "",
    &[Text, Text]
);

#[derive(Debug, Default)]
struct Wanted {
    jobs: BTreeSet<Arc<str>>,
    attempts: BTreeSet<Arc<str>>,
    open_attempts: BTreeSet<Arc<str>>,
    balances: BTreeSet<Arc<str>>,
    decisions: BTreeSet<Arc<str>>,
    usage: BTreeSet<Arc<str>>,
    remembered: BTreeSet<Arc<str>>,
    persons: BTreeSet<Arc<str>>,
    subjects: BTreeSet<Arc<str>>,
    logs: BTreeSet<Arc<str>>,
    invites: BTreeSet<Arc<str>>,
    agents: BTreeSet<Arc<str>>,
    keys: BTreeSet<Arc<str>>,
    counts: BTreeSet<Arc<str>>,
    organisations: BTreeSet<Arc<str>>,
    dossiers: BTreeSet<Arc<str>>,
    claims: BTreeSet<Arc<str>>,
    nonces: BTreeSet<Arc<str>>,
    terms: BTreeSet<Arc<str>>,
    sites: BTreeSet<Arc<str>>,
    site_states: BTreeSet<Arc<str>>,
}

impl Wanted {
    fn by(group: &[&Prepared]) -> Self {
        let mut wanted = Self::default();
        for step in group.iter().flat_map(|change| &change.steps) {
            wanted.add(step);
        }
        wanted
    }

    fn add(&mut self, step: &Step) {
        match step {
            Step::InsertJob { row, .. }
            | Step::UpdateJob { row, .. }
            | Step::InsertPlacement { row, .. } => want(&mut self.jobs, row.first()),
            Step::InsertDecision { row, .. } => want(&mut self.decisions, row.first()),
            Step::InsertAttempt { row, .. } | Step::UpdateAttempt { row, .. } => {
                want(&mut self.attempts, row.first());
                want(&mut self.open_attempts, row.get(1));
                want(&mut self.jobs, row.get(1));
            }
            Step::MoveHours { allocation, .. } => {
                self.balances.insert(allocation.to_string().into());
            }
            Step::InsertAllocation { row, .. } | Step::UpdateTerms { row, .. } => {
                want(&mut self.balances, row.first());
            }
            Step::InsertUsage { row, .. } => want(&mut self.usage, row.first()),
            Step::Remember { row, .. } => want(&mut self.remembered, row.first()),
            Step::PutPerson { row, .. } => {
                want(&mut self.persons, row.first());
                want(&mut self.subjects, row.get(2));
            }
            Step::ErasePerson { row, .. } => want(&mut self.persons, row.first()),
            Step::AppendLog { rows: [row, _], .. } => want(&mut self.logs, row.first()),
            Step::Versioned { entity, id, .. } => {
                let wanted = match entity {
                    Entity::Invite => &mut self.invites,
                    Entity::Agent => &mut self.agents,
                    Entity::SiteCount => &mut self.counts,
                    Entity::Organisation => &mut self.organisations,
                    Entity::Dossier => &mut self.dossiers,
                    _ => &mut self.keys,
                };
                wanted.insert(Arc::clone(id));
            }
            Step::RemoveDossier { id, .. } => {
                self.dossiers.insert(Arc::clone(id));
            }
            Step::InsertNonce { id, .. } => {
                self.nonces.insert(Arc::clone(id));
            }
            Step::AcceptTerms { row, .. } => want(&mut self.terms, row.first()),
            Step::Claim { name, .. } | Step::Unclaim { name } => {
                self.claims.insert(Arc::clone(name));
            }
            Step::PutSite { row, .. } => want(&mut self.sites, row.first()),
            Step::PutSiteState { row, .. } => want(&mut self.site_states, row.first()),
            Step::Put { .. } | Step::Remove { .. } | Step::RemoveLog { .. } => {}
        }
    }
}

fn want(into: &mut BTreeSet<Arc<str>>, cell: Option<&Cell>) {
    if let Some(Cell::Text(text)) = cell {
        into.insert(Arc::clone(text));
    }
}

/// Reads what the group needs; call it with the ledger head locked, or it is stale at once.
pub(super) async fn read<'a>(
    conn: &mut Conn,
    group: &[&'a Prepared],
) -> Result<Working<'a>, StoreError> {
    let wanted = Wanted::by(group);
    let mut known = Working::default();
    read_jobs(conn, &wanted, &mut known).await?;
    for row in fetch(conn, &BALANCES, &wanted.balances).await? {
        let terms: Terms = row.json(5)?;
        known.balances.learn(row.parse(0)?, balance(&row, 1)?);
        known.terms.learn(row.parse(0)?, terms);
    }
    for row in fetch(conn, &DECISIONS, &wanted.decisions).await? {
        known.decisions.learn(row.parse(0)?, ());
    }
    for row in fetch(conn, &USAGE, &wanted.usage).await? {
        known.usage.learn(row.parse(0)?, ());
    }
    for row in fetch(conn, &REMEMBERED, &wanted.remembered).await? {
        known.remembered.learn(row.text(0)?.into(), ());
    }
    read_versions(conn, &wanted, &mut known).await?;
    for row in fetch(conn, &SITES, &wanted.sites).await? {
        known.sites.learn(row.parse(0)?, row.int(1)?);
    }
    for row in fetch(conn, &SITE_STATES, &wanted.site_states).await? {
        let Versioned { version } = row.json(1)?;
        known.site_states.learn(row.parse(0)?, version);
    }
    for row in fetch(conn, &LOGS, &wanted.logs).await? {
        let stream = (row.parse(0)?, row.text(1)?.into());
        known.logs.learn(stream, row.count(2)?);
    }
    for (select, wanted) in [(&PERSONS, &wanted.persons), (&SUBJECTS, &wanted.subjects)] {
        for row in fetch(conn, select, wanted).await? {
            learn_person(&row, &mut known)?;
        }
    }
    Ok(known)
}

async fn read_versions(
    conn: &mut Conn,
    wanted: &Wanted,
    known: &mut Working<'_>,
) -> Result<(), StoreError> {
    for (select, wanted) in [
        (&INVITES, &wanted.invites),
        (&AGENTS, &wanted.agents),
        (&KEYS, &wanted.keys),
        (&COUNTS, &wanted.counts),
        (&ORGANISATIONS, &wanted.organisations),
        (&DOSSIERS, &wanted.dossiers),
    ] {
        for row in fetch(conn, select, wanted).await? {
            known.versions.learn(row.text(0)?.into(), row.int(1)?);
        }
    }
    for row in fetch(conn, &CLAIMS, &wanted.claims).await? {
        known
            .claims
            .learn(row.text(0)?.into(), Some(row.text(1)?.into()));
    }
    for row in fetch(conn, &NONCES, &wanted.nonces).await? {
        known.nonces.learn(row.text(0)?.into(), ());
    }
    for row in fetch(conn, &TERMS, &wanted.terms).await? {
        let key = [row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?];
        known.terms_accepted.learn(rows::terms_id(key), ());
    }
    Ok(())
}

async fn read_jobs(
    conn: &mut Conn,
    wanted: &Wanted,
    known: &mut Working<'_>,
) -> Result<(), StoreError> {
    for row in fetch(conn, &JOBS, &wanted.jobs).await? {
        let job = KnownJob {
            version: row.int(1)?,
            site: row.text_or_null(2)?.map(Arc::from),
        };
        known.jobs.learn(row.parse(0)?, job);
    }
    let by_id = fetch(conn, &ATTEMPTS, &wanted.attempts).await?;
    let by_job = fetch(conn, &OPEN_ATTEMPTS, &wanted.open_attempts).await?;
    for row in by_id.iter().chain(&by_job) {
        let attempt = AttemptFacts {
            id: row.parse(0)?,
            job: row.parse(1)?,
            version: row.int(2)?,
            open: row.int(3)? == 1,
        };
        known.attempts.learn(attempt.id, attempt);
        if attempt.open {
            known.open.learn(attempt.job, Some(attempt.id));
        }
    }
    Ok(())
}

fn learn_person(row: &Row, known: &mut Working<'_>) -> Result<(), StoreError> {
    let id = row.parse(0)?;
    let subject = (row.text(1)?.into(), row.text(2)?.into());
    known.subjects.learn(subject, id);
    let person = KnownPerson {
        subject: (row.text(1)?.into(), row.text(2)?.into()),
        first_seen: Cell::Int(row.int(3)?),
    };
    known.persons.learn(id, person);
    Ok(())
}

pub(super) fn balance(row: &Row, from: usize) -> Result<Balance, StoreError> {
    Ok(Balance {
        granted: UnitMillis(row.int(from)?),
        used: UnitMillis(row.int(from + 1)?),
        held: UnitMillis(row.int(from + 2)?),
        lost: UnitMillis(row.int(from + 3)?),
    })
}

async fn fetch(
    conn: &mut Conn,
    select: &Select,
    ids: &BTreeSet<Arc<str>>,
) -> Result<Vec<Row>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let list = Cell::List(ids.iter().map(Arc::clone).collect());
    conn.fetch(select, &[list])
        .await
        .map_err(|e| store_error(&e))
}
