use broker_model::{
    Application, ApplicationId, ApplicationState, ApplicationVerdict, EntryBody, EntryKind, Ruling,
    RulingDraft,
};
use broker_store::{Change, CommitError, Entity, Write};
use policy_engine::Outcome;

use super::apply::claim;
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Order, Result};

const LONGEST_REASONS: usize = 4000;

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
        let before = self.application(caller, id).await?;
        self.check_reviews(caller, before.organisation).await?;
        check_open(&before)?;
        check(draft)?;
        let organisation = self.organisation(caller, before.organisation).await?;
        let asked = (&before).into();
        let found = self
            .decide_application(caller, &organisation, &asked)
            .await?;
        let ruling = Ruling {
            at: self.inner.clock.now(),
            by: caller.person,
            reasons: draft.reasons.trim().to_owned(),
            found: found.id,
        };
        let (state, mut change) = match &draft.grant {
            None => (ApplicationState::Rejected { ruling }, Change::default()),
            Some(grant) => {
                let result = found.decision().result;
                if matches!(result, Outcome::NotEligible | Outcome::NeedsEvidence) {
                    return Err(Error::NotEligible(Box::new(found.decision().clone())));
                }
                self.granted(caller, &before, (&organisation, grant, ruling))?
            }
        };
        let entry =
            { self.organisation_entry(EntryKind::ApplicationDecided, (caller, organisation.id)) }
                .with("application", id.to_string())
                .with("outcome", state.as_str());
        let after = Application { state, ..before };
        let (decision, decided) = found.for_organisation(caller.person, organisation.id);
        change.writes.push(decision);
        change
            .writes
            .extend(once.and_then(|it| it.remember(&after, entry.at)));
        change.entries.splice(0..0, [decided, entry]);
        self.commit_application(after, change).await
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
        self.commit_application(after, change).await
    }

    /// Stores what is over with everything that follows from it; another may be handed in from now on.
    async fn commit_application(
        &self,
        mut after: Application,
        mut change: Change,
    ) -> Result<Application> {
        change.writes.push(filed(&after));
        change.writes.push(Write::Unclaim {
            name: claim(after.organisation, &after.mode, &after.system),
        });
        match self.commit(change).await {
            Ok(_) => {}
            Err(CommitError::Conflict(Entity::Dossier)) => return Err(Error::Contended),
            Err(error) => return Err(error.into()),
        }
        after.version += 1;
        self.forget_callers();
        Ok(after)
    }
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
