//! What the broker keeps of the person who asks.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use broker_client::Client;
use serde_json::json;

use crate::cli::MeVerb;
use crate::exit::Failure;
use crate::print;
use crate::words::{fill, say};

pub(super) async fn run(
    client: &Client,
    verb: MeVerb,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        MeVerb::Export { output: None } => print::json(&client.export_me().await?, out)?,
        MeVerb::Export { output: Some(file) } => {
            let text = serde_json::to_string_pretty(&client.export_me().await?)?;
            written(&file, &text)?;
            if as_json {
                print::json(&json!({ "file": file, "bytes": text.len() }), out)?;
            } else {
                writeln!(
                    out,
                    "{}",
                    fill("{file} has all that is kept of you").with("file", file.display())
                )?;
            }
        }
        MeVerb::Erase { withdraw: true, .. } => {
            let kept = client.withdraw_erasure().await?;
            if as_json {
                print::json(&kept, out)?;
            } else {
                writeln!(
                    out,
                    "{}",
                    say("your request is withdrawn: you stay as you are")
                )?;
            }
        }
        MeVerb::Erase { .. } => erase(client, as_json, out).await?,
    }
    Ok(0)
}

async fn erase(client: &Client, as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let asked = client.request_erasure().await?;
    if as_json {
        return print::json(&asked, out);
    }
    let since = { asked.asked_at }
        .map(|at| fill(" since {at}").with("at", at).to_string())
        .unwrap_or_default();
    writeln!(out, "{}", fill("your request is with the operators{since}. Jobs of yours that are not over have to end first \
         (`alcyone jobs`), and `alcyone me export` gives you what is kept while it is. \
         `alcyone me erase --withdraw` takes it back").with("since", &since))?;
    for left in &asked.left_alone {
        writeln!(out, "{left}")?;
    }
    Ok(())
}

fn written(file: &Path, text: &str) -> anyhow::Result<()> {
    let shown = file.display();
    match private(file, text) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let words =
                fill("`{shown}` is there already, and is not written over: name another file")
                    .with("shown", &shown)
                    .to_string();
            Err(Failure::Usage(words).into())
        }
        found => found.with_context(|| {
            fill("cannot write `{shown}`")
                .with("shown", &shown)
                .to_string()
        }),
    }
}

/// A new file that its owner alone reads; one that is there is not written over.
fn private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true).mode(0o600);
    new.open(file)?.write_all(text.as_bytes())
}
