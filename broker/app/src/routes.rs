use std::collections::BTreeMap;

use broker_model::{OrganisationId, SystemId};
use jiff::civil::Date;
use policy_engine::{
    Action, ApplicantFacts, Due, Engine, EvidenceFact, ModeFacts, NeedFacts, NotOffered,
    OrganisationFacts, ProjectFacts, Question, Route, TitleKind, day_in_brussels,
};
use serde::{Deserialize, Serialize};

use crate::applications;
use crate::invalid::Faults;
use crate::organisations::check_country;
use crate::{Broker, Caller, Error, Result};

/// More of one kind than any table has; each of them would stand in the words of every route.
const MOST_SAID: usize = 50;

/// "What can I have?", asked of an organisation that is registered, or of facts that need not be. Nothing
/// of it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteQuery {
    /// One that the caller speaks for, with its evidence; instead of `organisation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<OrganisationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationFacts>,
    pub project: ProjectFacts,
    /// What is at hand beside, as declared: nobody has checked it here.
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
    /// What the mode is called.
    pub title: String,
    /// See [`crate::ModeToday::decided_by`].
    pub decided_by: Option<Due>,
}

/// Of one mode, the systems that it gives no hours at: nothing about who asks would change that.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotOfferedFound {
    #[serde(flatten)]
    pub at: NotOffered,
    /// What the mode is called.
    pub title: String,
}

impl Broker {
    /// What [`Self::find_routes`] leaves out: by mode, the registered systems that it gives no hours at today.
    pub fn modes_not_offered(&self, language: &str) -> Vec<NotOfferedFound> {
        let engine = self.policy();
        let sites = self.sites();
        let systems = sites.iter().flat_map(|it| {
            let name = |system: &SystemId| format!("{}/{system}", it.site.id);
            it.site.systems.iter().map(move |system| name(&system.id))
        });
        let systems: Vec<String> = systems.collect();
        let today = day_in_brussels(self.clock().now());
        let all = engine.not_offered(&systems, today).into_iter();
        all.map(|at| NotOfferedFound {
            title: { engine.title(TitleKind::Mode, &at.mode, language) }.to_owned(),
            at,
        })
        .collect()
    }

    /// Decides every access mode at every system for what is described; best answers first, else by mode.
    /// Its words are those of `language` (ISO 639-1) where the policy has them, else English.
    pub async fn find_routes(
        &self,
        caller: &Caller,
        (query, language): (RouteQuery, &str),
    ) -> Result<Vec<RouteFound>> {
        let engine = self.policy();
        self.check_route_query(&query, &engine)?;
        let modes = self.access_modes();
        let had = match query.organisation_id {
            Some(id) if caller.represents(id) => self.all_fair_access(id).await?,
            _ => BTreeMap::new(),
        };
        let (shares, of) = (self.all_shares().await?, query.organisation_id);
        let complete = |question: &mut Question| {
            let Some(ModeFacts { id, system }) = question.mode.clone() else {
                return;
            };
            question.shares = shares.get(&system).cloned();
            question.vetoed_by_site = of.and_then(|it| self.vetoed_at(it, &system));
            question.fair_access = applications::fair_access_at(&had, (id, system));
        };
        let question = self.route_question(caller, query).await?;
        let routes = engine.routes_with(&question, complete);
        let mut routes: Vec<RouteFound> = { routes.into_iter() }
            .map(|route| RouteFound {
                decided_by: { modes.iter() }
                    .find(|it| it.mode.id == route.mode)
                    .and_then(|it| it.decided_by.clone()),
                title: { engine.title(TitleKind::Mode, &route.mode, language) }.to_owned(),
                route: said_in(
                    &engine,
                    (of_route(&question, &route, complete), route),
                    language,
                ),
            })
            .collect();
        routes.sort_by_key(|it| crate::eligibility::reluctance(it.route.decision.result));
        Ok(routes)
    }

    /// As what is asked would be checked when it is registered, handed in or applied for.
    fn check_route_query(&self, query: &RouteQuery, engine: &Engine) -> Result<()> {
        let mut faults = Faults::default();
        if let Some(organisation) = &query.organisation {
            check_organisation(organisation, &mut faults);
        }
        applications::check_sectors(
            &query.project.sectors,
            self.directory().sectors(),
            &mut faults,
        );
        if query.need.gpu_hours == Some(0) {
            faults.add("need.gpu_hours", "asks for nothing", "1 and more");
        }
        if let Some(months) = query.need.months.filter(|it| !(1..=60).contains(it)) {
            faults.add("need.months", format!("is {months}"), "1 to 60");
        }
        let today = day_in_brussels(self.clock().now());
        check_lists(query, &mut faults);
        for declared in query.evidence.iter().take(MOST_SAID) {
            check_evidence(declared, (engine, today), &mut faults);
        }
        faults.check("question")
    }

    async fn route_question(&self, caller: &Caller, query: RouteQuery) -> Result<Question> {
        let mut question = match (query.organisation_id, query.organisation) {
            (Some(id), None) => {
                let organisation = self.organisation(caller, id).await?;
                let asks = (caller.into(), caller.person);
                self.question_of(asks, &organisation).await?
            }
            (None, Some(facts)) => self.question_of_facts(caller.into(), facts),
            _ => return Err(not_one()),
        };
        let declared = query.evidence.into_iter().map(|it| EvidenceFact {
            checked: false,
            expires_on: it.expires_on,
            issued_on: it.issued_on,
            kind: it.kind,
        });
        question.evidence.extend(declared);
        question.need = Some(query.need);
        question.project = query.project;
        Ok(question)
    }

    /// Of an organisation as described, and nothing else.
    pub(crate) fn question_of_facts(
        &self,
        applicant: ApplicantFacts,
        organisation: OrganisationFacts,
    ) -> Question {
        Question {
            action: Action::ApplyForAccess,
            aid: None,
            fair_access: None,
            follow_ups: None,
            settled: None,
            shares: None,
            vetoed_by_site: None,
            allocation: None,
            applicant,
            evidence: Vec::new(),
            mode: None,
            need: None,
            on: day_in_brussels(self.clock().now()),
            organisation,
            project: ProjectFacts {
                ai_act: None,
                civilian: None,
                eu_project: None,
                sectors: Vec::new(),
            },
        }
    }
}

/// Lists that nobody has that long.
fn check_lists(query: &RouteQuery, faults: &mut Faults) {
    let said = query.project.ai_act.as_ref();
    let of_ai_act = |field: &str, length: Option<usize>| {
        (
            format!("project.ai_act.{field}"),
            length.unwrap_or_default(),
        )
    };
    for (field, length) in [
        ("evidence".to_owned(), query.evidence.len()),
        ("project.sectors".to_owned(), query.project.sectors.len()),
        of_ai_act("prohibited", said.map(|it| it.prohibited.len())),
        of_ai_act("high_risk", said.map(|it| it.high_risk.len())),
        of_ai_act("exclusions", said.map(|it| it.exclusions.len())),
    ] {
        if length > MOST_SAID {
            let allowed = format!("up to {MOST_SAID}");
            faults.add(&field, format!("are {length}"), &allowed);
        }
    }
}

/// What was asked of a route.
fn of_route(asked: &Question, route: &Route, complete: impl Fn(&mut Question)) -> Question {
    let mut question = Question {
        mode: Some(ModeFacts {
            id: route.mode.clone(),
            system: route.offer.value.system.clone(),
        }),
        ..asked.clone()
    };
    complete(&mut question);
    question
}

fn said_in(engine: &Engine, (asked, route): (Question, Route), language: &str) -> Route {
    Route {
        decision: engine.in_language(&asked, &route.decision, language),
        ..route
    }
}

fn not_one() -> Error {
    let mut faults = Faults::default();
    faults.add(
        "organisation",
        "is described and named, or neither",
        "either `organisation_id`, of one that you speak for, or `organisation` with facts",
    );
    faults.into_error("question")
}

/// Country and contradictions; what is no kind or size is told by the rules as not known.
fn check_organisation(facts: &OrganisationFacts, faults: &mut Faults) {
    check_country("organisation.country", &facts.country, faults);
    if facts.startup == Some(true) && facts.size == "large" {
        let reason = "calls want start-ups that are small or medium, and `size` is `large`";
        let allowed = "`false`, or the size by Recommendation 2003/361/EC";
        faults.add("organisation.startup", reason, allowed);
    }
    let kind = facts.kind.as_deref();
    if let Some(kind) = kind.filter(|it| facts.startup == Some(true) && *it != "company") {
        let reason = format!(
            "a start-up is a company, and `kind` is `{}`",
            kind.escape_debug()
        );
        let allowed = "`false`, or `kind` = `company`";
        faults.add("organisation.startup", reason, allowed);
    }
}

fn check_evidence(
    declared: &DeclaredEvidence,
    (engine, today): (&Engine, Date),
    faults: &mut Faults,
) {
    let kinds = engine.evidence_kinds();
    if !kinds.iter().any(|it| it.id == declared.kind) {
        let known: Vec<&str> = kinds.iter().map(|it| it.id.as_str()).collect();
        let reason = format!("`{}` is no kind of evidence", declared.kind.escape_debug());
        faults.add("evidence", reason, &known.join(", "));
    }
    if declared.issued_on > today {
        let reason = format!(
            "{} is to come; it would count from then on",
            declared.issued_on
        );
        faults.add("evidence", reason, &format!("a day up to {today}"));
    }
}
