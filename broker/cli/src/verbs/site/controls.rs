use std::io::Write;

use broker_client::Client;
use broker_client::wire::{ControlsView, LimitView, WindowView};
use broker_model::{Drain, Incident, OrganisationVeto, SiteId, SiteScope, Veto};
use jiff::Timestamp;

use crate::print;
use crate::words::{fill, say};

pub(super) async fn show(
    client: &Client,
    site: &SiteId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let set = client.controls(site).await?;
    if json {
        return print::json(&set, out);
    }
    if is_empty(&set) {
        writeln!(out, "{}", fill("{site}: nothing is set").with("site", site))?;
        return Ok(());
    }
    part("windows", &WINDOWS, set.windows.iter().map(window), out)?;
    part("drains", &DRAINS, set.drains.iter().map(drain), out)?;
    part(
        "incidents",
        &INCIDENTS,
        set.incidents.iter().map(incident),
        out,
    )?;
    part("vetoes", &VETOES, set.vetoes.iter().map(veto), out)?;
    let organisations = set.organisation_vetoes.iter().map(organisation_veto);
    part("refused organisations", &ORGANISATIONS, organisations, out)?;
    part("limits", &LIMITS, set.limits.iter().map(limit), out)
}

pub(super) async fn windows(
    client: &Client,
    site: &SiteId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let set = client.controls(site).await?;
    if json {
        return print::json(&set.windows, out);
    }
    let rows: Vec<Vec<String>> = set.windows.iter().map(window).collect();
    print::table(&WINDOWS, &rows, out)?;
    Ok(())
}

const WINDOWS: [&str; 7] = [
    "WINDOW",
    "SHARE",
    "WHERE",
    "FROM",
    "TO",
    "GPU-HOURS",
    "USED, HELD",
];
const DRAINS: [&str; 5] = ["DRAIN", "WHERE", "FROM", "UNTIL", "REASON"];
const INCIDENTS: [&str; 7] = [
    "INCIDENT", "KIND", "SEVERITY", "WHERE", "FROM", "TO", "TITLE",
];
const VETOES: [&str; 4] = ["VETO", "ALLOCATION", "SYSTEM", "REASON"];
const ORGANISATIONS: [&str; 5] = ["VETO", "ORGANISATION", "SYSTEM", "UNTIL", "REASON"];
const LIMITS: [&str; 4] = ["ORGANISATION", "AT ONCE", "QUEUED", "GPU-HOURS A MONTH"];

fn is_empty(set: &ControlsView) -> bool {
    let counts = [
        set.organisation_vetoes.len(),
        set.windows.len(),
        set.drains.len(),
        set.incidents.len(),
        set.vetoes.len(),
        set.limits.len(),
    ];
    counts.iter().all(|count| *count == 0)
}

fn part(
    name: &str,
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        writeln!(out, "{name}")?;
        print::table(head, &rows, out)?;
    }
    Ok(())
}

fn or_dash(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.to_string())
}

fn window(view: &WindowView) -> Vec<String> {
    let window = &view.window;
    vec![
        window.id.to_string(),
        window.share.to_string(),
        window.scope.to_string(),
        window.from.to_string(),
        window.to.to_string(),
        window.gpu.to_string(),
        format!("{}, {}", view.used, view.held),
    ]
}

fn drain(drain: &Drain) -> Vec<String> {
    vec![
        drain.id.to_string(),
        drain.scope.to_string(),
        drain.from.to_string(),
        or_dash(drain.until),
        drain.reason.clone(),
    ]
}

fn incident(incident: &Incident) -> Vec<String> {
    let affects: Vec<String> = incident.affects.iter().map(ToString::to_string).collect();
    let all = || SiteScope::default().to_string();
    vec![
        incident.id.to_string(),
        print::word(&incident.kind),
        print::word(&incident.severity),
        if affects.is_empty() {
            all()
        } else {
            affects.join(", ")
        },
        incident.from.to_string(),
        or_dash(incident.to),
        incident.title.clone(),
    ]
}

fn veto(veto: &Veto) -> Vec<String> {
    let system = veto.system.as_ref();
    vec![
        veto.id.to_string(),
        veto.allocation.to_string(),
        system.map_or_else(|| say("all").to_owned(), ToString::to_string),
        veto.reason.clone(),
    ]
}

fn organisation_veto(veto: &OrganisationVeto) -> Vec<String> {
    let system = veto.system.as_ref();
    vec![
        veto.id.to_string(),
        veto.organisation.to_string(),
        system.map_or_else(|| say("all").to_owned(), ToString::to_string),
        or_dash(veto.until),
        veto.reason.clone(),
    ]
}

fn limit(view: &LimitView) -> Vec<String> {
    let (limit, uses) = (&view.limit, &view.uses);
    let of = |has: u32, most: Option<u32>| match most {
        Some(most) => fill("{has} of {most}")
            .with("has", has)
            .with("most", most)
            .to_string(),
        None => has.to_string(),
    };
    let gpu = uses.gpu_used + uses.gpu_held;
    vec![
        limit.organisation.to_string(),
        of(uses.running.saturating_add(uses.queued), limit.max_at_once),
        of(uses.queued, limit.max_queued),
        match limit.gpu_per_month {
            Some(most) => fill("{gpu} of {most}")
                .with("gpu", gpu)
                .with("most", most)
                .to_string(),
            None => gpu.to_string(),
        },
    ]
}
