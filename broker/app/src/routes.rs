mod check;

use std::collections::BTreeMap;

use broker_model::{ApplicationAid, FundingShare, Organisation, OrganisationId, SystemId};
use jiff::civil::Date;
use policy_engine::{
    AccessMode, Action, AidFacts, ApplicantFacts, Due, Engine, EvidenceFact, ModeFacts, NeedFacts,
    NotOffered, OrganisationFacts, ProjectFacts, Question, Route, TitleKind, day_in_brussels,
};
use serde::{Deserialize, Serialize};

use self::check::not_one;
use crate::{Broker, Caller, Result, applications};

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
    /// As in an application: what national hours that are free for a company hang on. The register here is added for
    /// one that is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aid: Option<ApplicationAid>,
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
    /// Why it is closed, in the language of the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the codes are called that stand here as values: its cost, and the kinds of evidence that its changes add.
    #[serde(default)]
    pub titles: BTreeMap<String, String>,
    /// See [`crate::ModeToday::decided_by`].
    pub decided_by: Option<Due>,
    /// See [`crate::ModeToday::no_cut_off_after`]: that it is open says nothing of a cut-off to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_cut_off_after: Option<Date>,
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
        (mut query, language): (RouteQuery, &str),
    ) -> Result<Vec<RouteFound>> {
        let engine = self.policy();
        if let Some(described) = &mut query.organisation {
            described.country = engine.country_code(&described.country).to_owned();
        }
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
            if engine.is_sold(question)
                && let Some(shares) = &mut question.shares
            {
                shares.of = Some(FundingShare::Commercial.to_string());
            }
            question.vetoed_by_site = of.and_then(|it| self.vetoed_at(it, &system));
            question.fair_access = applications::fair_access_at(&had, (id, system));
        };
        let question = self.route_question(caller, query).await?;
        let routes = engine.routes_with(&question, complete);
        let mut routes: Vec<RouteFound> = { routes.into_iter() }
            .map(|route| (modes.iter().find(|it| it.mode.id == route.mode), route))
            .map(|(mode, route)| RouteFound {
                decided_by: mode.and_then(|it| it.decided_by.clone()),
                no_cut_off_after: mode.and_then(|it| it.no_cut_off_after),
                title: { engine.title(TitleKind::Mode, &route.mode, language) }.to_owned(),
                why: { route.offer.value.why.as_deref() }
                    .map(|it| engine.text(it, language).to_owned()),
                titles: titles_of(&engine, &route, language),
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

    async fn route_question(&self, caller: &Caller, query: RouteQuery) -> Result<Question> {
        let mut question = match (query.organisation_id, query.organisation) {
            (Some(id), None) => {
                let organisation = self.organisation(caller, id).await?;
                let asks = (caller.into(), caller.person);
                let question = self.question_of(asks, &organisation).await?;
                Question {
                    aid: self
                        .aid_for_routes(caller, &organisation, query.aid)
                        .await?,
                    ..question
                }
            }
            (None, Some(facts)) => Question {
                aid: query.aid.map(aid_as_declared),
                ..self.question_of_facts(caller.into(), facts)
            },
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

    /// What was declared, with what stands in the register of the undertaking, as far as the caller may know it: who
    /// declares a competitor as linked does not learn here what that one had.
    async fn aid_for_routes(
        &self,
        caller: &Caller,
        of: &Organisation,
        declared: Option<ApplicationAid>,
    ) -> Result<Option<AidFacts>> {
        let engine = self.policy();
        let is_national = |it: &AccessMode| applications::may_be_aid(&engine, of, &it.id);
        if !engine.modes().iter().any(is_national) {
            return Ok(declared.map(aid_as_declared));
        }
        let members = self.undertaking(caller, of.id).await?.members.into_iter();
        let known = members.fold(0, |sum: u32, it| sum.saturating_add(it.counted_eur));
        let Some(declared) = declared else {
            let registered = AidFacts {
                registered_eur: Some(known),
                ..AidFacts::default()
            };
            return Ok((known > 0).then_some(registered));
        };
        let received_eur = declared.received_eur.saturating_add(known);
        Ok(Some(aid_as_declared(ApplicationAid {
            received_eur,
            ..declared
        })))
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

pub(crate) fn aid_as_declared(declared: ApplicationAid) -> AidFacts {
    AidFacts {
        asked_eur: declared.worth_eur,
        granted_eur_three_years: Some(declared.received_eur),
        registered_eur: None,
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

fn titles_of(engine: &Engine, route: &Route, language: &str) -> BTreeMap<String, String> {
    let added = { route.changes.iter().flatten() }.filter(|it| it.field == "evidence");
    let kinds = added.filter_map(|it| it.to.as_str());
    let kinds = kinds.map(|it| (TitleKind::EvidenceKind, it));
    let cost = serde_json::to_value(route.cost).unwrap_or_default();
    let cost = cost.as_str().map(|it| (TitleKind::Cost, it));
    let named = |(kind, id)| {
        let title = engine.title(kind, id, language);
        (String::from(id), title.to_owned())
    };
    kinds.chain(cost).map(named).collect()
}

fn said_in(engine: &Engine, (asked, route): (Question, Route), language: &str) -> Route {
    Route {
        decision: engine.in_language(&asked, &route.decision, language),
        ..route
    }
}
