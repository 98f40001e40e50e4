//! `alcyone matching` and `alcyone matches`: two sides that may want to meet.

use std::io::Write;

use broker_client::wire::Match;
use broker_client::{Client, Error};
use broker_model::{OrganisationId, Profile, ProfileDraft};

use super::keyed::Keyed;
use super::own;
use crate::cli::{MatchesVerb, MatchingVerb};
use crate::print;
use crate::words::{fill, say};
use crate::written::Written;

pub(super) async fn run(
    client: &Client,
    verb: MatchingVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let profile = match verb {
        MatchingVerb::Show { organisation } => {
            let of = own::organisation(client, organisation).await?;
            client.profile(of).await?
        }
        MatchingVerb::Publish {
            file,
            organisation,
            key,
        } => {
            let file = Written::open(&file)?;
            let draft: ProfileDraft = file.read()?;
            let of = own::organisation(client, organisation).await?;
            let making = Keyed::new(key, "the profile was published", "publishes it twice");
            let made = making.send(async |key| client.publish_profile(of, &draft, key).await);
            let what = say("a profile that can be published");
            let refused = |error: Error| file.refused(error, what, json);
            made.await.map_err(|lost| lost.explained(refused))?
        }
        MatchingVerb::Withdraw { organisation } => {
            let of = own::organisation(client, organisation).await?;
            client.withdraw_profile(of).await?
        }
    };
    if json {
        print::json(&profile, out)?;
    } else {
        show(&profile, out)?;
    }
    Ok(0)
}

fn show(one: &Profile, out: &mut impl Write) -> anyhow::Result<()> {
    let stands = match one.withdrawn_at {
        Some(at) => fill("withdrawn at {at}").with("at", at).to_string(),
        None => fill("published at {published_at}")
            .with("published_at", one.published_at)
            .to_string(),
    };
    writeln!(out, "{}: {}, {stands}", one.id, one.side)?;
    let mut lines = vec![
        ("sectors", one.sectors.join(", ")),
        ("seeks", one.seeks.clone()),
        ("offers", one.offers.clone()),
        ("contact", one.contact.clone()),
    ];
    lines.retain(|(_, value)| !value.is_empty());
    print::facts(&lines, 8, out)?;
    Ok(())
}

pub(super) async fn list(
    client: &Client,
    organisation: Option<OrganisationId>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let of = own::organisation(client, organisation).await?;
    let matches = client.matches(of).await?;
    if json {
        print::json(&matches, out)?;
    } else {
        table(&matches, out)?;
    }
    Ok(0)
}

pub(super) async fn answer(
    client: &Client,
    verb: MatchesVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let found = match verb {
        MatchesVerb::Interest {
            profile,
            organisation,
        } => {
            let of = own::organisation_option(client, organisation).await?;
            client.show_interest(of, profile).await?
        }
        MatchesVerb::NoInterest {
            profile,
            organisation,
        } => {
            let of = own::organisation_option(client, organisation).await?;
            client.withdraw_interest(of, profile).await?
        }
    };
    if json {
        print::json(&found, out)?;
    } else {
        table(&[found], out)?;
    }
    Ok(0)
}

fn table(matches: &[Match], out: &mut impl Write) -> anyhow::Result<()> {
    let yes_or_no = |it: bool| say(if it { "yes" } else { "no" }).to_owned();
    let row = |it: &Match| {
        let contact = it.contact.as_ref();
        let contact = contact.map(|it| format!("{}, {}", it.organisation, it.contact));
        vec![
            it.profile.to_string(),
            it.side.to_string(),
            it.shared.join(", "),
            yes_or_no(it.ours),
            yes_or_no(it.theirs),
            contact.unwrap_or_else(|| say("once both would meet").to_owned()),
            it.seeks.clone(),
            it.offers.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = matches.iter().map(row).collect();
    let head = [
        "PROFILE", "SIDE", "SHARED", "WE", "THEY", "CONTACT", "SEEKS", "OFFERS",
    ];
    print::table(&head, &rows, out)?;
    Ok(())
}
