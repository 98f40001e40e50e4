//! What an organisation may have, and how it comes to it.

use std::io::Write;

use broker_client::Client;

use super::{
    application, apply, decision, evidence, follow_up, modes, organisation, review, routes,
};
use crate::cli::EntitlementVerb;

pub(super) async fn run(
    client: &Client,
    verb: EntitlementVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        EntitlementVerb::Modes { mode } => modes::run(client, mode.as_deref(), json, out).await,
        EntitlementVerb::Routes(args) => routes::run(client, &args, json, out).await,
        EntitlementVerb::Organisations => organisation::list(client, json, out).await,
        EntitlementVerb::Organisation { what } => organisation::run(client, what, json, out).await,
        EntitlementVerb::Evidence {
            organisation,
            what: None,
        } => evidence::list(client, organisation, json, out).await,
        EntitlementVerb::Evidence {
            what: Some(what), ..
        } => evidence::run(client, what, json, out).await,
        EntitlementVerb::Apply(args) => apply::run(client, args, json, out).await,
        EntitlementVerb::Applications { organisation } => {
            application::list(client, organisation, json, out).await
        }
        EntitlementVerb::Application { what } => application::run(client, what, json, out).await,
        EntitlementVerb::Decision { what } => decision::run(client, what, json, out).await,
        EntitlementVerb::FollowUps {
            organisation,
            overdue,
        } => follow_up::list(client, (organisation, overdue), json, out).await,
        EntitlementVerb::FollowUp { what } => follow_up::run(client, what, json, out).await,
        EntitlementVerb::Review { what: None } => review::queue(client, json, out).await,
        EntitlementVerb::Review { what: Some(what) } => review::run(client, what, json, out).await,
    }
}
