use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use anyhow::Context as _;
use broker_client::Client;
use broker_ledger::{Checkpoint, VerifierKey};
use futures::StreamExt as _;
use serde_json::json;

use crate::cli::Audit;
use crate::config::Settings;
use crate::exit::{Failure, chain};
use crate::{FileTokens, print};

mod job;
mod kept;

pub(crate) async fn run(
    settings: &Settings,
    what: Audit,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match what {
        Audit::Export { file } => export(settings, &file, as_json, out).await,
        Audit::Verify {
            file: Some(file),
            trusted_key,
            checkpoint,
            job: None,
        } => {
            let trusted = kept::trusted(settings, &trusted_key, None)?;
            verify_file(&file, &trusted, checkpoint.as_deref(), as_json, out)
        }
        Audit::Verify {
            file: None,
            trusted_key,
            checkpoint,
            job: Some(job),
        } => {
            let client = client(settings)?;
            let head = client.checkpoint().await?;
            let trusted = kept::trusted(settings, &trusted_key, Some(&head.verifier_key))?;
            let now = kept::signed(&head.note, &trusted)?;
            kept::grown(settings, &client, checkpoint.as_deref(), &trusted, &now).await?;
            kept::keep(settings, &head.note)?;
            job::verify(&client, job, &now, as_json, out).await
        }
        Audit::Verify { .. } => {
            Err(Failure::Usage("give an export to verify, or --job JOB".to_owned()).into())
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
    // The key seen first is kept, so that a later export signed by another one is noticed.
    let seen = client.checkpoint().await?.verifier_key;
    kept::trusted(settings, &[], Some(&seen))?;
    let mut chunks = client.export().await?.bytes_stream();
    let mut written = File::create_new(file).map_err(|error| {
        Failure::Usage(format!(
            "{}: {error}; an export is never written over",
            file.display()
        ))
    })?;
    let mut bytes = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.with_context(|| {
            format!(
                "the export broke off; remove {} and try again",
                file.display()
            )
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
            "{} written; check it with `alcyone audit verify {0}`",
            file.display()
        )?;
    }
    Ok(0)
}

fn verify_file(
    file: &Path,
    trusted: &[VerifierKey],
    checkpoint: Option<&Path>,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let known: Option<Checkpoint> = checkpoint
        .map(|path| kept::read_checkpoint(path, trusted))
        .transpose()?;
    let reader =
        File::open(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    let verified =
        broker_ledger::export::verify_with(BufReader::new(reader), trusted, known.as_ref())
            .map_err(|error| {
                Failure::Verification(format!("{}: {}", file.display(), chain(&error)))
            })?;
    if as_json {
        print::json(&verified, out)?;
        return Ok(0);
    }
    writeln!(
        out,
        "{}: {} entries, {} checkpoint(s), root {}",
        verified.origin, verified.entries, verified.checkpoints, verified.root
    )?;
    for (kind, count) in &verified.kinds {
        writeln!(out, "  {count:>8}  {kind}")?;
    }
    writeln!(out, "verified: every entry is under a signed root")?;
    Ok(0)
}
