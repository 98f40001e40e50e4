//! `alcyone organisation`: who an organisation is, and how large.

mod aid;
mod size;

use std::io::Write;
use std::path::Path;

use broker_client::Client;
use broker_model::{Organisation, OrganisationDraft, OrganisationId, SizeClass};

use super::keyed::Keyed;
use super::{member, own};
use crate::cli::{OrganisationVerb, RegisterArgs};
use crate::exit::Failure;
use crate::print;
use crate::words::{self, fill, say};
use crate::written::Written;

const WHAT: &str = "a description of an organisation that can be taken";

pub(super) async fn list(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let organisations = client.organisations().await?;
    if json {
        print::json(&organisations, out)?;
        return Ok(0);
    }
    let row = |one: &Organisation| {
        vec![
            one.id.to_string(),
            one.name.clone(),
            one.country.clone(),
            words::word(one.kind.map_or("-", |it| it.as_str())),
            say(&print::word(&one.size)).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = organisations.iter().map(row).collect();
    let head = ["ORGANISATION", "NAME", "COUNTRY", "KIND", "SIZE"];
    print::table(&head, &rows, out)?;
    if rows.is_empty() {
        writeln!(
            out,
            "{}",
            say("you speak for none yet: `alcyone organisation register`")
        )?;
    }
    Ok(0)
}

pub(super) async fn run(
    client: &Client,
    verb: OrganisationVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        OrganisationVerb::Show { organisation, toml } => {
            let id = own::organisation(client, organisation).await?;
            let found = client.organisation(id).await?.organisation;
            match (json, toml) {
                (true, _) => print::json(&found, out)?,
                (false, true) => as_file(&found, out)?,
                (false, false) => show(&found, out)?,
            }
        }
        OrganisationVerb::Register(args) => register(client, *args, json, out).await?,
        OrganisationVerb::Describe { organisation, file } => {
            let id = own::organisation(client, organisation).await?;
            describe(client, (id, &file), json, out).await?;
        }
        OrganisationVerb::Aid { organisation } => {
            let id = own::organisation(client, organisation).await?;
            aid::run(client, id, json, out).await?;
        }
        OrganisationVerb::People(verb) => {
            return member::representatives(client, verb, json, out).await;
        }
        OrganisationVerb::Size { organisation } => {
            let id = own::organisation(client, organisation).await?;
            size::run(client, id, json, out).await?;
        }
    }
    Ok(0)
}

async fn register(
    client: &Client,
    args: RegisterArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let file = args.file.as_deref().map(Written::open).transpose()?;
    let draft = match &file {
        Some(file) => Some(file.read()?),
        None => args.described.draft(),
    };
    let draft: OrganisationDraft = draft.ok_or_else(|| {
        Failure::Usage(say("give a file, or --name, --country and --kind").to_owned())
    })?;
    let making = Keyed::new(args.key, "it was registered", "registers it twice");
    let made = making.send(async |key| client.register_organisation(&draft, key).await);
    let made = made.await.map_err(|lost| match &file {
        Some(file) => lost.explained(|error| file.refused(error, say(WHAT), json)),
        None => lost.into(),
    })?;
    if json {
        return print::json(&made, out);
    }
    writeln!(
        out,
        "{}",
        fill("{name} is registered, and you speak for it").with("name", &made.name)
    )?;
    show(&made, out)
}

/// Reads how it is described first, so that a change by somebody else in between is refused and not lost.
async fn describe(
    client: &Client,
    (id, path): (OrganisationId, &Path),
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let file = Written::open(path)?;
    let draft: OrganisationDraft = file.read()?;
    let before = client.organisation(id).await?;
    let after = client.describe_organisation(id, &before.etag, &draft).await;
    let after = after.map_err(|error| file.refused(error, say(WHAT), json))?;
    if json {
        return print::json(&after.organisation, out);
    }
    if after.organisation == before.organisation {
        writeln!(
            out,
            "{}",
            fill("{name} is described like this already").with("name", &after.organisation.name)
        )?;
    } else {
        writeln!(
            out,
            "{}",
            fill("{name} is described anew").with("name", &after.organisation.name)
        )?;
    }
    show(&after.organisation, out)
}

fn show(one: &Organisation, out: &mut impl Write) -> anyhow::Result<()> {
    let mut lines = vec![
        ("id", one.id.to_string()),
        ("name", one.name.clone()),
        ("country", one.country.clone()),
        (
            "kind",
            words::word(one.kind.map_or("not said", |it| it.as_str())),
        ),
        ("size", size_words(one)),
    ];
    let startup = one.startup.map(|it| say(if it { "yes" } else { "no" }));
    lines.extend(startup.map(|it| {
        (
            "start-up",
            fill("{answer}, as declared").with("answer", it).to_string(),
        )
    }));
    lines.extend(one.founded_on.map(|it| ("founded on", it.to_string())));
    let identifiers = one.identifiers.each();
    lines.extend(identifiers.filter_map(|(kind, value)| Some((kind, value?.to_owned()))));
    print::facts(&lines, 10, out)?;
    Ok(())
}

fn size_words(one: &Organisation) -> String {
    let size = say(&print::word(&one.size)).to_owned();
    match (one.size, &one.size_facts) {
        (_, Some(_)) => fill("{size}, by its accounts: `alcyone organisation size`")
            .with("size", &size)
            .to_string(),
        (SizeClass::Unclear, None) => {
            say("unclear: not declared, and no accounts are given").to_owned()
        }
        (_, None) => fill("{size}, as declared").with("size", &size).to_string(),
    }
}

fn as_file(one: &Organisation, out: &mut impl Write) -> anyhow::Result<()> {
    let kind = one.kind.ok_or_else(|| {
        Failure::Usage(say("its kind is not said yet: describe it anew with one").to_owned())
    })?;
    // Beside accounts the size is found, and a declared one could contradict them later.
    let declared = one.size_facts.is_none() && one.size != SizeClass::Unclear;
    let draft = OrganisationDraft {
        name: one.name.clone(),
        country: one.country.clone(),
        kind,
        startup: one.startup,
        founded_on: one.founded_on,
        identifiers: one.identifiers.clone(),
        size: declared.then_some(one.size),
        size_facts: one.size_facts.clone(),
    };
    write!(out, "{}", toml::to_string(&draft)?)?;
    Ok(())
}
