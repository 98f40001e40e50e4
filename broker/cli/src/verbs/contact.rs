//! The single point of contact.

use std::io::Write;

use broker_client::{Client, Error};

use super::{centres, finance, matching, referral};
use crate::cli::{CentresVerb, ContactVerb};
use crate::exit::Failure;

pub(super) async fn run(
    client: &Client,
    verb: ContactVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        ContactVerb::Centres { what: None } => centres::list(client, json, out).await,
        ContactVerb::Centres {
            what: Some(CentresVerb::Find(args)),
        } => centres::find(client, *args, json, out).await,
        ContactVerb::Finance => finance::list(client, json, out).await,
        ContactVerb::Refer(args) => referral::refer(client, *args, json, out).await,
        ContactVerb::Referrals { centre, overdue } => {
            let found = match (centre, overdue) {
                (Some(centre), _) => client.centre_referrals(&centre).await?,
                (None, true) => client.overdue_referrals().await?,
                (None, false) => client.referrals().await?,
            };
            referral::list(&found, json, out)
        }
        ContactVerb::Referral { what } => referral::run(client, what, json, out).await,
        ContactVerb::Matching { what } => matching::run(client, what, json, out).await,
        ContactVerb::Matches {
            organisation,
            what: None,
        } => matching::list(client, organisation, json, out).await,
        ContactVerb::Matches {
            what: Some(what), ..
        } => matching::answer(client, what, json, out).await,
    }
}

/// What the broker does not accept of the words of a command line, each at its option; for programs its own
/// words stay as they are.
pub(super) fn refused(error: Error, json: bool) -> anyhow::Error {
    let Error::Problem(problem) = error else {
        return error.into();
    };
    if json || problem.status != 400 || problem.errors.is_empty() {
        return Error::Problem(problem).into();
    }
    let said = problem.errors.into_iter().map(|mut it| {
        it.field = option(&it.field);
        it.to_string()
    });
    Failure::Usage(said.collect::<Vec<_>>().join("\n")).into()
}

fn option(field: &str) -> String {
    let name = field.strip_prefix("need.").unwrap_or(field);
    match name {
        "centre" => "CENTRE".to_owned(),
        "services" => "--service".to_owned(),
        name => format!("--{}", name.replace('_', "-")),
    }
}
