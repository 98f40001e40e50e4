use std::io::Write;

use broker_client::Client;
use broker_client::wire::EntryView;
use broker_ledger::{Checkpoint, Hash, leaf_hash, verify_inclusion};
use broker_model::{EntryBody, JobId};
use serde_json::json;

use crate::exit::{Failure, chain};
use crate::print;
use crate::words::{fill, say};

/// Fetches every entry of a job with its proof, and checks all of it here.
///
/// What this cannot show is that the broker left an entry out; an export can, which holds all of them.
pub(super) async fn verify(
    client: &Client,
    job: JobId,
    checkpoint: &Checkpoint,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut rows = Vec::new();
    for entry in entries(client, job, checkpoint.size).await? {
        rows.push(proven(client, job, &entry, checkpoint).await?);
    }
    if rows.is_empty() {
        let words = "no entry of this job is under a checkpoint yet; try again in a second";
        return Err(Failure::Verification(say(words).to_owned()).into());
    }
    if as_json {
        let verified = json!({ "job": job, "tree_size": checkpoint.size, "root": checkpoint.root,
            "entries": rows.len(), "verified": true });
        print::json(&verified, out)?;
        return Ok(0);
    }
    print::table(&["SEQ", "AT", "ENTRY", "PROOF HASHES"], &rows, out)?;
    writeln!(
        out,
        "{}",
        fill("verified: {rows} entries are in the signed tree of {size} entries")
            .with("rows", rows.len())
            .with("size", checkpoint.size)
    )?;
    Ok(0)
}

async fn entries(client: &Client, job: JobId, size: u64) -> anyhow::Result<Vec<EntryView>> {
    let mut entries = Vec::new();
    let mut cursor = None;
    loop {
        let mut query = vec![("job", job.to_string()), ("limit", "200".to_owned())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = client.entries(&query).await?;
        entries.extend(page.items.into_iter().filter(|entry| entry.seq < size));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(entries);
        }
    }
}

/// One entry's line of the table, if it is this job's and in the tree.
async fn proven(
    client: &Client,
    job: JobId,
    entry: &EntryView,
    checkpoint: &Checkpoint,
) -> anyhow::Result<Vec<String>> {
    let wrong = |words: String| {
        Failure::Verification(
            fill("entry {seq}: {words}")
                .with("words", &words)
                .with("seq", entry.seq)
                .to_string(),
        )
    };
    let body: EntryBody =
        serde_json::from_str(&entry.entry).map_err(|error| wrong(error.to_string()))?;
    if body.job != Some(job) {
        return Err(wrong("it is not of this job".to_owned()).into());
    }
    let view = client.inclusion(entry.seq, Some(checkpoint.size)).await?;
    let proof: Result<Vec<Hash>, _> = view.proof.iter().map(|hash| hash.parse()).collect();
    let proof = proof.map_err(|error| wrong(chain(&error)))?;
    let leaf = leaf_hash(entry.entry.as_bytes());
    verify_inclusion(&leaf, entry.seq, checkpoint.size, &proof, &checkpoint.root)
        .map_err(|error| wrong(chain(&error)))?;
    Ok(vec![
        entry.seq.to_string(),
        body.at.to_string(),
        print::word(&body.kind),
        proof.len().to_string(),
    ])
}
