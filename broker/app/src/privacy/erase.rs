use std::collections::BTreeSet;

use broker_model::{
    Dossier as _, EntryBody, EntryKind, Evidence, HoldSubject, Invite, InviteFate, InviteState,
    OrganisationId, PersonId, Profile, Referral,
};
use broker_store::{
    Change, CommitError, Entity, Revocation, StoredDossier, StoredErasure, StoredGrant, Write,
};
use jiff::Timestamp;
use serde_json::Value;

use super::footprint::{Footprint, is_author};
use super::plan::orphaned;
use super::{ERASED_LOGIN, ErasurePlan, blank, holds};
use crate::contact::profile_claim;
use crate::dossiers::{filed, opened};
use crate::{Broker, Error, Result};

const TRIES: u32 = 3;

/// The change that erases somebody, while it is put together.
struct Erasing {
    now: Timestamp,
    change: Change,
    plan: ErasurePlan,
    /// Whose dossiers it changes: a hold on one that is set meanwhile wins.
    organisations: BTreeSet<OrganisationId>,
}

impl Broker {
    /// What erasing somebody would do; nothing is done.
    pub async fn plan_erasure(&self, person: PersonId) -> Result<ErasurePlan> {
        Ok(self.erasing(person).await?.plan)
    }

    /// Erases somebody (GDPR Art. 17): their identity, sessions and roles, in one commit. The person's id
    /// stays, as the pseudonym in ledger and accounts, and nothing leads from it to anybody.
    ///
    /// Refused with [`Error::InUse`] while jobs of theirs are not over, and while they are held. Erasing
    /// again takes away what came to the id since, and otherwise changes nothing.
    pub async fn erase_person(&self, person: PersonId) -> Result<ErasurePlan> {
        for _ in 0..TRIES {
            let Erasing { change, plan, .. } = self.erasing(person).await?;
            if !plan.obstacles.is_empty() {
                return Err(Error::InUse(plan.obstacles.join("; ")));
            }
            if change.entries.is_empty() {
                return Ok(plan);
            }
            match self.commit(change).await {
                Ok(_) => {
                    self.forget_callers();
                    return Ok(plan);
                }
                // Something of it changed meanwhile, or is held by now: look again.
                Err(CommitError::Conflict(_) | CommitError::Duplicate(Entity::Claim)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    async fn erasing(&self, person: PersonId) -> Result<Erasing> {
        let found = self.footprint(person).await?;
        let mut erasing = Erasing {
            now: self.inner.clock.now(),
            change: Change::default(),
            plan: ErasurePlan::default(),
            organisations: BTreeSet::new(),
        };
        erasing.plan.erased_at = found.erasure.and_then(|it| it.erased_at);
        erasing.look_for_obstacles(&found);
        erasing.end_access(&found);
        erasing.withdraw_invites(&found);
        self.revoke_roles(&mut erasing, &found).await?;
        for dossier in &found.dossiers {
            erasing.take_out_of(dossier, &found)?;
        }
        erasing.say_what_stays(&found, self.inner.limits.retention.erased_scripts);
        if !found.is_erased() {
            erasing.take_identity(&found);
        }
        erasing.finish(&found);
        Ok(erasing)
    }

    async fn revoke_roles(&self, erasing: &mut Erasing, found: &Footprint) -> Result<()> {
        let person = found.person.id;
        for role in &found.roles {
            let holders = self.inner.store.holders_of(role).await?;
            erasing
                .plan
                .careful
                .extend(orphaned(role, &holders, person));
            let role = role.clone();
            let entry = self.role_entry(EntryKind::RoleRemoved, person, &role);
            erasing.change.entries.push(entry);
            let grant = StoredGrant { person, role };
            erasing.change.writes.push(Write::RemoveGrant(grant));
        }
        let count = found.roles.len();
        erasing.plan.goes("roles", count, "roles granted here");
        Ok(())
    }
}

impl Erasing {
    fn look_for_obstacles(&mut self, found: &Footprint) {
        let person = found.person.id;
        if found.held.person(person) {
            self.plan.obstacles.push(format!(
                "a legal hold is on {person}: it has to be lifted first \
                 (`alcyone-broker hold lift --person {person}`)"
            ));
        }
        let alive: Vec<String> = { found.jobs.iter() }
            .filter(|it| !it.state.is_final())
            .map(|it| it.id.to_string())
            .collect();
        if !alive.is_empty() {
            self.plan.obstacles.push(format!(
                "jobs of theirs are not over: wait for them, or cancel each (`alcyone cancel JOB`): {}",
                alive.join(", ")
            ));
        }
    }

    fn end_access(&mut self, found: &Footprint) {
        // The anchors beside a session are no sessions, and go with it.
        let open = found.sessions.iter().filter(|it| !it.principal.is_empty());
        self.plan
            .goes("sessions", open.count(), "sessions of the portal");
        let ended = found.sessions.iter().map(|it| Write::RemoveSession {
            id_hash: it.id_hash.clone(),
        });
        self.change.writes.extend(ended);
        let count = found.answers.len();
        self.plan
            .goes("answers", count, "first answers to idempotency keys");
        let keys = found.answers.iter().map(|(key, _)| key.clone());
        self.change.writes.extend(keys.map(Write::RemoveRemembered));
    }

    fn take_out_of(&mut self, dossier: &StoredDossier, found: &Footprint) -> Result<()> {
        if found.held.organisation(dossier.organisation) {
            return Ok(());
        }
        let document: Value = serde_json::from_str(&dossier.document).unwrap_or_default();
        let screened = document.get("person").and_then(Value::as_str);
        if dossier.kind == Evidence::KIND && screened == Some(&*found.person.id.to_string()) {
            self.take_words_of_screening(opened(dossier)?);
            return Ok(());
        }
        if !is_author(&document, found.person.id) {
            return Ok(());
        }
        match dossier.kind.as_str() {
            Profile::KIND => self.withdraw(opened(dossier)?, found.person.id),
            Referral::KIND => {
                let referral: Referral = opened(dossier)?;
                if !referral.is_open()
                    && let Some(blank) = blank::referral(referral)
                {
                    self.changes(dossier.organisation);
                    self.change.writes.push(filed(&blank));
                    self.count(
                        "referrals",
                        "settled referrals that they sent: all words in them",
                    );
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Of the person who goes: what was found of them stays as an outcome under their pseudonym, and counts.
    fn take_words_of_screening(&mut self, evidence: Evidence) {
        if let Some(blank) = blank::screening(evidence) {
            self.changes(blank.organisation);
            self.change.writes.push(filed(&blank));
            let words = "records of screenings of them: source and words, the outcome stays";
            self.count("screenings", words);
        }
    }

    fn changes(&mut self, of: OrganisationId) {
        self.organisations.insert(of);
    }

    /// Invites for agents that nobody came in by: whoever was given one goes on by nobody's word.
    fn withdraw_invites(&mut self, found: &Footprint) {
        let now = self.now;
        let open = { found.invites.iter() }.filter(|it| it.state(now) == InviteState::Open);
        for invite in open {
            let mut entry = EntryBody::new(now, EntryKind::AgentInviteWithdrawn)
                .with("invite", invite.id.to_string());
            entry.site = Some(invite.site.clone());
            entry.actor = Some(found.person.id);
            let ended = Invite {
                fate: InviteFate::Withdrawn { at: now },
                ..invite.clone()
            };
            self.change.entries.push(entry);
            let write = Write::UpdateInvite(Box::new(ended));
            self.change.writes.push(write);
            self.count(
                "invites",
                "invites for agents that they made and nobody used: withdrawn",
            );
        }
    }

    /// What they published was their consent to be written to.
    fn withdraw(&mut self, profile: Profile, person: PersonId) {
        if !profile.is_live() {
            return;
        }
        self.changes(profile.organisation);
        let withdrawn = profile.taken_back(self.now);
        let mut entry = EntryBody::new(self.now, EntryKind::ProfileWithdrawn)
            .with("profile", withdrawn.id.to_string())
            .with("side", withdrawn.side.as_str());
        entry.actor = Some(person);
        entry.organisation = Some(withdrawn.organisation);
        self.change.entries.push(entry);
        let name = profile_claim(withdrawn.organisation);
        self.change.writes.push(Write::Unclaim { name });
        self.change.writes.push(filed(&withdrawn));
        self.count(
            "profiles",
            "profiles that they published: taken back, with the contact",
        );
    }

    fn count(&mut self, class: &'static str, words: &str) {
        match self.plan.goes.iter_mut().find(|it| it.class == class) {
            Some(line) => line.count += 1,
            None => self.plan.goes(class, 1, words),
        }
    }

    fn say_what_stays(&mut self, found: &Footprint, days: u32) {
        let jobs = format!(
            "jobs that they handed in, for accounts and audit (GDPR Art. 17(3)(b)); names, scripts and logs \
             go after {days} days (`retention.erased_scripts_days`)"
        );
        self.plan.stays("jobs", found.jobs.len(), &jobs);
        let person = found.person.id;
        let theirs = |it: &&StoredDossier| {
            let document = serde_json::from_str(&it.document).unwrap_or_default();
            is_author(&document, person)
        };
        let (own, others): (Vec<_>, Vec<_>) = found.dossiers.iter().partition(theirs);
        let held = { found.dossiers.iter() }.filter(|it| found.held.organisation(it.organisation));
        let held = held.count();
        let kept = own.len() - self.plan.counted("profiles") - self.plan.counted("referrals");
        let words = "dossiers of organisations that they handed in: evidence, applications, referrals that are \
                     open, under their pseudonym; they go as those of their class do";
        self.plan.stays("dossiers", kept, words);
        let words =
            "dossiers in which they judged, answered or were screened, under their pseudonym";
        self.plan.stays("judged", others.len(), words);
        if held > 0 {
            self.plan.careful.push(format!(
                "{held} dossiers are left as they are: a legal hold is on the organisation"
            ));
        }
        let words = "the ledger's entries and usage records: they have the pseudonym alone, and a grant has to \
                     be accounted for (GDPR Art. 17(3)(b))";
        self.plan.stays("ledger", 1, words);
    }

    fn take_identity(&mut self, found: &Footprint) {
        let person = &found.person;
        self.plan
            .goes("identity", 1, "issuer, subject, name and address");
        self.change.writes.push(Write::ErasePerson(person.id));
        let before = found.revocation.as_ref().map(|it| it.issued_until);
        let revocation = Revocation {
            issuer: person.issuer.clone(),
            subject: person.subject.clone(),
            issued_until: before.map_or(self.now, |it| it.max(self.now)),
            revoked_at: self.now,
            reason: ERASED_LOGIN.to_owned(),
        };
        self.change
            .writes
            .push(Write::PutRevocation(Box::new(revocation)));
    }

    /// One entry for all of it, and the place where what waits for its time is found again.
    fn finish(&mut self, found: &Footprint) {
        let person = found.person.id;
        if self.plan.goes.is_empty() {
            return;
        }
        self.plan.goes.sort_by_key(|it| it.class);
        let mut entry = EntryBody::new(self.now, EntryKind::PersonErased);
        entry.actor = Some(person);
        for line in &self.plan.goes {
            entry = entry.with(line.class, line.count);
        }
        self.change.entries.push(entry);
        self.change.writes.push(Write::PutErasure(StoredErasure {
            person,
            asked_at: found.erasure.and_then(|it| it.asked_at),
            erased_at: self.plan.erased_at.or(Some(self.now)),
            // Not even without jobs: one may be handed in at this moment, and the next round finds out.
            settled: false,
        }));
        let organisations = self.organisations.iter().copied();
        let touched = organisations.map(HoldSubject::Organisation);
        for subject in touched.chain([HoldSubject::Person(person)]) {
            self.change.writes.extend(holds::unheld(subject));
        }
    }
}
