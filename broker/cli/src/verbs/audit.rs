use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use broker_client::Client;
use futures::StreamExt as _;
use serde_json::json;

use crate::cli::Audit;
use crate::config::{Place, Settings};
use crate::exit::Failure;
use crate::words::{fill, say};
use crate::{FileTokens, print};

mod file;
mod job;
mod kept;

pub(crate) async fn run(
    place: &Place,
    what: Audit,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match what {
        Audit::Export { file } => export(&place.settings()?, &file, as_json, out).await,
        Audit::Verify {
            file: Some(file),
            trusted_key,
            checkpoint,
            job: None,
        } => {
            let trusted = kept::trusted_offline(place, &trusted_key)?;
            file::verify(place, &file, &trusted, checkpoint.as_deref())?.print(as_json, out)
        }
        Audit::Verify {
            file: None,
            trusted_key,
            checkpoint,
            job: Some(job),
        } => {
            let settings = &place.settings()?;
            let client = client(settings)?;
            let head = client.checkpoint().await?;
            let trusted = kept::trusted(settings, &trusted_key, Some(&head.verifier_key))?;
            let now = kept::signed(&head.note, &trusted)?;
            kept::grown(settings, &client, checkpoint.as_deref(), &trusted, &now).await?;
            kept::keep(settings, &head.note)?;
            job::verify(&client, job, &now, as_json, out).await
        }
        Audit::Verify { .. } => {
            Err(Failure::Usage(say("give an export to verify, or --job JOB").to_owned()).into())
        }
    }
}

fn client(settings: &Settings) -> anyhow::Result<Client> {
    Ok(Client::new(
        &settings.broker,
        Box::new(FileTokens::open(settings)?),
    )?)
}

async fn export(
    settings: &Settings,
    file: &Path,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let client = client(settings)?;
    // Key and tree head are kept, so that another key, or an export without entries that were seen, is
    // noticed.
    let head = client.checkpoint().await?;
    let trusted = kept::trusted(settings, &[], Some(&head.verifier_key))?;
    let now = kept::signed(&head.note, &trusted)?;
    kept::grown(settings, &client, None, &trusted, &now).await?;
    kept::keep(settings, &head.note)?;
    let mut chunks = client.export().await?.bytes_stream();
    let mut written = File::create_new(file).map_err(|error| {
        Failure::Usage(
            fill("{file}: {error}; an export is never written over")
                .with("error", &error)
                .with("file", file.display())
                .to_string(),
        )
    })?;
    let mut bytes = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.with_context(|| {
            fill("the export broke off; remove {file} and try again")
                .with("file", file.display())
                .to_string()
        })?;
        bytes += chunk.len();
        written.write_all(&chunk)?;
    }
    written.sync_all()?;
    if as_json {
        print::json(&json!({ "file": file, "bytes": bytes }), out)?;
    } else {
        writeln!(
            out,
            "{}",
            fill("{file} written; check it with `alcyone audit verify {file}`")
                .with("file", file.display())
        )?;
    }
    Ok(0)
}
