//! The tables as the committer writes them.

use super::db::Kind::{self, Bytes, Int, Text};

#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    /// How many of the first columns are the key; 0 where the database numbers the rows.
    pub(super) keys: usize,
    pub(super) on_conflict: OnConflict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnConflict {
    /// The committer has checked that there is no such row.
    Refuse,
    Keep,
    /// Takes these columns from the new row.
    Replace(&'static [&'static str]),
}

use OnConflict::{Keep, Refuse, Replace};

macro_rules! tables {
    ($($id:ident = $name:literal, keys $keys:literal, $conflict:expr, [$($column:ident $kind:ident),*];)*) => {
        /// In the order they are written in: what others refer to comes first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum TableId { $($id),* }

        pub(super) const TABLES: &[Table] = &[$(Table {
            name: $name,
            columns: &[$((stringify!($column), $kind)),*],
            keys: $keys,
            on_conflict: $conflict,
        }),*];
    };
}

tables! {
    Organisations = "organisations", keys 1, Replace(&["domain", "document", "version"]),
        [id Text, domain Text, document Text, version Int];
    Claims = "claims", keys 1, Replace(&["holder"]),
        [name Text, holder Text];
    Dossiers = "dossiers", keys 1,
        Replace(&["organisation_id", "desk", "due_at_us", "version", "document"]),
        [id Text, kind Text, organisation_id Text, desk Text, due_at_us Int, version Int, document Text];
    Projects = "projects", keys 1, Replace(&["organisation_id", "document"]),
        [id Text, organisation_id Text, document Text];
    Allocations = "allocations", keys 1, Replace(&["document"]),
        [id Text, project_id Text, document Text];
    Balances = "balances", keys 1, Replace(&["granted_ms", "used_ms", "held_ms", "lost_ms"]),
        [allocation_id Text, granted_ms Int, used_ms Int, held_ms Int, lost_ms Int];
    Expiries = "expiries", keys 1, Replace(&["ends_at_us"]),
        [allocation_id Text, ends_at_us Int];
    Persons = "persons", keys 1, Replace(&["issuer", "subject", "name", "email"]),
        [id Text, issuer Text, subject Text, name Text, email Text, first_seen_at_us Int];
    Erasures = "erasures", keys 1, Replace(&["asked_at_us", "erased_at_us", "settled"]),
        [person_id Text, asked_at_us Int, erased_at_us Int, settled Int];
    Holds = "holds", keys 1, Replace(&["reason", "set_at_us"]),
        [id Text, reason Text, set_at_us Int];
    FileRemovals = "file_removals", keys 1, Keep,
        [sha256 Text, decided_at_us Int];
    SignatoryLists = "signatory_lists", keys 2, Keep,
        [as_of Text, sha256 Text, source Text, names Int, imported_at_us Int, document Text];
    Grants = "grants", keys 2, Keep,
        [person_id Text, role Text];
    Sessions = "sessions", keys 1,
        Replace(&["person_id", "principal", "issuer_session", "created_at_us", "expires_at_us"]),
        [id_hash Text, person_id Text, principal Text, issuer_session Text, created_at_us Int,
         expires_at_us Int];
    Revocations = "revocations", keys 2, Replace(&["issued_until_us", "revoked_at_us", "reason"]),
        [issuer Text, subject Text, issued_until_us Int, revoked_at_us Int, reason Text];
    TermsAcceptances = "terms_acceptances", keys 4, Refuse,
        [person_id Text, document Text, version Text, text_sha256 Text, accepted_at_us Int];
    Decisions = "decisions", keys 1, Refuse,
        [id Text, organisation_id Text, result Text, policy_digest Text, document Text,
         decided_at_us Int];
    Jobs = "jobs", keys 1,
        Replace(&["project_id", "state", "active", "cancelling", "site_id", "attempt_id", "version",
            "document"]),
        [id Text, project_id Text, state Text, active Int, cancelling Int, site_id Text,
         attempt_id Text, version Int, document Text];
    BoardDocuments = "board_documents", keys 1, Keep,
        [sha256 Text, document Text];
    Placings = "placings", keys 2, Refuse,
        [job_id Text, job_version Int, document Text, inputs Text];
    Confirmations = "confirmations", keys 2, Keep,
        [job_id Text, job_version Int, document Text];
    Attempts = "attempts", keys 1,
        Replace(&["job_id", "site_id", "open", "settled", "leased_by", "lease_until_us", "version",
            "document"]),
        [id Text, job_id Text, site_id Text, open Int, settled Int, leased_by Text,
         lease_until_us Int, version Int, document Text];
    UsageRecords = "usage_records", keys 1, Refuse,
        [attempt_id Text, job_id Text, project_id Text, share Text, site_id Text, month Text,
         ended_at_us Int, document Text, organisation_id Text, gpu_ms Int, system_id Text];
    Remembered = "remembered", keys 1, Refuse,
        [id Text, request_sha256 Text, status Int, body Text, created_at_us Int];
    SiteStates = "site_states", keys 1, Replace(&["document"]),
        [site_id Text, document Text];
    SiteSnapshots = "site_snapshots", keys 1, Replace(&["document"]),
        [site_id Text, document Text];
    RegisteredSites = "registered_sites", keys 1, Replace(&["version", "document"]),
        [site_id Text, version Int, document Text];
    WindowUses = "window_uses", keys 1, Replace(&["window_id", "gpu_ms"]),
        [job_id Text, window_id Text, gpu_ms Int];
    SiteCounts = "site_counts", keys 1, Replace(&["version"]),
        [site_id Text, version Int];
    LogStreams = "log_streams", keys 2, Replace(&["length"]),
        [attempt_id Text, stream Text, length Int];
    LogChunks = "log_chunks", keys 3, Refuse,
        [attempt_id Text, stream Text, start_byte Int, bytes Bytes];
    AgentInvites = "agent_invites", keys 1, Replace(&["site_id", "version", "document"]),
        [id Text, site_id Text, version Int, document Text];
    Agents = "agents", keys 1, Replace(&["site_id", "version", "document"]),
        [id Text, site_id Text, version Int, document Text];
    AgentKeys = "agent_keys", keys 1, Replace(&["agent_id", "version", "document"]),
        [id Text, agent_id Text, version Int, document Text];
    AgentNonces = "agent_nonces", keys 1, Refuse,
        [id Text, seen_at_us Int];
    LedgerEntries = "ledger_entries", keys 1, Refuse,
        [seq Int, job_id Text, text Text];
    LedgerTiles = "ledger_tiles", keys 2, Replace(&["hashes"]),
        [level Int, tile_index Int, hashes Bytes];
    LedgerCheckpoints = "ledger_checkpoints", keys 1, Refuse,
        [tree_size Int, root_hex Text, note Text, created_at_us Int];
}

/// Where `jobs.site_id` is in its row: the committer fills it in for jobs that are over.
pub(super) const JOB_SITE: usize = 5;
/// Where `persons.first_seen_at_us` is in its row: the first one stays.
pub(super) const PERSON_FIRST_SEEN: usize = 5;

impl TableId {
    pub(super) const COUNT: usize = TABLES.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patched_columns_are_where_they_are_said_to_be() {
        let column = |table: TableId, at: usize| TABLES[table as usize].columns[at].0;
        assert_eq!(column(TableId::Jobs, JOB_SITE), "site_id");
        assert_eq!(
            column(TableId::Persons, PERSON_FIRST_SEEN),
            "first_seen_at_us"
        );
    }
}
