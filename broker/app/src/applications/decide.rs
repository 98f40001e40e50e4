use broker_model::{
    Application, ApplicationDraft, ApplicationId, ApplicationState, ApplicationVerdict, EntryBody,
    EntryKind, GrantDraft, Organisation, Role, Ruling, RulingDraft,
};
use broker_store::{Change, CommitError, Entity, Write};
use policy_engine::{Effect, Spoken};

use super::aid::is_aid;
use super::apply::claim;
use super::granted::settled_by;
use crate::accounts::{FREE, taken};
use crate::decisions::Asked;
use crate::dossiers::filed;
use crate::eligibility::applicant_facts;
use crate::invalid::Faults;
use crate::once::Once;
use crate::{Broker, Caller, Error, Order, Result};

const LONGEST_REASONS: usize = 4000;
/// Each time another acceptance at the site was stored meanwhile; jobs that go there are counted apart.
const COUNTED_ANEW: u32 = 8;

impl Broker {
    /// Decides on an application that waits. Nobody decides on one of their own organisation, and an
    /// acceptance needs an applicant that the rules do not refuse on that day.
    pub async fn rule<'o>(
        &self,
        caller: &Caller,
        id: ApplicationId,
        order: impl Into<Order<'o, RulingDraft, Application>>,
    ) -> Result<Application> {
        let Order { draft, once } = order.into();
        for _ in 0..COUNTED_ANEW {
            if let Some(ruled) = self.rule_once(caller, id, (draft, once)).await? {
                return Ok(ruled);
            }
        }
        Err(Error::Contended)
    }

    /// None where another acceptance at the site came first: then it is decided again.
    async fn rule_once(
        &self,
        caller: &Caller,
        id: ApplicationId,
        (draft, once): (&RulingDraft, Option<&Once<Application>>),
    ) -> Result<Option<Application>> {
        let before = self.application(caller, id).await?;
        self.check_reviews(caller, before.organisation).await?;
        check_open(&before)?;
        check(draft)?;
        if before.applied_by == caller.person {
            return Err(Error::ConflictOfInterest);
        }
        let organisation = self.organisation(caller, before.organisation).await?;
        let applicant = (applicant_facts(&before.assurance), before.applied_by);
        let asked = as_given(&before, draft);
        let counted = self.counted_once(&before, &organisation, draft).await?;
        let found = self
            .decide_application(applicant, &organisation, (&asked, draft.grant.as_ref()))
            .await?;
        let ruling = Ruling {
            at: self.inner.clock.now(),
            by: caller.person,
            reasons: draft.reasons.trim().to_owned(),
            found: found.id,
        };
        let mut linked = Vec::new();
        let (state, mut change) = match &draft.grant {
            None => (ApplicationState::Rejected { ruling }, Change::default()),
            Some(grant) => {
                self.check_applicant(&before).await?;
                let stopped_by = found.decision().deciding_of(stops_acceptance);
                if stopped_by.is_some() {
                    let asked = Asked {
                        stopped_by,
                        ..*found.asked()
                    };
                    self.keep_refusal(caller, found, organisation.id).await?;
                    return Err(Error::NotEligible(Box::new(asked)));
                }
                let (about, given) = ((&before, &organisation), (grant, found.decision()));
                let is_aid = is_aid(&self.policy(), about, given);
                check_worth(is_aid, grant)?;
                if is_aid {
                    linked = self.check_aid_of_all(about, grant).await?;
                }
                let (reference, faults) = self.taken_already(&before, grant).await?;
                let about = (&organisation, grant, ruling);
                self.granted(caller, (&before, reference), about, (&found, faults))?
            }
        };
        let mut entry =
            { self.organisation_entry(EntryKind::ApplicationDecided, (caller, organisation.id)) }
                .with("application", id.to_string())
                .with("outcome", state.as_str());
        if draft.grant.is_some() {
            let settled = settled_by(found.decision(), entry.at);
            let rules: Vec<String> = settled.into_iter().map(|it| it.rule).collect();
            entry = entry.with("settled", rules);
            // Stored as it is: whoever describes it anew or leaves it at this moment moves its version on, and the
            // reviewer is told to rule again.
            let as_read = Write::PutOrganisation(Box::new(organisation.clone()));
            change.writes.push(as_read);
            // Of two acceptances of one undertaking at once, the second counts what the first gave.
            let as_read = { linked.into_iter() }.map(|it| Write::PutOrganisation(Box::new(it)));
            change.writes.extend(as_read);
        }
        let after = Application { state, ..before };
        let (decision, decided) = found.for_organisation(caller.person, organisation.id);
        change.writes.push(decision);
        change
            .writes
            .extend(once.and_then(|it| it.remember(&after, entry.at)));
        change.writes.extend(counted);
        change.entries.splice(0..0, [decided, entry]);
        self.commit_application(after, change).await
    }

    /// What lets only one of two acceptances be stored that have counted the same: nothing where no ceiling is asked.
    async fn counted_once(
        &self,
        before: &Application,
        organisation: &Organisation,
        draft: &RulingDraft,
    ) -> Result<Option<Write>> {
        let Some(grant) = &draft.grant else {
            return Ok(None);
        };
        let at = (before.mode.as_str(), before.system.as_str());
        self.count_of_shares(at, (grant, &organisation.country))
            .await
    }

    /// The id that the call gave, as it is stored, and what of it and of the accounts is another's.
    async fn taken_already(
        &self,
        before: &Application,
        grant: &GrantDraft,
    ) -> Result<(Option<String>, Faults)> {
        let mut faults = Faults::default();
        let reference = { self.call_reference_of(&before.mode, grant, &mut faults) }.await?;
        if !grant.local_accounts.is_empty() {
            let (known, wanted) = (self.accounts_named().await?, &grant.local_accounts);
            for other in { self.named_by_others(&known, before.organisation, wanted) }.await? {
                faults.add("grant.local_accounts", taken(&other), FREE);
            }
        }
        Ok((reference, faults))
    }

    /// Whoever applied leads the project, and does so for the organisation.
    async fn check_applicant(&self, application: &Application) -> Result<()> {
        let role = Role::Representative {
            organisation: application.organisation,
        };
        let speak = self.inner.store.holders_of(&role).await?;
        if speak.contains(&application.applied_by) {
            return Ok(());
        }
        let words = "whoever applied no longer speaks for the organisation: it is for those who do to apply anew";
        Err(Error::NotWaiting(words.to_owned()))
    }

    /// Takes an application back before it is decided.
    pub async fn withdraw_application(
        &self,
        caller: &Caller,
        id: ApplicationId,
    ) -> Result<Application> {
        let before = self.application(caller, id).await?;
        self.represented(caller, before.organisation).await?;
        if matches!(before.state, ApplicationState::Withdrawn { .. }) {
            return Ok(before);
        }
        check_open(&before)?;
        let at = self.inner.clock.now();
        let about = (caller, before.organisation);
        let entry: EntryBody = self
            .organisation_entry(EntryKind::ApplicationWithdrawn, about)
            .with("application", id.to_string());
        let after = Application {
            state: ApplicationState::Withdrawn { at },
            ..before
        };
        let change = Change {
            writes: Vec::new(),
            entries: vec![entry],
        };
        let withdrawn = self.commit_application(after, change).await?;
        withdrawn.ok_or(Error::Contended)
    }

    /// Stores what is over with everything that follows from it; another may be handed in from now on. None where what
    /// the site counts has moved on since it was read.
    async fn commit_application(
        &self,
        mut after: Application,
        mut change: Change,
    ) -> Result<Option<Application>> {
        change.writes.push(filed(&after));
        change.writes.push(Write::Unclaim {
            name: claim(after.organisation, &after.mode, &after.system),
        });
        match self.commit(change).await {
            Ok(_) => {}
            Err(CommitError::Conflict(Entity::Dossier | Entity::Organisation)) => {
                return Err(Error::Contended);
            }
            Err(CommitError::Conflict(Entity::SiteCount)) => return Ok(None),
            // Another acceptance took the id of the call meanwhile.
            Err(CommitError::Duplicate(Entity::Claim)) => return Err(Error::Contended),
            Err(error) => return Err(error.into()),
        }
        after.version += 1;
        self.forget_callers();
        Ok(Some(after))
    }
}

const CLOSED_SINCE: [&str; 2] = ["mode.closed", "mode.not_offered"];

/// Whether a rule that objects is more than a person may settle by accepting. A mode that has closed since is not: what
/// counts is that it was open when the application came. Evidence that nobody has looked at is looked at first.
fn stops_acceptance(spoken: &Spoken) -> bool {
    let came_in_time = CLOSED_SINCE.contains(&spoken.rule.as_str());
    // These are settled by looking at the evidence first, not by the acceptance.
    let waits = spoken.rule.ends_with("unchecked") || spoken.rule.starts_with("screening.");
    !came_in_time && (spoken.effect != Effect::NeedsReview || waits)
}

/// What hours are worth is the word of whoever gives them, and nothing else is a figure for the register.
fn check_worth(is_aid: bool, grant: &GrantDraft) -> Result<()> {
    let mut faults = Faults::default();
    match (is_aid, grant.worth_eur) {
        (true, None) => faults.add(
            "grant.worth_eur",
            "is missing, and these hours are aid of a state",
            "what they are worth, in whole EUR",
        ),
        (false, Some(_)) => {
            faults.add(
                "grant.worth_eur",
                "is not asked for: these hours are no aid",
                "none",
            );
        }
        _ => {}
    }
    faults.check("decision")
}

/// As it was handed in; what the hours are worth is the word of whoever gives them.
fn as_given(application: &Application, draft: &RulingDraft) -> ApplicationDraft {
    let mut asked = ApplicationDraft::from(application);
    let worth = draft.grant.as_ref().and_then(|it| it.worth_eur);
    if let (Some(aid), Some(worth)) = (&mut asked.aid, worth) {
        aid.worth_eur = Some(worth);
    }
    asked
}

fn check_open(application: &Application) -> Result<()> {
    let words = match &application.state {
        ApplicationState::Submitted => return Ok(()),
        ApplicationState::Withdrawn { at } => format!("the organisation withdrew it at {at}"),
        ApplicationState::Rejected { ruling } => format!("it was rejected at {}", ruling.at),
        ApplicationState::Accepted {
            ruling, project, ..
        } => {
            format!("it was accepted at {}, as {project}", ruling.at)
        }
    };
    Err(Error::NotWaiting(words))
}

fn check(draft: &RulingDraft) -> Result<()> {
    let mut faults = Faults::default();
    faults.check_text("reasons", &draft.reasons, LONGEST_REASONS);
    match (draft.verdict, &draft.grant) {
        (ApplicationVerdict::Accept, None) => {
            faults.add(
                "grant",
                "is missing",
                "what is given: hours, and the days they hold",
            );
        }
        (ApplicationVerdict::Reject, Some(_)) => {
            faults.add("grant", "goes with an acceptance", "none");
        }
        (ApplicationVerdict::Accept, Some(grant)) => {
            if grant.hours == 0 {
                faults.add("grant.hours", "gives nothing", "1 and more");
            }
            if grant.valid_to < grant.valid_from {
                let reason = format!("{} is before the first day", grant.valid_to);
                faults.add(
                    "grant.valid_to",
                    reason,
                    "the last day, from `valid_from` on",
                );
            }
        }
        (ApplicationVerdict::Reject, None) => {}
    }
    faults.check("decision")
}
