use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::{Caller, Standing};
use broker_model::{Allocation, AllocationScope, Role};
use policy_engine::TitleKind;

use crate::Portal;
use crate::decision::DecisionView;
use crate::follow_ups::rows::OwedRow;
use crate::frame::{Frame, html};
use crate::missing::{self, MissingView};
use crate::referrals::Waiting;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::visitor::{Member, Visitor};
use crate::words;

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    f: Frame,
    sites: usize,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    f: Frame,
    roles: Vec<String>,
    projects: Vec<ProjectView>,
    /// Pages with something for this visitor, and the keys of what they are called.
    links: Vec<(&'static str, &'static str)>,
    /// Of centres that the visitor is of.
    waiting: Vec<Waiting>,
    /// What is owed after an allocation and is due soon, or overdue.
    pressing: Vec<OwedRow>,
}

struct ProjectView {
    id: String,
    name: String,
    organisation: String,
    call_reference: Option<String>,
    allocations: Vec<AllocationView>,
    decision: DecisionView,
    missing: Vec<MissingView>,
    closed: Vec<MissingView>,
}

struct AllocationView {
    scope: String,
    share: String,
    unit: String,
    from: String,
    until: String,
    suspended: bool,
    granted: String,
    used: String,
    held: String,
    lost: String,
    remaining: String,
    /// Site, and what the project is called there.
    accounts: Vec<(String, String)>,
}

/// What this is, and for who is signed in: what they may have.
pub(crate) async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
) -> Result<Response, Refusal> {
    let Some(session) = visitor.session.clone() else {
        let f = visitor.frame(visitor.texts.of("welcome.title"), "home");
        return html(&WelcomePage {
            f,
            sites: portal.broker.board().sites().len(),
        });
    };
    let member = Member {
        texts: visitor.texts,
        session,
    };
    let mut projects = Vec::new();
    for standing in portal.broker.my_projects(member.caller()).await? {
        projects.push(project(&portal, &member, standing).await?);
    }
    let texts = member.texts;
    let roles = member
        .caller()
        .roles
        .iter()
        .filter_map(|role| role_words(texts, role))
        .collect();
    let mut owed = portal.broker.my_follow_ups(member.caller()).await?;
    let has_terms = !portal.broker.terms(member.caller()).await?.is_empty();
    let links = links(member.caller(), (has_terms, !owed.is_empty()));
    owed.retain(|it| it.pressing || it.overdue);
    html(&HomePage {
        f: member.frame(texts.of("home.title"), "home"),
        roles,
        projects,
        links,
        waiting: portal.waiting(&member).await?,
        pressing: portal.owed_rows(texts, &owed),
    })
}

fn links(caller: &Caller, (has_terms, owes): (bool, bool)) -> Vec<(&'static str, &'static str)> {
    let speaks = !caller.organisations().is_empty();
    let all = [
        (true, "/routes", "ways.link"),
        (has_terms, "/terms", "terms.title"),
        (true, "/organisations", "home.organisations"),
        (true, "/join", "join.title"),
        (speaks, "/applications", "apply.title"),
        (true, "/contact", "contact.title"),
        (true, "/referrals", "referral.title"),
        (speaks, "/matching", "matching.title"),
        (owes, "/follow-ups", "owed.title"),
        (caller.is_reviewer(), "/reviews", "review.link"),
    ];
    let shown = all.into_iter().filter(|(is_shown, ..)| *is_shown);
    shown.map(|(_, path, key)| (path, key)).collect()
}

async fn project(
    portal: &Portal,
    member: &Member,
    standing: Standing,
) -> Result<ProjectView, Refusal> {
    let texts = member.texts;
    let answer = portal
        .broker
        .check(member.caller(), standing.project.id)
        .await?;
    let (engine, organisation) = (portal.broker.policy(), standing.organisation);
    let titles = Titles::new(texts, &engine);
    let allocations = { standing.allocations.iter() }
        .map(|it| AllocationView::new(titles, it))
        .collect();
    let asked = answer.question.as_ref();
    let said = asked.map(|it| engine.in_language(it, &answer.decision, texts.lang()));
    let country = engine.title(TitleKind::Country, &organisation.country, texts.lang());
    Ok(ProjectView {
        id: standing.project.id.to_string(),
        name: standing.project.name,
        organisation: format!("{} ({country})", organisation.name),
        call_reference: standing.project.call_reference,
        allocations,
        decision: match &answer.question {
            Some(question) => DecisionView::said(texts, &engine, (question, &answer.decision)),
            None => DecisionView::in_english(texts, &answer.decision),
        },
        missing: missing::views(texts, &answer.missing, said.as_ref()),
        closed: missing::views(texts, &answer.closed_systems, said.as_ref()),
    })
}

impl AllocationView {
    fn new(titles: Titles<'_>, allocation: &Allocation) -> Self {
        let (texts, balance) = (titles.texts, &allocation.balance);
        let (from, until) = words::term(allocation.valid_from, allocation.valid_until);
        Self {
            scope: match &allocation.scope {
                AllocationScope::Federation => texts.of("allocation.federation").to_owned(),
                AllocationScope::System { site, system } => format!("{site}/{system}"),
            },
            share: words::share(titles, &allocation.share),
            unit: texts.word(&allocation.unit),
            from,
            until,
            suspended: allocation.suspended,
            granted: words::hours(balance.granted),
            used: words::hours(balance.used),
            held: words::hours(balance.held),
            lost: words::hours(balance.lost),
            remaining: words::hours(balance.remaining()),
            accounts: { allocation.local_accounts.iter() }
                .map(|(site, account)| (site.to_string(), account.clone()))
                .collect(),
        }
    }
}

/// Roles outside of projects; those inside show as the projects themselves, and staff of a centre are told
/// what waits there.
fn role_words(texts: Texts, role: &Role) -> Option<String> {
    match role {
        Role::Member { .. }
        | Role::Lead { .. }
        | Role::Representative { .. }
        | Role::CentreStaff { .. } => None,
        Role::Reviewer => Some(texts.of("role.reviewer").to_owned()),
        Role::Vetted => Some(texts.of("role.vetted").to_owned()),
        Role::Operator => Some(texts.of("role.operator").to_owned()),
        Role::SiteAdmin { site, sees_people } => {
            let key = if *sees_people {
                "role.site_admin_sees"
            } else {
                "role.site_admin"
            };
            Some(texts.with(key, &[("site", site.as_str())]))
        }
        Role::Auditor { share: None } => Some(texts.of("role.auditor").to_owned()),
        Role::Auditor { share: Some(share) } => {
            Some(texts.with("role.auditor_of", &[("share", &share.to_string())]))
        }
    }
}
