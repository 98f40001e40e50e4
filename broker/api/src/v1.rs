//! `/api/v1`, one endpoint per file.

mod allocations;
mod check;
mod jobs;
mod ledger;
mod login;
mod openapi;
mod query;
mod sites;
mod usage;
mod whoami;

use axum::Router;
use axum::routing::{get, post};

use crate::problem::Problem;
use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/login", get(login::login))
        .route("/whoami", get(whoami::whoami))
        .route("/projects", get(allocations::projects))
        .route("/allocations", get(allocations::allocations))
        .route("/eligibility/check", post(check::check))
        .route("/jobs", get(jobs::list::list).post(jobs::submit::submit))
        .route("/jobs/quote", post(jobs::quote::quote))
        .route("/jobs/{id}", get(jobs::show::show))
        .route("/jobs/{id}/placement", get(jobs::show::placement))
        .route("/jobs/{id}/decision", get(jobs::show::decision))
        .route("/jobs/{id}/usage", get(jobs::show::usage))
        .route("/jobs/{id}/events", get(jobs::events::events))
        .route("/jobs/{id}/logs", get(jobs::logs::logs))
        .route("/jobs/{id}/cancel", post(jobs::cancel::cancel))
        .route("/sites", get(sites::list))
        .route("/sites/{id}", get(sites::show))
        .route("/usage", get(usage::list))
        .route("/ledger/checkpoint", get(ledger::checkpoint))
        .route("/ledger/entries", get(ledger::entries))
        .route("/ledger/export", get(ledger::export))
        .route("/ledger/proofs/inclusion", get(ledger::inclusion))
        .route("/ledger/proofs/consistency", get(ledger::consistency))
        .route("/openapi.json", get(openapi::openapi))
        .fallback(no_such_path)
}

async fn no_such_path() -> Problem {
    Problem::not_found("path; `GET /api/v1/openapi.json` lists them")
}
