//! Years of work in a minute: rows copied from one real job, written straight into a scratch database.

use anyhow::Context as _;
use broker_model::{AttemptId, Job, JobId};

use crate::database::{Kind, Raw, Scratch};

/// Copies made in one transaction; the broker's own commits go in between.
const AT_ONCE: u32 = 20_000;

/// The rows of one job, to be copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template<'a> {
    pub(crate) job: &'a Job,
    /// Its only attempt, if it had one; attempt and usage are copied too then.
    pub(crate) attempt: Option<AttemptId>,
}

/// Copies the template so many times: job, attempt, usage record and two ledger entries with their
/// documents, decision and placement without (they are read by their key only, and would be most of
/// the bytes). What the copies hold is held on the allocation.
pub(crate) async fn copy(
    scratch: &Scratch,
    template: &Template<'_>,
    count: u32,
) -> anyhow::Result<()> {
    let mut raw = scratch.raw(false).await?;
    let mut from = 0;
    while from < count {
        let to = count.min(from + AT_ONCE);
        let sql = transaction(scratch.kind, template, from, to);
        raw.run(sql)
            .await
            .with_context(|| format!("copies {from} to {to}"))?;
        from = to;
    }
    settle(scratch.kind, &mut raw).await
}

/// What a database does by itself in the time that so many jobs take.
async fn settle(kind: Kind, raw: &mut Raw) -> anyhow::Result<()> {
    match kind {
        Kind::Sqlite => raw.run("PRAGMA wal_checkpoint(PASSIVE)".to_owned()).await,
        Kind::Postgres => {
            raw.run("VACUUM ANALYZE".to_owned()).await?;
            raw.run("CHECKPOINT".to_owned()).await
        }
    }
}

fn transaction(kind: Kind, template: &Template<'_>, from: u32, to: u32) -> String {
    let (begin, hex) = match kind {
        Kind::Sqlite => ("BEGIN IMMEDIATE", "printf('%08x', i)"),
        // The store's lock on the ledger's head, so that its commits wait for this one.
        Kind::Postgres => (
            "BEGIN; SELECT size FROM ledger_head WHERE id = 1 FOR UPDATE",
            "lpad(to_hex(i), 8, '0')",
        ),
    };
    let numbers = format!(
        "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to})"
    );
    let copies = Copies {
        hex,
        numbers,
        template,
    };
    let mut statements = vec![begin.to_owned()];
    statements.extend(copies.statements());
    statements.push(format!(
        "UPDATE ledger_head SET size = size + {}",
        2 * (to - from)
    ));
    statements.push(format!(
        "UPDATE balances SET held_ms = held_ms + {} WHERE allocation_id = '{}'",
        template.job.held.0 * i64::from(to - from),
        template.job.allocation
    ));
    statements.push("COMMIT".to_owned());
    statements.join(";\n")
}

struct Copies<'a> {
    hex: &'static str,
    numbers: String,
    template: &'a Template<'a>,
}

impl Copies<'_> {
    fn statements(&self) -> Vec<String> {
        let (job, decision) = (self.template.job.id, self.template.job.decision);
        let (new_job, new_decision) = (self.id("job"), self.id("dec"));
        let attempt = self
            .template
            .attempt
            .map_or("NULL".to_owned(), |_| self.id("att"));
        let document = self.document();
        let mut all = vec![
            self.insert(
                "jobs",
                "id, project_id, state, active, cancelling, site_id, attempt_id, version, document",
                &format!(
                    "{new_job}, project_id, state, active, cancelling, site_id, {attempt}, version, {document}"
                ),
                &format!("t.id = '{job}'"),
            ),
            self.insert("placings", "job_id, job_version, document, inputs", &format!("{new_job}, job_version, '{{}}', inputs"), &format!("t.job_id = '{job}'")),
            self.insert(
                "decisions",
                "id, organisation_id, result, policy_digest, document, decided_at_us",
                &format!("{new_decision}, organisation_id, result, policy_digest, '{{}}', decided_at_us"),
                &format!("t.id = '{decision}'"),
            ),
            self.entries(job, &new_job),
        ];
        if let Some(old) = self.template.attempt {
            all.extend(self.of_attempt(old, &new_job, &document));
        }
        all
    }

    fn of_attempt(&self, old: AttemptId, new_job: &str, document: &str) -> [String; 2] {
        let new = self.id("att");
        [
            self.insert(
                "attempts",
                "id, job_id, site_id, open, settled, version, document",
                &format!("{new}, {new_job}, site_id, open, settled, version, {document}"),
                &format!("t.id = '{old}'"),
            ),
            self.insert(
                "usage_records",
                "attempt_id, job_id, project_id, share, site_id, month, ended_at_us, document",
                &format!(
                    "{new}, {new_job}, project_id, share, site_id, month, ended_at_us, {document}"
                ),
                &format!("t.attempt_id = '{old}'"),
            ),
        ]
    }

    /// Two of the job's entries each, numbered on from the ledger's head.
    fn entries(&self, job: JobId, new_job: &str) -> String {
        format!(
            "{} INSERT INTO ledger_entries (seq, job_id, text) \
             SELECT h.size + row_number() OVER (ORDER BY n.i, t.seq) - 1, {new_job}, {} \
             FROM n, ledger_head h, \
             (SELECT * FROM ledger_entries WHERE job_id = '{job}' ORDER BY seq LIMIT 2) t",
            self.numbers,
            self.replaced("t.text"),
        )
    }

    fn insert(&self, table: &str, columns: &str, values: &str, which: &str) -> String {
        let numbers = &self.numbers;
        format!(
            "{numbers} INSERT INTO {table} ({columns}) SELECT {values} FROM n, {table} t WHERE {which}"
        )
    }

    fn document(&self) -> String {
        self.replaced("document")
    }

    fn replaced(&self, text: &str) -> String {
        let Template { job, attempt } = self.template;
        let mut text = format!(
            "replace(replace({text}, '{}', {}), '{}', {})",
            job.id,
            self.id("job"),
            job.decision,
            self.id("dec")
        );
        if let Some(attempt) = attempt {
            text = format!("replace({text}, '{attempt}', {})", self.id("att"));
        }
        text
    }

    /// An id of number `i`, older than any that is made now: version 7 counts from 1970.
    fn id(&self, prefix: &str) -> String {
        format!("'{prefix}_01900000' || {} || '7000800000000000'", self.hex)
    }
}
