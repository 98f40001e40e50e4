//! `alcyone review`: what waits for a reviewer, and what they find.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use broker_client::Client;
use broker_model::{
    Application, ApplicationVerdict, Evidence, EvidenceFinding, OrganisationId, RulingDraft,
    ScreeningDraft, ScreeningOutcome,
};
use jiff::Timestamp;
use serde_json::json;

use super::keyed::Keyed;
use super::{application, own, submit};
use crate::cli::{ReviewVerb, ScreeningArgs};
use crate::print;
use crate::words::{fill, say};

pub(super) async fn queue(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let evidence = client.evidence_to_check().await?;
    let applications = client.applications_to_decide().await?;
    if json {
        print::json(
            &json!({ "evidence": evidence, "applications": applications }),
            out,
        )?;
        return Ok(0);
    }
    let of = evidence.iter().map(|it| it.organisation);
    let of = of.chain(applications.iter().map(|it| it.organisation));
    let names = names(client, of.collect()).await;
    let of_applications = applications.iter().map(|it| application_row(it, &names));
    let of_evidence = evidence.iter().map(|it| evidence_row(it, &names));
    let mut rows: Vec<_> = of_evidence.chain(of_applications).collect();
    rows.sort_by_key(|(since, _)| *since);
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
    let head = ["SINCE", "WHAT", "ABOUT", "ORGANISATION", "DECIDED BY"];
    print::table(&head, &rows, out)?;
    if !rows.is_empty() {
        writeln!(
            out,
            "{}",
            say(
                "`alcyone evidence ORG` and `alcyone application show ID` show what they hold, \
             `alcyone review evidence` and `alcyone review application` decide"
            )
        )?;
    }
    Ok(0)
}

type Names = BTreeMap<OrganisationId, String>;

/// Whose it is; one whose description cannot be read now is told by its id alone.
async fn names(client: &Client, of: BTreeSet<OrganisationId>) -> Names {
    let mut names = Names::new();
    for id in of {
        if let Ok(found) = client.organisation(id).await {
            names.insert(id, found.organisation.name);
        }
    }
    names
}

fn named(id: OrganisationId, names: &Names) -> String {
    match names.get(&id) {
        Some(name) => format!("{name} ({id})"),
        None => id.to_string(),
    }
}

/// With when it was handed in; what a setup file brought has no such moment, and is the oldest.
fn evidence_row(one: &Evidence, names: &Names) -> (Option<Timestamp>, Vec<String>) {
    let row = vec![
        since(one.added_at),
        one.id.to_string(),
        format!("{}, {}", one.kind.0, files(one.files.len())),
        named(one.organisation, names),
        say("not promised").to_owned(),
    ];
    (one.added_at, row)
}

/// One without a file is nothing but its owner's word.
fn files(number: usize) -> String {
    match number {
        0 => say("NO FILE").to_owned(),
        1 => say("1 file").to_owned(),
        several => fill("{several} files").with("several", several).to_string(),
    }
}

fn application_row(one: &Application, names: &Names) -> (Option<Timestamp>, Vec<String>) {
    let row = vec![
        since(Some(one.applied_at)),
        one.id.to_string(),
        fill("{mode} at {system}")
            .with("mode", &one.mode)
            .with("system", &one.system)
            .to_string(),
        named(one.organisation, names),
        application::clock(one, own::today()),
    ];
    (Some(one.applied_at), row)
}

fn since(at: Option<Timestamp>) -> String {
    at.map_or_else(
        || "-".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%MZ").to_string(),
    )
}

pub(super) async fn run(
    client: &Client,
    verb: ReviewVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        ReviewVerb::Evidence {
            organisation,
            evidence,
            accept: accepted,
            again,
            words,
            files,
            ..
        } => {
            let finding = EvidenceFinding {
                accepted,
                words,
                files: (!files.is_empty()).then_some(files),
                again,
            };
            let checked = client
                .check_evidence(organisation, evidence, &finding)
                .await?;
            if json {
                print::json(&checked, out)?;
            } else {
                let found = if accepted { "checked" } else { "refused" };
                writeln!(
                    out,
                    "{}",
                    fill("{evidence}: {kind} is {found}")
                        .with("evidence", evidence)
                        .with("found", say(found))
                        .with("kind", &checked.kind.0)
                )?;
            }
        }
        ReviewVerb::Screening(args) => screening(client, args, json, out).await?,
        ReviewVerb::Application {
            application,
            accept,
            reasons,
            key,
            ..
        } => {
            if let Some(site) = accept.twice() {
                let words = fill("--local-account names {site} twice: say one account there");
                anyhow::bail!("{}", words.with("site", site));
            }
            let grant = accept.grant();
            let verdict = match grant {
                Some(_) => ApplicationVerdict::Accept,
                None => ApplicationVerdict::Reject,
            };
            let ruling = RulingDraft {
                verdict,
                reasons,
                grant,
            };
            let making = Keyed::new(key, "it was decided", "decides twice");
            let ruled = making.send(async |key| client.rule(application, &ruling, key).await);
            decided(ruled.await, json, out)?;
        }
    }
    Ok(0)
}

async fn screening(
    client: &Client,
    args: ScreeningArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let of = args.organisation;
    let draft = ScreeningDraft {
        kind: args.kind,
        person: args.person,
        list: args.list,
        screened_on: args.on,
        expires_on: args.expires,
        outcome: if args.clear {
            ScreeningOutcome::Clear
        } else {
            ScreeningOutcome::Unsettled
        },
        words: args.words,
    };
    let making = Keyed::new(args.key, "it was recorded", "records it twice");
    let made = making.send(async |key| client.record_screening(of, &draft, key).await);
    let made = made.await?;
    if json {
        return print::json(&made, out);
    }
    let found = if args.clear { "clear" } else { "unsettled" };
    let whom = args
        .person
        .map_or_else(|| of.to_string(), |it| it.to_string());
    writeln!(
        out,
        "{}",
        fill("{id}: {kind} of {whom} is {found}")
            .with("whom", &whom)
            .with("found", say(found))
            .with("id", made.id)
            .with("kind", &made.kind.0)
    )?;
    Ok(())
}

fn decided(
    ruled: Result<Application, super::keyed::Lost>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match ruled {
        Ok(decided) if json => print::json(&decided, out),
        Ok(decided) => application::show(&decided, own::today(), out),
        Err(lost) => {
            if !json {
                submit::reasons((say("the organisation"), &lost.error), out)?;
            }
            Err(lost.into())
        }
    }
}
