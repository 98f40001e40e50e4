//! `alcyone apply`: what is asked for, from a file, and the file to fill in.

mod form;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use broker_client::{Client, Error};
use broker_model::{
    Application, ApplicationDraft, ApplicationNeed, ApplicationProject, OrganisationId,
};
use serde::Deserialize;

use super::keyed::Keyed;
use super::said_aid::SaidAid;
use super::{application, own, submit};
use crate::cli::ApplyArgs;
use crate::exit::Failure;
use crate::print;
use crate::words::{fill, say};
use crate::written::Written;

/// What a person writes; the rest stands on the command line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    project: ApplicationProject,
    need: ApplicationNeed,
    #[serde(default)]
    aid: SaidAid,
    #[serde(default)]
    answers: BTreeMap<String, String>,
}

pub(super) async fn run(
    client: &Client,
    args: ApplyArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    if args.form {
        let of = own::organisation_option(client, args.organisation).await?;
        let asked = client
            .application_form(of, &args.mode, &args.system)
            .await?;
        if json {
            print::json(&asked, out)?;
        } else {
            form::write(&asked, of, out)?;
        }
        return Ok(0);
    }
    let path = args.file.as_deref().unwrap_or(Path::new("-"));
    let file = Written::open(path)?;
    let said: Said = file.read().map_err(|error| {
        Failure::Usage(
            fill("{error}\n`alcyone apply MODE SYSTEM --form` prints one to fill in")
                .with("error", &error)
                .to_string(),
        )
    })?;
    let of = own::organisation_option(client, args.organisation).await?;
    let draft = draft(of, (args.mode, args.system), said)?;
    let made = hand_in(client, (&file, &draft), args.key, json, out).await?;
    if json {
        print::json(&made, out)?;
    } else {
        writeln!(
            out,
            "{}",
            fill("{id} is handed in{promised}")
                .with("id", made.id)
                .with("promised", application::promised(&made))
        )?;
        writeln!(
            out,
            "{}",
            fill("`alcyone application show {id}` tells what becomes of it").with("id", made.id)
        )?;
    }
    Ok(0)
}

fn draft(
    of: OrganisationId,
    (mode, system): (String, String),
    said: Said,
) -> Result<ApplicationDraft, Failure> {
    Ok(ApplicationDraft {
        organisation: of,
        mode,
        system,
        project: said.project,
        need: said.need,
        aid: said.aid.declared()?,
        answers: said.answers,
    })
}

async fn hand_in(
    client: &Client,
    (file, draft): (&Written, &ApplicationDraft),
    key: Option<String>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<Application> {
    let making = Keyed::new(key, "the application was handed in", "makes a second one");
    let made = making
        .send(async |key| client.apply(draft, key).await)
        .await;
    let lost = match made {
        Ok(made) => return Ok(made),
        Err(lost) => lost,
    };
    if !json {
        submit::reasons((say("this organisation"), &lost.error), out)?;
    }
    let what = say("an application that can be handed in");
    Err(lost.explained(|error| match error {
        Error::Problem(_) => file.refused(error, what, json),
        error => error.into(),
    }))
}
