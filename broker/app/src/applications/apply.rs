use std::collections::BTreeMap;

use broker_model::{
    AiAct, Application, ApplicationDraft, ApplicationDue, ApplicationId, ApplicationState,
    EntryKind, GrantDraft, Organisation, OrganisationId, PersonId, SiteId,
};
use broker_store::{Change, CommitError, Entity, Write};
use policy_engine::{
    AccessMode, AiActFacts, ApplicantFacts, Engine, FairAccessFacts, ModeFacts, NeedFacts,
    OfferState, Outcome, ProjectFacts, Question, day_in_brussels,
};

use super::find_mode;
use super::form::answers_of;
use super::need;
use super::share::share_asked;
use crate::dossiers::filed;
use crate::eligibility::Decided;
use crate::invalid::Faults;
use crate::{Broker, Caller, Directory, Error, Order, Result, Sector};

const LONGEST_NAME: usize = 200;
const LONGEST_TEXT: usize = 20_000;
const MOST_SECTORS: usize = 10;

impl Broker {
    /// Hands an application in, unless the rules refuse it or evidence is missing. What goes to people by
    /// the rules goes to them.
    pub async fn apply<'o>(
        &self,
        caller: &Caller,
        order: impl Into<Order<'o, ApplicationDraft, Application>>,
    ) -> Result<Application> {
        let Order { draft, once } = order.into();
        let organisation = self.represented(caller, draft.organisation).await?;
        let engine = self.policy();
        let mode = find_mode(&engine, &draft.mode).ok_or(Error::NotFound("access mode"))?;
        let directory = self.directory();
        let is_known = self.has_system(&draft.system);
        let today = day_in_brussels(self.inner.clock.now());
        let is_closed = mode
            .offers_on(today)
            .iter()
            .any(|it| it.value.system == draft.system && it.value.state == OfferState::Closed);
        let known = (&*directory, is_known);
        // Nobody writes answers for a mode that is closed.
        check(draft, (&engine, mode, !is_closed), known)?;
        if let Some(first) = self.open_application(draft).await? {
            return Err(applied_already(draft, &first));
        }
        let found = self
            .decide_application((caller.into(), caller.person), &organisation, (draft, None))
            .await?;
        if matches!(
            found.decision().result,
            Outcome::NotEligible | Outcome::NeedsEvidence
        ) {
            return Err(self
                .refuse_application(caller, found, organisation.id)
                .await?);
        }
        if is_closed {
            check(draft, (&engine, mode, true), known)?;
        }
        let application = self.handed_in(caller, draft, &found);
        let id = application.id.to_string();
        let entry =
            { self.organisation_entry(EntryKind::ApplicationSubmitted, (caller, organisation.id)) }
                .with("application", id.clone())
                .with("mode", draft.mode.clone())
                .with("system", draft.system.clone());
        let mut writes = vec![
            filed(&application),
            Write::Claim {
                name: claim(draft.organisation, &draft.mode, &draft.system),
                holder: id,
            },
        ];
        let remember = once.and_then(|it| it.remember(&application, entry.at));
        let (decision, decided) = found.for_organisation(caller.person, organisation.id);
        writes.extend([decision]);
        writes.extend(remember);
        let entries = vec![decided, entry];
        match self.commit(Change { writes, entries }).await {
            Ok(_) => Ok(Application {
                version: 1,
                ..application
            }),
            Err(CommitError::Duplicate(Entity::Claim)) => {
                let first = self.open_application(draft).await?;
                Err(applied_already(draft, &first.unwrap_or_default()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it is one of a registered site.
    fn has_system(&self, name: &str) -> bool {
        let (site, system) = name.split_once('/').unwrap_or_default();
        let site: Option<SiteId> = site.parse().ok();
        let entry = site.and_then(|it| self.board().find(&it));
        entry.is_some_and(|it| it.systems.iter().any(|one| one.id.as_str() == system))
    }

    /// A refusal is a decision too: it is stored and entered before it is told.
    pub(super) async fn refuse_application(
        &self,
        caller: &Caller,
        found: Decided,
        of: OrganisationId,
    ) -> Result<Error> {
        let asked = found.asked();
        self.keep_refusal(caller, found, of).await?;
        Ok(Error::NotEligible(asked))
    }

    pub(super) async fn keep_refusal(
        &self,
        caller: &Caller,
        found: Decided,
        of: OrganisationId,
    ) -> Result<()> {
        let (decision, decided) = found.for_organisation(caller.person, of);
        let change = Change {
            writes: vec![decision],
            entries: vec![decided],
        };
        self.commit(change).await?;
        Ok(())
    }

    fn handed_in(&self, caller: &Caller, draft: &ApplicationDraft, found: &Decided) -> Application {
        let now = self.inner.clock.now();
        let today = self.access_modes();
        let due = today.into_iter().find(|it| it.mode.id == draft.mode);
        let due = due.and_then(|it| it.decided_by).map(|due| ApplicationDue {
            on: due.on,
            at_latest: due.at_latest,
        });
        let id: ApplicationId = self.inner.ids.next(&*self.inner.clock);
        Application {
            id,
            organisation: draft.organisation,
            mode: draft.mode.clone(),
            system: draft.system.clone(),
            project: draft.project.clone(),
            need: draft.need.clone(),
            aid: draft.aid,
            answers: draft.answers.clone(),
            applied_by: caller.person,
            assurance: caller.principal.assurance.clone(),
            applied_at: now,
            due,
            share: share_asked(&self.policy(), found.question()),
            found: found.id,
            state: ApplicationState::Submitted,
            version: 0,
        }
    }

    /// The one that waits for this mode at this system.
    async fn open_application(&self, draft: &ApplicationDraft) -> Result<Option<String>> {
        let name = claim(draft.organisation, &draft.mode, &draft.system);
        Ok(self.inner.store.claim_holder(&name).await?)
    }

    /// What an organisation has running, by mode and system.
    pub(crate) async fn all_fair_access(
        &self,
        of: OrganisationId,
    ) -> Result<BTreeMap<(String, String), FairAccessFacts>> {
        let now = self.inner.clock.now();
        let mut had: BTreeMap<_, FairAccessFacts> = BTreeMap::new();
        for earlier in self.dossiers_of::<Application>(of).await? {
            let facts = had.entry((earlier.mode, earlier.system)).or_default();
            match earlier.state {
                ApplicationState::Accepted { allocation, .. } => {
                    let found = self.inner.store.find_allocation(allocation).await?;
                    let runs = found.is_some_and(|it| it.valid_until > now);
                    facts.active_allocations += u32::from(runs);
                }
                ApplicationState::Submitted => facts.open_applications += 1,
                ApplicationState::Withdrawn { .. } | ApplicationState::Rejected { .. } => {}
            }
        }
        Ok(had)
    }

    /// The same of one mode at one system, without the application that is asked about.
    async fn fair_access(&self, draft: &ApplicationDraft) -> Result<FairAccessFacts> {
        let at = (draft.mode.clone(), draft.system.clone());
        let mut of_all = self.all_fair_access(draft.organisation).await?;
        let here = of_all.entry(at.clone()).or_default();
        here.open_applications = 0;
        Ok(fair_access_at(&of_all, at).unwrap_or_default())
    }

    /// What the rules say of it now.
    pub(super) async fn decide_application(
        &self,
        applicant: (ApplicantFacts, PersonId),
        organisation: &Organisation,
        (draft, grant): (&ApplicationDraft, Option<&GrantDraft>),
    ) -> Result<Decided> {
        let mut question = self.asked_by(applicant, organisation, draft).await?;
        question.shares = self.shares_at(&question, grant).await?;
        Ok(self.answer(&question))
    }

    /// All that is asked but what of the system's time is whose.
    pub(super) async fn asked_by(
        &self,
        applicant: (ApplicantFacts, PersonId),
        organisation: &Organisation,
        draft: &ApplicationDraft,
    ) -> Result<Question> {
        Ok(Question {
            mode: Some(ModeFacts {
                id: draft.mode.clone(),
                system: draft.system.clone(),
            }),
            need: Some(NeedFacts {
                gpu_hours: Some(draft.need.gpu_hours),
                months: Some(draft.need.months),
            }),
            project: ProjectFacts {
                ai_act: draft.project.ai_act.clone().map(ai_act_facts),
                civilian: draft.project.civilian,
                eu_project: draft.project.eu_project,
                sectors: draft.project.sectors.clone(),
            },
            aid: { self.aid_facts((organisation, applicant.1), (&draft.mode, draft.aid)) }.await?,
            fair_access: Some(self.fair_access(draft).await?),
            vetoed_by_site: self.vetoed_at(organisation.id, &draft.system),
            ..self.question_of(applicant, organisation).await?
        })
    }
}

/// Of one mode at one system, with what is had at all systems of the mode; none where nothing was ever asked for in it.
pub(crate) fn fair_access_at(
    had: &BTreeMap<(String, String), FairAccessFacts>,
    at: (String, String),
) -> Option<FairAccessFacts> {
    let in_mode = || had.iter().filter(|((mode, _), _)| *mode == at.0);
    in_mode().next()?;
    let sum = |of: fn(&FairAccessFacts) -> u32| Some(in_mode().map(|(_, it)| of(it)).sum());
    Some(FairAccessFacts {
        active_allocations_in_mode: sum(|it| it.active_allocations),
        open_applications_in_mode: sum(|it| it.open_applications),
        ..had.get(&at).copied().unwrap_or_default()
    })
}

fn applied_already(draft: &ApplicationDraft, first: &str) -> Error {
    Error::AlreadySo(format!(
        "{} waits for a decision on {} at {}: withdraw it to hand in another",
        if first.is_empty() {
            "an application"
        } else {
            first
        },
        draft.mode,
        draft.system
    ))
}

/// One application of an organisation waits for one mode at one system.
pub(super) fn claim(of: OrganisationId, mode: &str, system: &str) -> String {
    format!("application:{of}:{mode}:{system}")
}

fn check(
    draft: &ApplicationDraft,
    (engine, mode, asks_answers): (&Engine, &AccessMode, bool),
    (directory, is_known): (&Directory, bool),
) -> Result<()> {
    let mut faults = Faults::default();
    let mut offered = mode.offers.iter().map(|it| it.value.system.as_str());
    // Of a system that is there the rules say that the mode gives nothing at it.
    if !is_known && !offered.any(|it| it == draft.system) {
        let reason = format!("there is no system `{}`", draft.system.escape_debug());
        let offered: Vec<&str> = { mode.offers.iter() }
            .map(|it| it.value.system.as_str())
            .collect();
        faults.add("system", reason, &offered.join(", "));
    }
    faults.check_name("project.name", &draft.project.name, LONGEST_NAME);
    faults.check_text("project.purpose", &draft.project.purpose, LONGEST_TEXT);
    check_sectors(&draft.project.sectors, directory.sectors(), &mut faults);
    need::check(&draft.need, directory.services(), &mut faults);
    if let Some(ai_act) = &draft.project.ai_act {
        check_ai_act(engine, &ai_act_facts(ai_act.clone()), &mut faults);
    }
    if asks_answers {
        check_answers(draft, mode, &mut faults);
    }
    faults.check("application")
}

/// One that is misspelt would pass by the rules on sectors.
pub(crate) fn check_sectors(said: &[String], sectors: &[Sector], faults: &mut Faults) {
    if said.len() > MOST_SECTORS {
        let allowed = format!("up to {MOST_SECTORS}");
        faults.add("project.sectors", "are too many", &allowed);
    }
    let codes: Vec<&str> = sectors.iter().map(|it| it.code.as_str()).collect();
    let said = said.iter().take(MOST_SECTORS);
    for sector in said.filter(|it| !codes.contains(&it.as_str())) {
        let reason = format!("`{}` is none of them", sector.escape_debug());
        faults.add("project.sectors", reason, &codes.join(", "));
    }
}

/// A practice that nobody knows would pass as none.
pub(crate) fn check_ai_act(engine: &Engine, ai_act: &AiActFacts, faults: &mut Faults) {
    for (field, said, known) in [
        ("prohibited", &ai_act.prohibited, engine.ai_act_practices()),
        ("high_risk", &ai_act.high_risk, engine.ai_act_areas()),
        ("exclusions", &ai_act.exclusions, engine.ai_act_exclusions()),
    ] {
        let ids: Vec<&str> = known.iter().map(|it| it.id.as_str()).collect();
        if said.len() > ids.len() {
            let (field, reason) = (
                format!("project.ai_act.{field}"),
                format!("are {}", said.len()),
            );
            faults.add(&field, reason, &format!("each once, up to {}", ids.len()));
        }
        let said = said.iter().take(ids.len());
        for word in said.filter(|it| !ids.contains(&it.as_str())) {
            let reason = format!("`{}` is none of them", word.escape_debug());
            faults.add(&format!("project.ai_act.{field}"), reason, &ids.join(", "));
        }
    }
}

fn check_answers(draft: &ApplicationDraft, mode: &AccessMode, faults: &mut Faults) {
    let asked = answers_of(mode);
    for kind in &asked {
        match draft.answers.get(*kind) {
            Some(answer) => faults.check_text(&format!("answers.{kind}"), answer, LONGEST_TEXT),
            None => faults.add(
                &format!("answers.{kind}"),
                format!("is missing, and {} asks for it", mode.id),
                &format!("1 to {LONGEST_TEXT} characters of plain text"),
            ),
        }
    }
    for kind in draft
        .answers
        .keys()
        .filter(|it| !asked.contains(&it.as_str()))
    {
        let reason = format!("is not asked for by {}", mode.id);
        faults.add(
            &format!("answers.{}", kind.escape_debug()),
            reason,
            &asked.join(", "),
        );
    }
}

pub(crate) fn ai_act_facts(said: AiAct) -> AiActFacts {
    AiActFacts {
        exclusions: said.exclusions,
        gpai: said.gpai,
        high_risk: said.high_risk,
        prohibited: said.prohibited,
        training_exaflop: said.training_exaflop,
    }
}
