use broker_model::{
    Dossier as _, EntryKind, Evidence, EvidenceDraft, EvidenceId, EvidenceKind, OrganisationId,
};
use broker_store::{Change, CommitError, Entity};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use policy_engine::day_in_brussels;

use super::days;
use super::files::check_announced;
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Order, Result};

pub(super) const LONGEST_SOURCE: usize = 500;
/// More that wait for a reviewer at once are looked at by none; each may have files.
const MOST_WAITING: usize = 50;
/// What was taken back counts here: its files stay for their time of retention.
const MOST_IN_A_MONTH: usize = 200;
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Broker {
    /// Hands evidence in; it counts once a reviewer has found it good.
    pub async fn hand_in_evidence<'o>(
        &self,
        caller: &Caller,
        of: OrganisationId,
        order: impl Into<Order<'o, EvidenceDraft, Evidence>>,
    ) -> Result<Evidence> {
        let Order { draft, once } = order.into();
        self.represented(caller, of).await?;
        self.check_evidence_draft(draft)?;
        self.check_evidence_room(of).await?;
        let now = self.inner.clock.now();
        let evidence = Evidence {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: of,
            kind: EvidenceKind(draft.kind.clone()),
            person: None,
            issued_on: draft.issued_on,
            expires_on: draft.expires_on,
            source: draft.source.trim().to_owned(),
            checked_by: None,
            added_by: Some(caller.person),
            added_at: Some(now),
            check: None,
            files: Vec::new(),
            accepted_at: None,
            withdrawn_at: None,
            version: 0,
        };
        let entry = { self.organisation_entry(EntryKind::EvidenceAdded, (caller, of)) }
            .with("evidence", evidence.id.to_string())
            .with("evidence_kind", draft.kind.clone());
        let mut writes = vec![filed(&evidence)];
        writes.extend(once.and_then(|it| it.remember(&evidence, now)));
        let entries = vec![entry];
        self.commit(Change { writes, entries }).await?;
        self.forget_standings_of(of).await?;
        Ok(evidence)
    }

    async fn check_evidence_room(&self, of: OrganisationId) -> Result<()> {
        let all: Vec<Evidence> = self.readable_of(of).await?;
        if all.iter().filter(|it| it.desk().is_some()).count() >= MOST_WAITING {
            return Err(Error::AlreadySo(format!(
                "{MOST_WAITING} pieces of evidence wait for a reviewer already: take back those that nobody needs"
            )));
        }
        let since = self.inner.clock.now().saturating_sub(MONTH);
        let since = since.unwrap_or(Timestamp::MIN);
        // What reviewers record of it is none of its doing.
        let own = all.iter().filter(|it| !self.is_screening(it));
        let lately = own.filter(|it| it.added_at.is_some_and(|at| at > since));
        if lately.count() >= MOST_IN_A_MONTH {
            return Err(Error::AlreadySo(format!(
                "{MOST_IN_A_MONTH} pieces of evidence were handed in within 30 days, those that were taken back \
                 among them: more are taken as days pass"
            )));
        }
        Ok(())
    }

    fn check_evidence_draft(&self, draft: &EvidenceDraft) -> Result<()> {
        let mut faults = Faults::default();
        let engine = self.policy();
        let kinds = engine.evidence_kinds();
        let screenings = self.screening_kinds();
        let known = { kinds.iter() }.map(|it| it.id.as_str());
        let known = known.filter(|id| !screenings.iter().any(|it| it == id));
        let known: Vec<&str> = known.collect();
        if screenings.contains(&draft.kind) {
            let reason = "is recorded by a reviewer (`alcyone review screening`), not handed in";
            faults.add("kind", reason, &known.join(", "));
        } else if !known.contains(&draft.kind.as_str()) {
            let reason = format!("`{}` is no kind of evidence", draft.kind.escape_debug());
            faults.add("kind", reason, &known.join(", "));
        }
        let today = day_in_brussels(self.inner.clock.now());
        let kind = kinds.iter().find(|it| it.id == draft.kind);
        if let Some((reason, allowed)) = days::wrong_first_day(kind, draft.issued_on, today) {
            faults.add("issued_on", reason, &allowed);
        }
        let is_over =
            |last: Date| format!("{last} is over, so it counts for nothing: renew it first");
        let over = draft.expires_on.filter(|last| *last < today);
        let wrong = days::contradiction(draft.issued_on, draft.expires_on);
        if let Some(reason) = wrong.or_else(|| over.map(is_over)) {
            let allowed = format!("a day from {today} on, or none");
            faults.add("expires_on", reason, &allowed);
        }
        faults.check_text("source", &draft.source, LONGEST_SOURCE);
        if !draft.files.is_empty() {
            let largest = self.files()?.largest_bytes;
            check_announced(&draft.files, largest, &mut faults);
        }
        faults.check("evidence")
    }

    /// Takes evidence back; it counts for nothing from now on, and stays to be seen.
    pub async fn withdraw_evidence(
        &self,
        caller: &Caller,
        (of, id): (OrganisationId, EvidenceId),
    ) -> Result<Evidence> {
        self.represented(caller, of).await?;
        let mut evidence = self.one_evidence(caller, (of, id)).await?;
        if evidence.withdrawn_at.is_some() {
            return Ok(evidence);
        }
        if evidence.check.is_some() && self.is_screening(&evidence) {
            let words =
                "a record of screening stays once a reviewer has looked at it: hand in a newer one";
            return Err(Error::NotWaiting(words.to_owned()));
        }
        evidence.withdrawn_at = Some(self.inner.clock.now());
        let entry = { self.organisation_entry(EntryKind::EvidenceWithdrawn, (caller, of)) }
            .with("evidence", id.to_string());
        self.commit_evidence(evidence, entry).await
    }

    /// Stores it as it shall be, with the entry that says what changed.
    pub(super) async fn commit_evidence(
        &self,
        mut evidence: Evidence,
        entry: broker_model::EntryBody,
    ) -> Result<Evidence> {
        let change = Change {
            writes: vec![filed(&evidence)],
            entries: vec![entry],
        };
        match self.commit(change).await {
            Ok(_) => {}
            Err(CommitError::Conflict(Entity::Dossier)) => return Err(Error::Contended),
            Err(error) => return Err(error.into()),
        }
        evidence.version += 1;
        self.forget_standings_of(evidence.organisation).await?;
        Ok(evidence)
    }
}
