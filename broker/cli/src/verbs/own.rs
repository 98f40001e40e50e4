//! Which organisation or project is meant where none is named, and which day it is there.

use std::collections::BTreeSet;

use broker_client::Client;
use broker_model::{Clock as _, OrganisationId, ProjectId, Role, SystemClock};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::exit::Failure;
use crate::words::{fill, say};

/// The one that is named, or the only one that the caller speaks for.
pub(super) async fn organisation(
    client: &Client,
    given: Option<OrganisationId>,
) -> anyhow::Result<OrganisationId> {
    organisation_or(client, given, ("ORG", "")).await
}

/// The same for verbs where it stands behind an option.
pub(super) async fn organisation_option(
    client: &Client,
    given: Option<OrganisationId>,
) -> anyhow::Result<OrganisationId> {
    organisation_or(client, given, ("--organisation ORG", "")).await
}

/// `place` is where the verb takes it, `instead` what may be done beside where there is none.
pub(super) async fn organisation_or(
    client: &Client,
    given: Option<OrganisationId>,
    (place, instead): (&str, &str),
) -> anyhow::Result<OrganisationId> {
    if let Some(given) = given {
        return Ok(given);
    }
    let me = client.whoami().await?;
    let spoken_for: BTreeSet<OrganisationId> = { me.roles.iter() }
        .filter_map(|it| match it.role {
            Role::Representative { organisation } => Some(organisation),
            _ => None,
        })
        .collect();
    let mut ids = spoken_for.iter();
    match (ids.next(), ids.next()) {
        (Some(only), None) => Ok(*only),
        (None, _) => Err(Failure::Usage(fill("you speak for no organisation yet: register yours (`alcyone organisation register`), ask its \
             people to let you speak for it, or name one that you may look at ({place}){instead}").with("place", place).with("instead", say(instead)).to_string())
        .into()),
        _ => Err(Failure::Usage(several(client, &spoken_for, place).await).into()),
    }
}

async fn several(client: &Client, spoken_for: &BTreeSet<OrganisationId>, place: &str) -> String {
    let mut words = fill("which organisation? you speak for several; name one ({place}):")
        .with("place", place)
        .to_string();
    for id in spoken_for {
        // A name helps to choose; the ids alone suffice.
        let found = client.organisation(*id).await.ok();
        let name = found.map(|it| it.organisation.name).unwrap_or_default();
        words.push_str(format!("\n  {id}  {name}").trim_end());
    }
    words
}

/// The one that is named, or the only one that the caller works in; `place` is where the verb takes it.
pub(super) async fn project(
    client: &Client,
    given: Option<ProjectId>,
    place: &str,
) -> anyhow::Result<ProjectId> {
    if let Some(given) = given {
        return Ok(given);
    }
    let me = client.whoami().await?;
    match me.projects.as_slice() {
        [only] => Ok(only.id),
        [] => Err(Failure::Usage(fill("you work in no project yet: ask a lead of one to invite you (`alcyone join`), or name one that \
             your organisation has ({place})").with("place", place).to_string())
        .into()),
        several => {
            let lines: Vec<String> = { several.iter() }
                .map(|it| format!("\n  {}  {}", it.id, it.name))
                .collect();
            let words = fill("which project? you work in several; name one ({place}):").with("place", place).to_string();
            Err(Failure::Usage(format!("{words}{}", lines.concat())).into())
        }
    }
}

/// Clocks and evidence count days of Brussels.
pub(super) fn today() -> Date {
    day_in_brussels(SystemClock.now())
}

/// By its rule, since a machine may have no time zone database.
pub(super) fn day_in_brussels(at: Timestamp) -> Date {
    let brussels = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or(TimeZone::UTC);
    at.to_zoned(brussels).date()
}
