use std::io::{BufReader, Write};
use std::path::Path;

use anyhow::Context as _;
use broker_client::Client;
use broker_ledger::{Checkpoint, Hash, VerifierKey, leaf_hash, verify_inclusion};
use broker_model::JobId;
use futures::StreamExt as _;
use serde_json::json;

use crate::cli::Audit;
use crate::config::Settings;
use crate::exit::Failure;
use crate::{FileTokens, print};

pub(crate) async fn run(
    settings: &Settings,
    what: Audit,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match what {
        Audit::Export { file } => export(settings, &file, out).await,
        Audit::Verify { file: Some(file), trusted_key, checkpoint, job: None } => {
            let trusted = trusted(settings, &trusted_key, None)?;
            verify_file(&file, &trusted, checkpoint.as_deref(), as_json, out)
        }
        Audit::Verify { file: None, trusted_key, job: Some(job), .. } => {
            verify_job(settings, job, &trusted_key, as_json, out).await
        }
        Audit::Verify { .. } => {
            Err(Failure::Usage("give an export to verify, or --job JOB".to_owned()).into())
        }
    }
}

async fn export(settings: &Settings, file: &Path, out: &mut impl Write) -> anyhow::Result<u8> {
    let client = client(settings)?;
    // The key seen first is kept, so that a later export signed by another one is noticed.
    let seen = client.checkpoint().await?.verifier_key;
    trusted(settings, &[], Some(&seen))?;
    let mut chunks = client.export().await?.bytes_stream();
    let mut written = std::fs::File::create_new(file)
        .with_context(|| format!("{}: an export is never written over", file.display()))?;
    while let Some(chunk) = chunks.next().await {
        written.write_all(&chunk.context("the export broke off; remove the file and try again")?)?;
    }
    written.sync_all()?;
    writeln!(out, "{} written; check it with `alcyone audit verify {0}`", file.display())?;
    Ok(0)
}

fn verify_file(
    file: &Path,
    trusted: &[VerifierKey],
    checkpoint: Option<&Path>,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let known = checkpoint.map(|path| read_checkpoint(path, trusted)).transpose()?;
    let reader = std::fs::File::open(file).with_context(|| format!("{}", file.display()))?;
    let verified =
        broker_ledger::export::verify_with(BufReader::new(reader), trusted, known.as_ref())
            .map_err(|error| Failure::Verification(format!("{}: {}", file.display(), chain(&error))))?;
    if as_json {
        print::json(&verified, out)?;
        return Ok(0);
    }
    writeln!(out, "{}: {} entries, {} checkpoint(s), root {}", verified.origin, verified.entries,
        verified.checkpoints, verified.root)?;
    for (kind, count) in &verified.kinds {
        writeln!(out, "  {count:>8}  {kind}")?;
    }
    writeln!(out, "verified: every entry is under a signed root")?;
    Ok(0)
}

/// Fetches every entry of a job with its proof, and checks all of it here.
async fn verify_job(
    settings: &Settings,
    job: JobId,
    keys: &[String],
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let client = client(settings)?;
    let head = client.checkpoint().await?;
    let trusted = trusted(settings, keys, Some(&head.verifier_key))?;
    let checkpoint = Checkpoint::verify(&head.note, &trusted)
        .map_err(|error| Failure::Verification(chain(&error)))?;
    let page = client.entries(&[("job", job.to_string()), ("limit", "200".to_owned())]).await?;
    let mut rows = Vec::new();
    for entry in page.items.iter().filter(|entry| entry.seq < checkpoint.size) {
        let view = client.inclusion(entry.seq, Some(checkpoint.size)).await?;
        let proof: Result<Vec<Hash>, _> = view.proof.iter().map(|hash| hash.parse()).collect();
        let proof = proof.map_err(|error| Failure::Verification(chain(&error)))?;
        let leaf = leaf_hash(entry.entry.as_bytes());
        verify_inclusion(&leaf, entry.seq, checkpoint.size, &proof, &checkpoint.root)
            .map_err(|error| Failure::Verification(format!("entry {}: {}", entry.seq, chain(&error))))?;
        let body: serde_json::Value = serde_json::from_str(&entry.entry)?;
        rows.push(vec![
            entry.seq.to_string(),
            body["at"].as_str().unwrap_or("-").to_owned(),
            body["kind"].as_str().unwrap_or("-").to_owned(),
            proof.len().to_string(),
        ]);
    }
    if rows.is_empty() {
        let words = "no entry of this job is under a checkpoint yet; try again in a second";
        return Err(Failure::Verification(words.to_owned()).into());
    }
    if as_json {
        print::json(&json!({ "job": job, "tree_size": checkpoint.size, "root": checkpoint.root,
            "entries": rows.len(), "verified": true }), out)?;
        return Ok(0);
    }
    print::table(&["SEQ", "AT", "ENTRY", "PROOF HASHES"], &rows, out)?;
    writeln!(out, "verified: {} entries are in the signed tree of {} entries", rows.len(), checkpoint.size)?;
    Ok(0)
}

fn client(settings: &Settings) -> anyhow::Result<Client> {
    Ok(Client::new(&settings.broker, Box::new(FileTokens::open(settings)?))?)
}

fn read_checkpoint(path: &Path, trusted: &[VerifierKey]) -> anyhow::Result<Checkpoint> {
    let note = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    Ok(Checkpoint::verify(&note, trusted)
        .map_err(|error| Failure::Verification(format!("{}: {}", path.display(), chain(&error))))?)
}

/// The keys to trust: those given, else the one kept, else (and only online) the one seen now, which
/// is kept from then on.
fn trusted(settings: &Settings, given: &[String], seen: Option<&str>) -> anyhow::Result<Vec<VerifierKey>> {
    if !given.is_empty() {
        return given.iter().map(|key| parse(key)).collect();
    }
    let path = settings.home.join(format!("ledger-key-{}.txt", settings.broker_name()));
    let kept = std::fs::read_to_string(&path).ok();
    match (kept, seen) {
        (Some(kept), Some(seen)) if kept.trim() != seen.trim() => {
            let words = format!(
                "the broker shows another ledger key than the one kept in {}; ask its operator why, and \
                 give the right one with --trusted-key",
                path.display()
            );
            Err(Failure::Verification(words).into())
        }
        (Some(kept), _) => Ok(vec![parse(kept.trim())?]),
        (None, Some(seen)) => {
            std::fs::create_dir_all(&settings.home)?;
            std::fs::write(&path, format!("{seen}\n"))?;
            Ok(vec![parse(seen)?])
        }
        (None, None) => Err(Failure::Usage(
            "which key shall sign? give --trusted-key, as the broker's operator publishes it".to_owned(),
        )
        .into()),
    }
}

fn parse(key: &str) -> anyhow::Result<VerifierKey> {
    key.parse().map_err(|error| Failure::Usage(format!("`{key}` is no verifier key: {error}")).into())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
