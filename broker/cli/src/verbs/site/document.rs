use std::io::Write;
use std::path::Path;

use broker_client::wire::{DifferenceView, Filed, FiledView};
use broker_client::{Client, Error};
use broker_model::{PartitionId, Site, SiteId, SiteScope, SystemId};
use serde_json::Value;

use crate::exit::Failure;
use crate::print;
use crate::words::{self, fill};
use crate::written::Written;

/// Reads what is registered first, so that a change by somebody else in between is refused and not lost.
pub(super) async fn import(
    client: &Client,
    file: &Path,
    dry_run: bool,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let site = read(file)?;
    let etag = match client.site_document(&site.id).await {
        Ok(known) => Some(known.etag),
        Err(Error::Problem(problem)) if problem.status == 404 => None,
        Err(error) => return Err(error.into()),
    };
    let filed = client.file_site(&site, etag.as_deref(), dry_run).await?;
    if json {
        print::json(&filed, out)?;
    } else {
        say(&filed, out)?;
    }
    Ok(0)
}

pub(super) async fn show(
    client: &Client,
    site: &SiteId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let document = client.site_document(site).await?.site;
    if json {
        return print::json(&document, out);
    }
    write!(out, "{}", toml::to_string(&document)?)?;
    Ok(())
}

/// Takes the site out, or the part of it that is named out of its document.
pub(super) async fn retire(
    client: &Client,
    site: &SiteId,
    scope: &SiteScope,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let Some(system) = &scope.system else {
        let removed = client.retire_site(site).await?;
        if json {
            print::json(&removed, out)?;
        } else {
            writeln!(out, "{}", fill("{site} is retired").with("site", site))?;
        }
        return Ok(0);
    };
    let known = client.site_document(site).await?;
    let mut document = known.site;
    if !without(&mut document, system, scope.partition.as_ref()) {
        return Err(Failure::Usage(
            fill("{site} has no {scope}")
                .with("site", site)
                .with("scope", scope)
                .to_string(),
        )
        .into());
    }
    let filed = client
        .file_site(&document, Some(&known.etag), false)
        .await?;
    if json {
        print::json(&filed, out)?;
    } else {
        say(&filed, out)?;
    }
    Ok(0)
}

/// Whether there was such a part.
fn without(site: &mut Site, system: &SystemId, partition: Option<&PartitionId>) -> bool {
    let Some(partition) = partition else {
        let before = site.systems.len();
        site.systems.retain(|it| it.id != *system);
        return site.systems.len() < before;
    };
    let Some(system) = site.systems.iter_mut().find(|it| it.id == *system) else {
        return false;
    };
    let before = system.partitions.len();
    system.partitions.retain(|it| it.id != *partition);
    system.partitions.len() < before
}

fn read(path: &Path) -> Result<Site, Failure> {
    let file = Written::open(path)?;
    let site: Site = file.read()?;
    site.validate().map_err(|errors| {
        let said: Vec<String> = errors.iter().map(|error| format!("\n  {error}")).collect();
        let said = said.concat();
        Failure::Usage(
            fill("{name} is not a site that can be registered:{said}")
                .with("said", &said)
                .with("name", &file.name)
                .to_string(),
        )
    })?;
    Ok(site)
}

fn say(filed: &FiledView, out: &mut impl Write) -> anyhow::Result<()> {
    let site = &filed.site;
    let words = match (filed.filed, filed.dry_run) {
        (Filed::Unchanged, _) => "is registered like this already",
        (Filed::New, true) => "would be registered",
        (Filed::New, false) => "is registered",
        (Filed::Changed, true) => "would change",
        (Filed::Changed, false) => "has changed",
    };
    writeln!(out, "{site} {}", words::say(words))?;
    // Of a new one everything differs: the file is the better reading.
    if filed.filed == Filed::Changed {
        for one in &filed.differences {
            writeln!(out, "  {}", line(one))?;
        }
    }
    for note in &filed.notes {
        writeln!(out, "{}", fill("note: {note}").with("note", note))?;
    }
    Ok(())
}

fn line(one: &DifferenceView) -> String {
    let field = &one.field;
    match (&one.from, &one.to) {
        (Some(from), Some(to)) => format!("{field}: {} -> {}", plain(from), plain(to)),
        (None, Some(to)) => fill("{field}: {answer} is new")
            .with("field", field)
            .with("answer", plain(to))
            .to_string(),
        (Some(from), None) => fill("{field}: {answer} is gone")
            .with("field", field)
            .with("answer", plain(from))
            .to_string(),
        (None, None) => field.clone(),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
