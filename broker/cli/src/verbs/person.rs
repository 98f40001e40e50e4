//! What a person of a site does with jobs: `alcyone site confirmations` and its like.

use std::io::Write;

use broker_client::Client;
use broker_client::wire::{ConfirmationAnswer, ConfirmationDecision, HandoffView, JobView, Page};
use broker_model::{ConfirmationView, SiteId};

use crate::cli::PersonVerb;
use crate::print;
use crate::verbs::report;
use crate::words::{fill, say};

pub(crate) async fn run(
    client: &Client,
    verb: PersonVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        PersonVerb::Confirmations { site, script } => {
            let all = confirmations(client, &site).await?;
            waiting(&site, &all, script, json, out)
        }
        PersonVerb::Confirm { site, job } => {
            let answer = ConfirmationAnswer {
                decision: ConfirmationDecision::Confirm,
                reason: None,
            };
            let job = client.answer_confirmation(&site, job, &answer).await?;
            told(&job, "goes in", json, out)
        }
        PersonVerb::Decline { site, job, reason } => {
            let answer = ConfirmationAnswer {
                decision: ConfirmationDecision::Decline,
                reason: Some(reason),
            };
            let job = client.answer_confirmation(&site, job, &answer).await?;
            told(&job, "is declined", json, out)
        }
        PersonVerb::Handoffs { site } => handoffs(client, &site, json, out).await,
        PersonVerb::Report { site, job, file } => {
            let job = report::tell(client, &site, job, &file).await?;
            told(&job, "is noted", json, out)
        }
    }
}

fn told(job: &JobView, words: &str, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    if json {
        print::json(job, out)?;
    } else {
        writeln!(
            out,
            "{}",
            fill("{id} {words}: it is {state} now")
                .with("words", say(words))
                .with("id", job.id)
                .with("state", say(job.state.as_str()))
        )?;
    }
    Ok(0)
}

async fn confirmations(client: &Client, site: &SiteId) -> anyhow::Result<Vec<ConfirmationView>> {
    let mut all: Vec<ConfirmationView> = Vec::new();
    let mut cursor = None;
    loop {
        let page: Page<_> = client.confirmations(site, cursor.as_deref()).await?;
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

fn waiting(
    site: &SiteId,
    all: &[ConfirmationView],
    with_script: bool,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    if json {
        print::json(&all, out)?;
        return Ok(0);
    }
    if all.is_empty() {
        writeln!(
            out,
            "{}",
            fill("nothing waits for {site}").with("site", site)
        )?;
    }
    for one in all {
        one_waiting(one, out)?;
        for line in one.script.lines().filter(|_| with_script) {
            writeln!(out, "{:15} {}", say("script"), line.escape_debug())?;
        }
        writeln!(out)?;
    }
    Ok(0)
}

fn one_waiting(one: &ConfirmationView, out: &mut impl Write) -> anyhow::Result<()> {
    let asked = &one.resources;
    let sectors = match one.sectors.as_slice() {
        [] => say("no sector stated").to_owned(),
        sectors => sectors.join(", "),
    };
    let call = one
        .call_reference
        .as_deref()
        .unwrap_or_else(|| say("no call stated"));
    let size = serde_json::to_value(one.size)?;
    let lines = [
        ("job", format!("{} ({})", one.job, one.name)),
        (
            "waits",
            fill("since {waits_since}, until {expires_at}")
                .with("waits_since", one.waits_since)
                .with("expires_at", one.expires_at)
                .to_string(),
        ),
        ("partition", one.partition.to_string()),
        (
            "asks for",
            fill("{nodes} nodes, {gpus_per_node} GPUs a node, {walltime}")
                .with("nodes", asked.nodes)
                .with("gpus_per_node", asked.gpus_per_node)
                .with("walltime", asked.walltime)
                .to_string(),
        ),
        (
            "project",
            format!("{} ({call}; {sectors})", one.project_name),
        ),
        (
            "organisation",
            format!(
                "{} ({}, {}, {})",
                one.organisation_name,
                one.organisation,
                one.country,
                size.as_str().unwrap_or_default()
            ),
        ),
        ("paid by", format!("{} ({})", one.share, one.allocation)),
        (
            "owner",
            one.owner_name
                .clone()
                .unwrap_or_else(|| one.owner.to_string()),
        ),
        (
            "image",
            one.image.clone().unwrap_or_else(|| say("none").to_owned()),
        ),
        ("script sha256", one.script_sha256.clone()),
    ];
    print::facts(&lines, 15, out)?;
    let ground = { one.grounds.iter() }.map(|it| {
        (
            "ground",
            format!("{}: {} ({})", it.rule, it.words, it.source),
        )
    });
    print::facts(&ground.collect::<Vec<_>>(), 15, out)?;
    Ok(())
}

async fn handoffs(
    client: &Client,
    site: &SiteId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut all: Vec<HandoffView> = Vec::new();
    let mut cursor = None;
    loop {
        let page = client.handoffs(site, cursor.as_deref()).await?;
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if json {
        print::json(&all, out)?;
        return Ok(0);
    }
    let row = |one: &HandoffView| {
        let remote = one.remote_id.as_ref();
        vec![
            one.job.to_string(),
            one.attempt.to_string(),
            one.state.as_str().to_owned(),
            say(if one.fetched { "yes" } else { "no" }).to_owned(),
            remote.map_or_else(|| "-".to_owned(), ToString::to_string),
            one.partition.to_string(),
            one.allocation.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let head = [
        "JOB",
        "MARKER",
        "STATE",
        "FETCHED",
        "ID AT THE SITE",
        "PARTITION",
        "ALLOCATION",
    ];
    print::table(&head, &rows, out)?;
    Ok(0)
}
