use std::collections::BTreeSet;

use broker_model::{
    Application, EntryKind, Evidence, EvidenceCheck, EvidenceKind, OrganisationId, PersonId,
    ProjectId, Role, ScreeningDraft, ScreeningOutcome,
};
use broker_store::Change;
use jiff::civil::Date;
use policy_engine::day_in_brussels;

use super::days;
use super::hand_in::LONGEST_SOURCE;
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Order, Result};

const LONGEST_WORDS: usize = 2000;

impl Broker {
    /// Records what a reviewer found in lists of sanctions or export control, of an organisation or of one of its
    /// people: evidence that is checked by who records it, and that nobody takes back. Nobody records it of their own
    /// organisation.
    pub async fn record_screening<'o>(
        &self,
        caller: &Caller,
        of: OrganisationId,
        order: impl Into<Order<'o, ScreeningDraft, Evidence>>,
    ) -> Result<Evidence> {
        let Order { draft, once } = order.into();
        self.organisation(caller, of).await?;
        self.check_reviews(caller, of).await?;
        if draft.person == Some(caller.person) {
            return Err(Error::ConflictOfInterest);
        }
        self.check_screening(draft)?;
        if let Some(person) = draft.person
            && !self.belongs(person, of).await?
        {
            return Err(Error::NotFound("person"));
        }
        let evidence = self.screened(caller, of, draft);
        let clear = draft.outcome == ScreeningOutcome::Clear;
        let about = |kind| {
            { self.organisation_entry(kind, (caller, of)) }
                .with("evidence", evidence.id.to_string())
                .with("evidence_kind", draft.kind.clone())
        };
        let added = match draft.person {
            None => about(EntryKind::EvidenceAdded),
            Some(person) => about(EntryKind::EvidenceAdded).with("person", person.to_string()),
        };
        let checked = about(EntryKind::EvidenceChecked);
        // What was found of a person is no entry's: those are read by everybody who audits.
        let checked = match draft.person {
            None => checked.with("accepted", clear),
            Some(_) => checked,
        };
        let mut writes = vec![filed(&evidence)];
        writes.extend(once.and_then(|it| it.remember(&evidence, checked.at)));
        let entries = vec![added, checked];
        self.commit(Change { writes, entries }).await?;
        self.forget_standings_of(of).await?;
        Ok(evidence)
    }

    fn screened(&self, caller: &Caller, of: OrganisationId, draft: &ScreeningDraft) -> Evidence {
        let now = self.inner.clock.now();
        let accepted = draft.outcome == ScreeningOutcome::Clear;
        Evidence {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: of,
            kind: EvidenceKind(draft.kind.clone()),
            person: draft.person,
            issued_on: draft.screened_on,
            expires_on: self.last_day_of(draft),
            source: draft.list.trim().to_owned(),
            checked_by: accepted.then(|| caller.person.to_string()),
            added_by: Some(caller.person),
            added_at: Some(now),
            check: Some(EvidenceCheck {
                accepted,
                words: draft.words.trim().to_owned(),
                by: caller.person,
                at: now,
            }),
            files: Vec::new(),
            accepted_at: accepted.then_some(now),
            withdrawn_at: None,
            version: 0,
        }
    }

    fn check_screening(&self, draft: &ScreeningDraft) -> Result<()> {
        let mut faults = Faults::default();
        let kinds = self.screening_kinds();
        if !kinds.contains(&draft.kind) {
            let reason = format!("`{}` is no kind of screening", draft.kind.escape_debug());
            faults.add("kind", reason, &kinds.join(", "));
        }
        faults.check_text("list", &draft.list, LONGEST_SOURCE);
        faults.check_text("words", &draft.words, LONGEST_WORDS);
        let today = day_in_brussels(self.inner.clock.now());
        let engine = self.policy();
        let kind = { engine.evidence_kinds().iter() }.find(|it| it.id == draft.kind);
        if let Some((reason, allowed)) = days::wrong_first_day(kind, draft.screened_on, today) {
            faults.add("screened_on", reason, &allowed);
        } else if draft.expires_on.is_none()
            && let Some(last) = self.last_day_of(draft).filter(|last| *last < today)
        {
            let reason = format!(
                "{} is too long ago: one of this kind counted up to {last}",
                draft.screened_on
            );
            let allowed = format!("a later day, or a last day from {today} on");
            faults.add("screened_on", reason, &allowed);
        }
        if let Some(last) = draft.expires_on
            && last < today.max(draft.screened_on)
        {
            let reason = format!("{last} is over, or before the day of the screening");
            faults.add(
                "expires_on",
                reason,
                &format!("a day from {today} on, or none"),
            );
        }
        faults.check("evidence")
    }

    /// What is not settled stays so until somebody looks again.
    fn last_day_of(&self, draft: &ScreeningDraft) -> Option<Date> {
        let engine = self.policy();
        let mut kinds = engine.evidence_kinds().iter();
        let kind = kinds.find(|it| it.id == draft.kind && draft.outcome == ScreeningOutcome::Clear);
        kind.map_or(draft.expires_on, |it| {
            it.last_day(draft.screened_on, draft.expires_on)
        })
    }

    /// Whether somebody works for an organisation here, or has applied for it.
    async fn belongs(&self, person: PersonId, of: OrganisationId) -> Result<bool> {
        let projects = self.inner.store.projects_of(of).await?;
        let projects: BTreeSet<ProjectId> = projects.into_iter().map(|it| it.id).collect();
        let is_of_it = |role: &Role| match role {
            Role::Representative { organisation } => *organisation == of,
            Role::Lead { project } | Role::Member { project } => projects.contains(project),
            _ => false,
        };
        if self
            .inner
            .store
            .grants_of(person)
            .await?
            .iter()
            .any(is_of_it)
        {
            return Ok(true);
        }
        let applied: Vec<Application> = self.dossiers_of(of).await?;
        Ok(applied.iter().any(|it| it.applied_by == person))
    }
}
