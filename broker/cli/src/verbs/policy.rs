//! Policies before they take effect: what they would change.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use broker_client::Client;
use broker_client::wire::{
    DecisionChangeView, PolicyComparisonQuery, PolicyComparisonView, PolicyView, SizeChangeView,
};

use super::check;
use crate::cli::{CompareArgs, PolicyVerb};
use crate::exit::Failure;
use crate::print;
use crate::words::{fill, say};

/// What a policy folder has, and how its files end.
const PARTS: [(&str, &str); 4] = [
    ("modes", "toml"),
    ("rules", "cedar"),
    ("tables", "toml"),
    ("words", "toml"),
];

pub(super) async fn run(
    client: &Client,
    verb: PolicyVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        PolicyVerb::List => list(client, json, out).await,
        PolicyVerb::Compare(args) => compare(client, &args, json, out).await,
    }
}

async fn list(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let all = client.policies().await?;
    if json {
        print::json(&all, out)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let head = ["POLICY", "STATE", "DECISIONS", "FIRST", "LAST"];
    print::table(&head, &rows, out)?;
    Ok(0)
}

fn row(one: &PolicyView) -> Vec<String> {
    let state = match (one.in_force, one.kept) {
        (true, _) => "in force",
        (false, true) => "kept",
        (false, false) => "not kept: its decisions cannot be made again",
    };
    let day = |at: Option<jiff::Timestamp>| at.map_or_else(|| "-".to_owned(), |it| it.to_string());
    vec![
        one.policy_digest.clone(),
        say(state).to_owned(),
        one.decisions.to_string(),
        day(one.first_at),
        day(one.last_at),
    ]
}

/// Exit code 1 where a decision would be another.
async fn compare(
    client: &Client,
    args: &CompareArgs,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut query = PolicyComparisonQuery {
        against: args.against.clone(),
        on: args.on,
        ..PolicyComparisonQuery::default()
    };
    match args.policy.to_str().filter(|it| it.starts_with("sha256:")) {
        Some(digest) => query.policy = Some(digest.to_owned()),
        None => query.files = Some(files(&args.policy)?),
    }
    let found = client.compare_policies(query).await?;
    if json {
        print::json(&found, out)?;
    } else {
        tell(&found, out)?;
    }
    Ok(u8::from(!found.changes.is_empty()))
}

fn tell(found: &PolicyComparisonView, out: &mut impl Write) -> anyhow::Result<()> {
    for DecisionChangeView {
        decision,
        organisation,
        from,
        to,
        rules,
        size,
        ..
    } in &found.changes
    {
        let (from, to) = (check::plain(from), check::plain(to));
        let rules = rules.iter().cloned().chain(size.map(resized));
        let rules = rules.collect::<Vec<_>>().join(" ");
        writeln!(
            out,
            "{}",
            fill("{decision} of {organisation}: {from} -> {to} {rules}")
                .with("decision", decision)
                .with("organisation", organisation)
                .with("from", &from)
                .with("to", &to)
                .with("rules", &rules)
        )?;
    }
    let (changed, asked) = (found.changes.len(), found.asked);
    let digest = &found.policy_digest;
    writeln!(
        out,
        "{}",
        fill("{changed} of {asked} decisions would be others under {digest}; nothing took effect")
            .with("changed", changed)
            .with("asked", asked)
            .with("digest", digest)
    )?;
    if found.unreadable > 0 {
        let many = found.unreadable;
        writeln!(
            out,
            "{}",
            fill("{many} decisions cannot be read by this broker and were not asked")
                .with("many", many)
        )?;
    }
    Ok(())
}

/// No decision keeps the accounts that a size was found from.
fn resized(SizeChangeView { from, to }: SizeChangeView) -> String {
    fill("(size {from} -> {to}, by the accounts that it has now)")
        .with("from", check::plain(&from))
        .with("to", check::plain(&to))
        .to_string()
}

/// The files of a policy folder by name; others are left alone, and `words` need not be there.
fn files(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        Failure::Usage(
            fill("{path} cannot be read: {error}")
                .with("error", error)
                .with("path", path.display())
                .to_string(),
        )
    };
    let mut files = BTreeMap::new();
    for (part, extension) in PARTS {
        let inside = folder.join(part);
        if part == "words" && !inside.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&inside).map_err(|error| unreadable(&inside, &error))? {
            let path = entry.map_err(|error| unreadable(&inside, &error))?.path();
            if path.extension().is_none_or(|it| it != extension) {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            files.insert(format!("{part}/{file}"), text);
        }
    }
    Ok(files)
}
