use broker_model::InvalidSpec;
use jiff::civil::Date;
use policy_engine::{
    Action, Due, Engine, EvidenceFact, NeedFacts, OrganisationFacts, ProjectFacts, Question, Route,
    day_in_brussels,
};
use serde::{Deserialize, Serialize};

use crate::{Broker, Caller};

/// "What can I have?", asked of facts that need not be registered. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteQuery {
    pub organisation: OrganisationFacts,
    pub project: ProjectFacts,
    /// What is at hand, as declared: nobody has checked it here.
    #[serde(default)]
    pub evidence: Vec<DeclaredEvidence>,
    #[serde(default)]
    pub need: NeedFacts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredEvidence {
    pub kind: String,
    pub issued_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
}

/// A route with when it would be decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteFound {
    #[serde(flatten)]
    pub route: Route,
    /// See [`crate::ModeToday::decided_by`].
    pub decided_by: Option<Due>,
}

impl Broker {
    /// Decides every access mode at every system for what is described; best answers first, else by mode.
    pub fn find_routes(
        &self,
        caller: &Caller,
        query: RouteQuery,
    ) -> Result<Vec<RouteFound>, InvalidSpec> {
        let engine = self.policy();
        let known = |kind: &str| engine.evidence_kinds().iter().any(|it| it.id == kind);
        if let Some(unknown) = query.evidence.iter().find(|it| !known(&it.kind)) {
            return Err(no_such_kind(&unknown.kind, &engine));
        }
        let modes = self.access_modes();
        let question = self.route_question(caller, query);
        let mut routes: Vec<RouteFound> = { engine.routes(&question).into_iter() }
            .map(|route| RouteFound {
                decided_by: { modes.iter() }
                    .find(|it| it.mode.id == route.mode)
                    .and_then(|it| it.decided_by.clone()),
                route,
            })
            .collect();
        routes.sort_by_key(|it| crate::eligibility::reluctance(it.route.decision.result));
        Ok(routes)
    }

    fn route_question(&self, caller: &Caller, query: RouteQuery) -> Question {
        let declared = |it: DeclaredEvidence| EvidenceFact {
            checked: false,
            expires_on: it.expires_on,
            issued_on: it.issued_on,
            kind: it.kind,
        };
        Question {
            action: Action::ApplyForAccess,
            allocation: None,
            applicant: caller.into(),
            evidence: query.evidence.into_iter().map(declared).collect(),
            mode: None,
            need: Some(query.need),
            on: day_in_brussels(self.clock().now()),
            organisation: query.organisation,
            project: query.project,
        }
    }
}

fn no_such_kind(kind: &str, engine: &Engine) -> InvalidSpec {
    let kinds = engine.evidence_kinds().iter();
    let known: Vec<&str> = kinds.map(|it| it.id.as_str()).collect();
    InvalidSpec {
        field: "evidence".to_owned(),
        reason: format!("`{kind}` is no kind of evidence"),
        allowed: known.join(", "),
    }
}
