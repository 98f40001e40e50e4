//! `/api/v1`, one endpoint per file.

mod access_modes;
mod allocations;
mod applications;
mod check;
mod confirmations;
mod contact;
mod decisions;
mod follow_ups;
mod handoffs;
mod indicators;
mod jobs;
mod ledger;
mod login;
mod me;
mod members;
mod openapi;
mod organisations;
mod query;
mod registry;
mod routes;
mod site_agents;
mod sites;
mod terms;
mod unknown_accounts;
mod usage;
mod whoami;

use crate::operation::{Operation, delete, get, post};

pub(crate) const BASE: &str = "/api/v1";

pub(crate) fn operations() -> Vec<Operation> {
    let mut operations = vec![
        get("/login", login::login),
        get("/whoami", whoami::whoami),
        get("/me/export", me::export),
        post("/me/erasure-request", me::request_erasure),
        delete("/me/erasure-request", me::withdraw_erasure),
        get("/projects", allocations::projects),
        get("/allocations", allocations::allocations),
        get("/access-modes", access_modes::list),
        post("/eligibility/check", check::check),
        post("/routes/find", routes::find),
        get("/jobs", jobs::list::list),
        post("/jobs", jobs::submit::submit),
        post("/jobs/quote", jobs::quote::quote),
        get("/jobs/{id}", jobs::show::show),
        get("/jobs/{id}/placement", jobs::show::placement),
        get("/jobs/{id}/decision", jobs::show::decision),
        get("/jobs/{id}/usage", jobs::show::usage),
        get("/jobs/{id}/events", jobs::events::events),
        get("/jobs/{id}/logs", jobs::logs::logs),
        post("/jobs/{id}/cancel", jobs::cancel::cancel),
        get("/jobs/{id}/confirmations", confirmations::of_job),
        get("/jobs/{id}/handoff/script", handoffs::script),
        get("/jobs/{id}/handoff/lexis", handoffs::lexis),
        post("/jobs/{id}/handoff/reports", handoffs::handed_in),
        get("/sites", sites::list),
        get("/sites/{id}", sites::show),
        get("/sites/{id}/state", sites::readiness),
        get("/sites/{id}/capacity", sites::capacity),
        get("/sites/{id}/agents", site_agents::list),
        post("/sites/{id}/agents/{agent}/revoke", site_agents::revoke),
        get("/sites/{id}/invites", site_agents::invites),
        post("/sites/{id}/invites", site_agents::invite),
        post(
            "/sites/{id}/invites/{invite}/withdraw",
            site_agents::withdraw,
        ),
        get("/sites/{id}/confirmations", confirmations::list),
        post("/sites/{id}/confirmations/{job}", confirmations::answer),
        get("/sites/{id}/handoffs", handoffs::list),
        post("/sites/{id}/handoffs/{job}/reports", handoffs::report),
        get("/sites/{id}/unknown-accounts", unknown_accounts::list),
        get("/usage", usage::list),
        get("/ledger/checkpoint", ledger::checkpoint),
        get("/ledger/entries", ledger::entries),
        get("/ledger/export", ledger::export),
        get("/ledger/proofs/inclusion", ledger::inclusion),
        get("/ledger/proofs/consistency", ledger::consistency),
        get("/openapi.json", openapi::openapi),
    ];
    operations.extend(applications::operations());
    operations.extend(contact::operations());
    operations.extend(decisions::operations());
    operations.extend(follow_ups::operations());
    operations.extend(indicators::operations());
    operations.extend(members::operations());
    operations.extend(organisations::operations());
    operations.extend(registry::operations());
    operations.extend(terms::operations());
    operations
}
