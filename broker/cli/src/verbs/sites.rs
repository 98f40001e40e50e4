use std::io::Write;

use broker_client::Client;
use broker_client::wire::SiteView;
use broker_model::{Partition, PartitionSnapshot, SiteId, SiteReadiness, System};

use crate::print;
use crate::words::{fill, say};

pub(crate) async fn run(
    client: &Client,
    site: Option<SiteId>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let single = site.is_some();
    let sites = match site {
        Some(site) => vec![client.site(&site).await?],
        None => client.sites().await?.items,
    };
    if json {
        print::json(&sites, out)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = sites.iter().flat_map(rows).collect();
    let head = [
        "SITE",
        "STATE",
        "PARTITION",
        "TARGET",
        "GPUS A NODE",
        "NODES FREE",
        "QUEUED",
    ];
    print::table(&head, &rows, out)?;
    for view in &sites {
        if let Some(reason) = &view.reason {
            writeln!(out, "{}: {reason}", view.site.id)?;
        }
        if single && let Some(words) = word_counts(view) {
            writeln!(out, "{}: {words}", view.site.id)?;
        }
        kinds(view, out)?;
        notices(view, out)?;
        if single {
            uncertain(view, out)?;
        }
    }
    let mut marked = sites.iter().flat_map(|it| &it.site.systems);
    let is_marked = |it: &Partition| SHOWN.iter().any(|field| it.uncertain.names(field));
    let listed = single && sites.iter().any(|it| !it.site.uncertainties().is_empty());
    if listed || marked.any(|it| it.partitions.iter().any(is_marked)) {
        writeln!(out, "{}", say(UNCERTAIN))?;
    }
    Ok(0)
}

const UNCERTAIN: &str = "`?` and `uncertain` stand by what was not read with certainty; ask the site itself \
                         before you count on it";

/// What the table shows of a partition's description; the rest it has from the scheduler.
const SHOWN: [&str; 3] = ["id", "container_target", "gpus_per_node"];

/// All that the site's document marks, part by part: most of it stands in no table.
fn uncertain(view: &SiteView, out: &mut impl Write) -> anyhow::Result<()> {
    let site = &view.site.id;
    for of in view.site.uncertainties() {
        let fields = of.fields.join(", ");
        let words = if of.part.is_empty() {
            fill("{site}: uncertain: {fields}")
        } else {
            fill("{site}: uncertain of {part}: {fields}").with("part", &of.part)
        };
        writeln!(out, "{}", words.with("site", site).with("fields", fields))?;
    }
    Ok(())
}

/// How old the site's word is, and how long it counts.
fn word_counts(view: &SiteView) -> Option<String> {
    if view.readiness == SiteReadiness::Unknown {
        return None;
    }
    let (heard_at, expires_at) = (view.heard_at?, view.expires_at?);
    Some(
        fill("heard at {heard_at}; that counts until {expires_at}")
            .with("heard_at", heard_at)
            .with("expires_at", expires_at)
            .to_string(),
    )
}

/// Systems and partitions that are not what the table makes one think: of another kind, or hanging on another.
fn kinds(view: &SiteView, out: &mut impl Write) -> anyhow::Result<()> {
    for system in &view.site.systems {
        let (site, id) = (&view.site.id, &system.id);
        let kind = match &system.accelerator_kind {
            Some(kind) => format!(" ({kind})"),
            None => String::new(),
        };
        match &system.integrated_in {
            Some(host) => writeln!(
                out,
                "{}",
                fill("{site}: {id}{kind} hangs on {host}")
                    .with("site", site)
                    .with("id", id)
                    .with("kind", &kind)
                    .with("host", host)
            )?,
            None if kind.is_empty() => {}
            None => writeln!(out, "{site}: {id}{kind}")?,
        }
        for partition in &system.partitions {
            if let Some(kind) = &partition.accelerator_kind {
                writeln!(out, "{site}: {id}/{} ({kind})", partition.id)?;
            }
        }
    }
    Ok(())
}

/// What its administrators tell: drains, incidents and maintenance that are on or to come.
fn notices(view: &SiteView, out: &mut impl Write) -> anyhow::Result<()> {
    let site = &view.site.id;
    for drain in &view.drains {
        let until = match drain.until {
            Some(until) => fill(" until {until}").with("until", until).to_string(),
            None => String::new(),
        };
        let (scope, from, reason) = (&drain.scope, drain.from, &drain.reason);
        writeln!(
            out,
            "{}",
            fill("{site}: {scope} takes no new jobs from {from}{until}: {reason}")
                .with("site", site)
                .with("scope", scope)
                .with("from", from)
                .with("until", &until)
                .with("reason", reason)
        )?;
    }
    for incident in &view.incidents {
        let to = match incident.to {
            Some(to) => fill(" to {to}").with("to", to).to_string(),
            None => String::new(),
        };
        let (kind, severity) = (print::word(&incident.kind), print::word(&incident.severity));
        let (kind, severity) = (say(&kind), say(&severity));
        let (title, from) = (&incident.title, incident.from);
        writeln!(
            out,
            "{}",
            fill("{site}: {kind} ({severity}) from {from}{to}: {title}")
                .with("site", site)
                .with("kind", kind)
                .with("severity", severity)
                .with("from", from)
                .with("to", &to)
                .with("title", title)
        )?;
        let newest = incident.updates.last().map(|it| &it.words);
        writeln!(out, "  {}", newest.unwrap_or(&incident.words))?;
    }
    Ok(())
}

fn rows(view: &SiteView) -> Vec<Vec<String>> {
    let partitions = view.site.systems.iter().flat_map(|system| {
        system
            .partitions
            .iter()
            .map(move |partition| (system, partition))
    });
    partitions
        .map(|(system, partition)| row(view, system, partition))
        .collect()
}

fn row(view: &SiteView, system: &System, partition: &Partition) -> Vec<String> {
    let heard = view
        .snapshot
        .iter()
        .flat_map(|snapshot| &snapshot.partitions);
    let seen: Option<&PartitionSnapshot> =
        { heard }.find(|seen| seen.system == system.id && seen.partition == partition.id);
    let free = |seen: &PartitionSnapshot| {
        fill("{nodes_free} of {nodes_total}")
            .with("nodes_free", seen.nodes_free)
            .with("nodes_total", seen.nodes_total)
            .to_string()
    };
    let [id, target, gpus] = SHOWN.map(|field| {
        let is_uncertain = partition.uncertain.names(field);
        if is_uncertain { "?" } else { "" }
    });
    vec![
        view.site.id.to_string(),
        print::word(&view.readiness),
        format!("{}/{}{id}", system.id, partition.id),
        format!("{}{target}", partition.container_target),
        format!("{}{gpus}", partition.gpus_per_node),
        seen.map_or_else(|| "-".to_owned(), free),
        seen.map_or_else(|| "-".to_owned(), |seen| seen.jobs_queued.to_string()),
    ]
}
