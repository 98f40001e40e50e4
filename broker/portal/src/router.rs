use std::any::Any;

use axum::extract::{DefaultBodyLimit, OriginalUri};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;

use crate::applications::new;
use crate::contact::{self, refer};
use crate::decision::show;
use crate::organisations::{self, describe, evidence, files};
use crate::referrals::{self, moves};
use crate::refusal::Refusal;
use crate::{
    Portal, agents, applications, assets, confirmations, follow_ups, frame, funding, handoffs,
    home, jobs, ledger, login, matching, members, reviews, routes, site_admin, sites, terms,
};

/// A script is at most 256 KiB, three times that when a form encodes it.
const BODY_LIMIT: usize = 1024 * 1024;

/// Every page, and the answer for every path that nothing else answers.
pub fn router(portal: Portal) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/jobs", get(jobs::list::list))
        .route("/jobs/new", get(jobs::new::form).post(jobs::new::send))
        .route("/jobs/{id}", get(jobs::show::show))
        .route("/jobs/{id}/cancel", post(jobs::show::cancel))
        .route("/jobs/{id}/logs", get(jobs::follow::logs))
        .route("/jobs/{id}/events", get(jobs::follow::events))
        .route("/jobs/{id}/handoff/script", get(jobs::handoff::script))
        .route("/jobs/{id}/handoff/lexis", get(jobs::handoff::lexis))
        .route("/terms", get(terms::show))
        .route("/terms/{id}", post(terms::accept))
        .merge(entitlement())
        .merge(help())
        .merge(matching::routes())
        .merge(belonging())
        .route("/sites", get(sites::show))
        .route("/sites/{id}/confirmations", get(confirmations::show))
        .route(
            "/sites/{id}/confirmations/{job}",
            post(confirmations::answer),
        )
        .route("/sites/{id}/handoffs", get(handoffs::show))
        .route("/sites/{id}/handoffs/{marker}", post(handoffs::tell))
        .route("/sites/{id}/admin", get(site_admin::show))
        .route("/sites/{id}/admin/{what}", post(site_admin::set))
        .route("/sites/{id}/agents", get(agents::show))
        .route("/sites/{id}/agents/invite", post(agents::invite))
        .route("/sites/{id}/agents/{agent}/revoke", post(agents::revoke))
        .route(
            "/sites/{id}/invites/{invite}/withdraw",
            post(agents::withdraw),
        )
        .route("/funding", get(funding::show))
        .route("/ledger", get(ledger::show))
        .route("/login", get(login::choose))
        .route("/login/start", get(login::start))
        .route("/login/callback", get(login::callback))
        .route("/logout", post(login::logout::logout))
        .route("/oidc/backchannel-logout", post(login::logout::backchannel))
        .route("/assets/{name}", get(assets::asset))
        .route("/favicon.ico", get(assets::icon))
        .method_not_allowed_fallback(|| async { Refusal::OtherMethod })
        .fallback(no_page)
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| {
            Refusal::Panicked.into_response()
        }))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(
            portal.clone(),
            frame::around,
        ))
        .with_state(portal)
}

/// From an organisation that nobody knows to a project with hours.
fn entitlement() -> Router<Portal> {
    let files = post(files::send).layer(DefaultBodyLimit::max(files::LARGEST));
    Router::new()
        .route("/routes", get(routes::show))
        .route("/applications", get(applications::list))
        .route("/applications/new", get(new::form).post(new::send))
        .route("/applications/{id}", get(applications::show::show))
        .route(
            "/applications/{id}/withdraw",
            post(applications::show::withdraw),
        )
        .route("/decisions/{id}", get(show::show))
        .route("/decisions/{id}/replay", get(show::replay))
        .route("/follow-ups", get(follow_ups::list))
        .route("/follow-ups/{id}", get(follow_ups::show))
        .route("/follow-ups/{id}/fulfil", post(follow_ups::fulfil))
        .route("/follow-ups/{id}/waive", post(follow_ups::waive))
        .route("/follow-ups/{id}/reopen", post(follow_ups::reopen))
        .route("/reviews", get(reviews::queue))
        .route(
            "/reviews/evidence/{organisation}/{evidence}",
            get(reviews::evidence::show).post(reviews::evidence::judge),
        )
        .route(
            "/reviews/applications/{id}/screening",
            post(reviews::screening::record),
        )
        .route(
            "/reviews/applications/{id}",
            get(reviews::application::show).post(reviews::application::rule),
        )
        .route("/organisations", get(organisations::list))
        .route(
            "/organisations/new",
            get(describe::form).post(describe::register),
        )
        .route("/organisations/{id}", get(organisations::show::show))
        .route(
            "/organisations/{id}/edit",
            get(describe::edit).post(describe::describe),
        )
        .route("/organisations/{id}/evidence", post(evidence::hand_in))
        .route(
            "/organisations/{id}/evidence/{evidence}/withdraw",
            post(evidence::withdraw),
        )
        .route("/organisations/{id}/evidence/{evidence}/files", files)
        .route(
            "/organisations/{id}/evidence/{evidence}/files/{sha256}",
            get(files::read),
        )
}

/// Support centres, and what is sent to them.
fn help() -> Router<Portal> {
    Router::new()
        .route("/contact", get(contact::show))
        .route("/referrals", get(referrals::list))
        .route("/referrals/new", get(refer::form).post(refer::send))
        .route("/referrals/{id}", get(referrals::show::show))
        .route("/referrals/{id}/{step}", post(moves::make))
}

/// Who belongs where. A project has no other page: the first one shows them all.
fn belonging() -> Router<Portal> {
    let each = |place: &str, router: Router<Portal>| {
        router
            .route(&format!("{place}/members"), get(members::show))
            .route(&format!("{place}/members/invite"), post(members::invite))
            .route(
                &format!("{place}/members/{{person}}/remove"),
                post(members::remove),
            )
            .route(
                &format!("{place}/invitations/{{invitation}}/revoke"),
                post(members::revoke),
            )
    };
    let join = get(members::join::form).post(members::join::send);
    let router = Router::new().route("/join", join);
    each("/projects/{id}", each("/organisations/{id}", router))
}

/// Programs that ask the API for what it does not have get no page.
async fn no_page(OriginalUri(uri): OriginalUri) -> Response {
    let of_programs = ["/api/", "/agent/"]
        .iter()
        .any(|prefix| uri.path().starts_with(prefix));
    if !of_programs {
        return Refusal::NoPage.into_response();
    }
    let problem = r#"{"type":"urn:alcyone:problem:not-found","title":"Not Found","status":404,"code":"not-found","detail":"there is no such path"}"#;
    (
        StatusCode::NOT_FOUND,
        [(CONTENT_TYPE, "application/problem+json")],
        problem,
    )
        .into_response()
}
