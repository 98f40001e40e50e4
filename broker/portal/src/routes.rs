//! "What can I have?": every access mode at every system, answered for an organisation that is registered
//! or described on the spot. The question is in the address, so an answer can be kept and sent.

mod view;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::{MOST_AT_ONCE, RouteQuery};
use broker_model::{Organisation, OrganisationId, is_country};
use broker_store::Page;
use policy_engine::{Engine, NeedFacts, OrganisationFacts, ProjectFacts};

pub(crate) use self::view::Said;
use self::view::{ModeView, NotOfferedView, RouteView};
use crate::Portal;
use crate::ai_act::{self, Boxes};
use crate::applications::new::{self, SECTORS};
use crate::contact::names::Names;
use crate::fields::Fields;
use crate::form::{Choice, Typed};
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::titles::Titles;
use crate::visitor::Member;

/// Leaves out what is closed or refused.
const ONLY_OPEN: &str = "only_open";

#[derive(Template)]
#[template(path = "routes.html")]
struct RoutesPage {
    f: Frame,
    typed: Typed,
    organisations: Vec<Choice>,
    kinds: Vec<Choice>,
    sizes: Vec<Choice>,
    ai_act: Vec<Boxes>,
    sectors: Boxes,
    /// None before anything was asked.
    routes: Option<Vec<ModeView>>,
    /// By mode, and only beside routes.
    not_offered: Vec<NotOfferedView>,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let mut typed = Typed::from(fields);
    typed.tick_listed(SECTORS);
    let is_asked = typed.some("ask").is_some();
    let engine = portal.broker.policy();
    let query = is_asked.then(|| query(&mut typed, &engine));
    let routes = match query {
        Some(query) if !typed.is_wrong() => {
            let of = query.organisation_id;
            let asked = (query, member.texts.lang());
            match portal.broker.find_routes(member.caller(), asked).await {
                Ok(found) => Some((of, found)),
                Err(error) => {
                    typed = typed.refused(member.texts, error)?;
                    None
                }
            }
        }
        Some(_) => {
            typed = typed.unread();
            None
        }
        None => None,
    };
    let views = routes.map(|(of, found)| {
        let of = of.filter(|it| member.caller().represents(*it));
        let titles = Titles::new(member.texts, &engine);
        let view = |it| RouteView::new(titles, it, (of, &typed));
        let views = found.iter().map(view);
        ModeView::folded(views.filter(|it| it.may_be_had || !typed.is(ONLY_OPEN, "yes")))
    });
    portal.routes_page(&member, typed, views).await
}

impl Portal {
    async fn routes_page(
        &self,
        member: &Member,
        typed: Typed,
        routes: Option<Vec<ModeView>>,
    ) -> Result<Response, Refusal> {
        let texts = member.texts;
        let (status, engine) = (typed.status, self.broker.policy());
        let mut response = html(&RoutesPage {
            f: member.frame(texts.of("ways.title"), "routes"),
            organisations: self.own_organisations(member).await?,
            kinds: Choice::of_words(
                texts,
                "form.unsaid",
                &["company", "research", "public_sector"],
            ),
            sizes: Choice::of_words(texts, "form.unsaid", &["micro", "small", "medium", "large"]),
            ai_act: ai_act::boxes(Titles::new(texts, &engine)),
            sectors: Names::new(self, texts).sector_boxes(SECTORS, texts.of("ways.sectors")),
            typed,
            not_offered: { routes.iter() }
                .flat_map(|_| self.broker.modes_not_offered(texts.lang()))
                .map(|it| NotOfferedView::new(texts, it))
                .collect(),
            routes,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }

    /// Those that the visitor speaks for, and none at all before them.
    pub(crate) async fn own_organisations(&self, member: &Member) -> Result<Vec<Choice>, Refusal> {
        let caller = member.caller();
        let mut own = Choice::of_words(member.texts, "ways.ad_hoc", &[]);
        if caller.organisations().is_empty() {
            return Ok(own);
        }
        let page = Page {
            limit: MOST_AT_ONCE,
            before: None,
        };
        let found = self.broker.organisations(caller, &page).await?;
        let mine = found.into_iter().filter(|it| caller.represents(it.id));
        own.extend(mine.map(|it: Organisation| Choice {
            value: it.id.to_string(),
            words: it.name,
        }));
        Ok(own)
    }
}

fn query(typed: &mut Typed, engine: &Engine) -> RouteQuery {
    let organisation_id: Option<OrganisationId> = typed.read("organisation", "one of the list");
    let is_ad_hoc = typed.some("organisation").is_none();
    let organisation = is_ad_hoc.then(|| described(typed, engine));
    RouteQuery {
        organisation_id,
        organisation,
        project: ProjectFacts {
            ai_act: ai_act::read(typed).map(ai_act::as_facts),
            civilian: typed.yes_or_no("project.civilian"),
            eu_project: typed.yes_or_no("project.eu_project"),
            sectors: typed.ticked(SECTORS),
        },
        evidence: Vec::new(),
        need: NeedFacts {
            gpu_hours: typed.read("need.gpu_hours", "a whole number of GPU-hours"),
            months: typed.read("need.months", "a whole number of months"),
        },
        aid: new::aid(typed),
    }
}

fn described(typed: &mut Typed, engine: &Engine) -> OrganisationFacts {
    let country = typed.text("country").to_uppercase();
    if !is_country(engine.country_code(&country)) {
        let allowed = "a code of ISO 3166-1 alpha-2: `FR`, `GR`";
        let reason = match country.as_str() {
            "" => "is missing".to_owned(),
            country => format!("`{}` is no country", country.escape_debug()),
        };
        typed.wrong("country", &reason, allowed);
    }
    let known = ["micro", "small", "medium", "large"];
    let size = typed.some("size").filter(|it| known.contains(&it.as_str()));
    let kinds = ["company", "research", "public_sector"];
    OrganisationFacts {
        country,
        kind: typed.some("kind").filter(|it| kinds.contains(&it.as_str())),
        size: size.unwrap_or_else(|| "unclear".to_owned()),
        screened: Vec::new(),
        screening: None,
        startup: typed.yes_or_no("startup"),
    }
}
