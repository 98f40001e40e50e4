//! Looking for what is over its time.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use broker_model::{
    Application, Attempt, Dossier, Evidence, HoldSubject, Job, OrganisationId, Profile, ProjectId,
    Referral,
};
use broker_store::{Change, StoreError, StoredDossier, StoredErasure, Write};
use jiff::Timestamp;
use policy_engine::EvidenceFact;
use serde::Deserialize;

use super::holds::{Held, people_in, unheld};
use super::{ERASED_LOGIN, blank, is_over};
use crate::dossiers::{filed, opened_or_told};
use crate::eligibility::evidence_fact;
use crate::{Broker, Error, MOST_AT_ONCE, Result};

/// Rows that one commit lets go at most, about: others commit beside it.
const AT_ONCE: usize = 200;

/// One commit of a round, while it is put together.
#[derive(Debug)]
pub(super) struct Sieve {
    pub(super) change: Change,
    pub(super) gone: BTreeMap<&'static str, u64>,
    /// Over its time, and kept.
    pub(super) held: u64,
    now: Timestamp,
    holds: Held,
    guarded: BTreeSet<HoldSubject>,
    /// What decisions on applications were made by, of the organisations that were asked about; none where one of them
    /// cannot be read.
    decided: HashMap<OrganisationId, Option<Vec<EvidenceFact>>>,
}

/// Of the document of a decision what it says of evidence.
#[derive(Deserialize)]
struct Decided {
    question: Evidenced,
}

#[derive(Deserialize)]
struct Evidenced {
    evidence: Vec<EvidenceFact>,
}

impl Sieve {
    fn is_full(&self) -> bool {
        self.change.writes.len() >= AT_ONCE
    }

    fn count(&mut self, class: &'static str, count: usize) {
        if count > 0 {
            *self.gone.entry(class).or_default() += count as u64;
        }
    }

    /// Fails the commit if this is held by then.
    fn guard(&mut self, subject: HoldSubject) {
        if self.guarded.insert(subject) {
            self.change.writes.extend(unheld(subject));
        }
    }

    fn is_held(&self, dossier: &StoredDossier) -> bool {
        self.holds.organisation(dossier.organisation) || self.holds.names_one(&dossier.document)
    }
}

impl Broker {
    /// What may go now, as much as one commit takes; nothing of it is done.
    pub(super) async fn sifted(&self) -> Result<Sieve> {
        let mut sieve = Sieve {
            change: Change::default(),
            gone: BTreeMap::new(),
            held: 0,
            now: self.inner.clock.now(),
            holds: self.held().await?,
            guarded: BTreeSet::new(),
            decided: HashMap::new(),
        };
        let days = self.inner.limits.retention.clone();
        let at = sieve.now;
        self.sift(&mut sieve, |it: &Evidence| {
            // What was found in a screening goes on counting: without it, nobody would seem to have looked.
            // What was ever found good is of the accounts: hours may rest on it, and their funders ask for years.
            !self.is_screening(it)
                && !it.was_accepted()
                && refused_at(it).is_some_and(|since| is_over(since, days.refused_evidence, at))
        })
        .await?;
        self.sift(&mut sieve, |it: &Profile| {
            { it.withdrawn_at }.is_some_and(|since| is_over(since, days.withdrawn_profiles, at))
        })
        .await?;
        self.sift(&mut sieve, |it: &Referral| {
            settled_at(it).is_some_and(|since| is_over(since, days.closed_referrals, at))
        })
        .await?;
        self.sift_scripts(&mut sieve, days.erased_scripts).await?;
        self.sift_logins(&mut sieve, days.erased_logins).await?;
        Ok(sieve)
    }

    /// Takes in those of a kind that are over.
    async fn sift<D: Sifted>(&self, sieve: &mut Sieve, is_over: impl Fn(&D) -> bool) -> Result<()> {
        let mut after: Option<String> = None;
        while !sieve.is_full() {
            let store = &self.inner.store;
            let page = store.settled_dossiers(D::KIND, after.as_deref(), MOST_AT_ONCE);
            let page = page.await?;
            let is_last = page.len() < MOST_AT_ONCE as usize;
            after = page.last().map(|it| it.id.clone());
            for stored in &page {
                let Some(dossier) = opened_or_told::<D>(stored) else {
                    continue;
                };
                if sieve.is_full() || !is_over(&dossier) || !dossier.has_any() {
                    continue;
                }
                if let Some(fact) = dossier.fact()
                    && self.is_decided_on(sieve, stored.organisation, fact).await?
                {
                    continue;
                }
                if sieve.is_held(stored) {
                    sieve.held += 1;
                    continue;
                }
                sieve.guard(HoldSubject::Organisation(stored.organisation));
                for person in people_in(&stored.document) {
                    sieve.guard(HoldSubject::Person(person));
                }
                dossier.let_go(sieve);
            }
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Whether what was decided of an application of the organisation, at hand-in or last, names it. Those on jobs rest on evidence that was found
    /// good, which stays anyway.
    async fn is_decided_on(
        &self,
        sieve: &mut Sieve,
        of: OrganisationId,
        evidence: EvidenceFact,
    ) -> Result<bool> {
        if let Entry::Vacant(unknown) = sieve.decided.entry(of) {
            unknown.insert(self.facts_of_decisions(of).await?);
        }
        let is_it = |it: &EvidenceFact| {
            let days = (it.issued_on, it.expires_on);
            it.kind == evidence.kind && days == (evidence.issued_on, evidence.expires_on)
        };
        let known = sieve.decided.get(&of).and_then(Option::as_ref);
        Ok(known.is_none_or(|all| all.iter().any(is_it)))
    }

    async fn facts_of_decisions(&self, of: OrganisationId) -> Result<Option<Vec<EvidenceFact>>> {
        let mut facts = Vec::new();
        let applications: Vec<Application> = match self.dossiers_of(of).await {
            Err(Error::Store(StoreError::Unreadable { .. })) => return Ok(None),
            read => read?,
        };
        let ids = { applications.iter() }.flat_map(|it| [it.found, it.last_found()]);
        for id in ids.collect::<BTreeSet<_>>() {
            let Some(decision) = self.inner.store.find_decision(id).await? else {
                return Ok(None);
            };
            match serde_json::from_str::<Decided>(&decision.document) {
                Ok(read) => facts.extend(read.question.evidence),
                Err(error) => {
                    tracing::error!(decision = %id, %error, "a decision cannot be read: evidence that it may name is kept");
                    return Ok(None);
                }
            }
        }
        Ok(Some(facts))
    }

    /// What people who were erased had handed in.
    async fn sift_scripts(&self, sieve: &mut Sieve, days: u32) -> Result<()> {
        for erasure in self.inner.store.open_erasures().await? {
            let since = erasure.erased_at;
            if sieve.is_full() || since.is_none_or(|since| !is_over(since, days, sieve.now)) {
                continue;
            }
            if sieve.holds.person(erasure.person) {
                sieve.held += 1;
                continue;
            }
            self.sift_jobs_of(sieve, erasure).await?;
        }
        Ok(())
    }

    async fn sift_jobs_of(&self, sieve: &mut Sieve, erasure: StoredErasure) -> Result<()> {
        let mut known = HashMap::new();
        let (mut after, mut is_settled) = (None, true);
        loop {
            let store = &self.inner.store;
            let page = store.jobs_owned_by(erasure.person, after, MOST_AT_ONCE);
            let page = page.await?;
            let is_last = page.len() < MOST_AT_ONCE as usize;
            after = page.last().map(|it| it.id);
            for job in page {
                if sieve.is_full() {
                    return Ok(());
                }
                is_settled &= self.sift_job(sieve, &mut known, job).await?;
            }
            if is_last {
                break;
            }
        }
        if is_settled {
            let settled = StoredErasure {
                settled: true,
                ..erasure
            };
            sieve.change.writes.push(Write::PutErasure(settled));
            sieve.guard(HoldSubject::Person(erasure.person));
        }
        Ok(())
    }

    /// Returns whether nothing of the job is left to wait for.
    async fn sift_job(
        &self,
        sieve: &mut Sieve,
        known: &mut HashMap<ProjectId, Option<OrganisationId>>,
        job: Job,
    ) -> Result<bool> {
        let project = job.spec.project;
        let organisation = if let Some(known) = known.get(&project) {
            *known
        } else {
            let found = self.inner.store.find_project(project).await?;
            let found = found.map(|it| it.organisation);
            known.insert(project, found);
            found
        };
        if !job.state.is_final() {
            return Ok(false);
        }
        if organisation.is_some_and(|it| sieve.holds.organisation(it)) {
            sieve.held += 1;
            return Ok(false);
        }
        let (id, owner) = (job.id, job.owner);
        let before = sieve.change.writes.len();
        let mut is_settled = true;
        for attempt in self.inner.store.attempts_of(id).await? {
            is_settled &= attempt.settled;
            self.sift_attempt(sieve, attempt).await?;
        }
        if let Some(blank) = blank::job(job) {
            sieve.change.writes.push(Write::UpdateJob(Box::new(blank)));
            sieve.count("jobs", 1);
        }
        if sieve.change.writes.len() == before {
            return Ok(is_settled);
        }
        sieve.guard(HoldSubject::Person(owner));
        if let Some(organisation) = organisation {
            sieve.guard(HoldSubject::Organisation(organisation));
        }
        Ok(is_settled)
    }

    /// Its log, and what the site said of it.
    async fn sift_attempt(&self, sieve: &mut Sieve, attempt: Attempt) -> Result<()> {
        let chunks = self.inner.store.log_chunks_of(attempt.id).await?;
        if !chunks.is_empty() {
            let attempt = attempt.id;
            sieve
                .change
                .writes
                .push(Write::RemoveLog { attempt, chunks });
            sieve.count("logs", 1);
        }
        // One that is open still is an agent's to change; the next round finds it settled.
        if let Some(blank) = blank::attempt(attempt) {
            sieve
                .change
                .writes
                .push(Write::UpdateAttempt(Box::new(blank)));
            sieve.count("attempts", 1);
        }
        Ok(())
    }

    async fn sift_logins(&self, sieve: &mut Sieve, days: u32) -> Result<()> {
        for it in self.inner.store.revocations().await? {
            let is_ours = it.reason == ERASED_LOGIN && is_over(it.issued_until, days, sieve.now);
            if is_ours && !sieve.is_full() {
                sieve.count("erased_logins", 1);
                sieve.change.writes.push(Write::RemoveRevocation {
                    issuer: it.issuer,
                    subject: it.subject,
                });
            }
        }
        Ok(())
    }
}

/// What a class of dossiers loses once it is over its time.
trait Sifted: Dossier {
    /// Whether there is anything to lose still.
    fn has_any(&self) -> bool {
        true
    }

    /// What decisions say of it, where they do: one that is named there stays.
    fn fact(&self) -> Option<EvidenceFact> {
        None
    }

    fn let_go(self, sieve: &mut Sieve);
}

/// When evidence came to count for nothing for good.
fn refused_at(evidence: &Evidence) -> Option<Timestamp> {
    let refused = evidence.check.as_ref().filter(|it| !it.accepted);
    evidence.withdrawn_at.or(refused.map(|it| it.at))
}

fn settled_at(referral: &Referral) -> Option<Timestamp> {
    let leg = referral.leg().filter(|it| !it.state.is_open())?;
    leg.steps.last().map(|it| it.at)
}

fn removed<D: Dossier>(dossier: &D) -> Write {
    Write::RemoveDossier {
        id: dossier.id().to_string(),
        version: dossier.version(),
    }
}

impl Sifted for Evidence {
    fn fact(&self) -> Option<EvidenceFact> {
        Some(evidence_fact(self))
    }

    fn let_go(self, sieve: &mut Sieve) {
        sieve.change.writes.push(removed(&self));
        sieve.count("evidence", 1);
        sieve.count("files", self.files.len());
        let decided_at = sieve.now;
        let files = self.files.into_iter().map(|it| Write::PutFileRemoval {
            sha256: it.sha256,
            decided_at,
        });
        sieve.change.writes.extend(files);
    }
}

impl Sifted for Profile {
    fn let_go(self, sieve: &mut Sieve) {
        sieve.change.writes.push(removed(&self));
        sieve.count("profiles", 1);
    }
}

impl Sifted for Referral {
    fn has_any(&self) -> bool {
        blank::referral(self.clone()).is_some()
    }

    fn let_go(self, sieve: &mut Sieve) {
        if let Some(blank) = blank::referral(self) {
            sieve.change.writes.push(filed(&blank));
            sieve.count("referrals", 1);
        }
    }
}
