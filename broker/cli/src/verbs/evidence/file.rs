use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use broker_client::Client;
use broker_model::{EvidenceFile, EvidenceId, OrganisationId};
use serde_json::json;

use super::upload;
use crate::cli::FileVerb;
use crate::exit::Failure;
use crate::print;
use crate::verbs::own;
use crate::words::{fill, say};

pub(super) async fn run(
    client: &Client,
    verb: FileVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match verb {
        FileVerb::Add {
            evidence,
            files,
            organisation,
        } => {
            let files = upload::read(&files)?;
            let of = own::organisation_option(client, organisation).await?;
            match upload::send(client, (of, evidence), &files).await? {
                Some(last) => super::said(&last, json, out),
                None => Ok(()),
            }
        }
        FileVerb::Get {
            evidence,
            file,
            output,
            organisation,
        } => {
            let of = own::organisation_option(client, organisation).await?;
            let file = named(client, (of, evidence), &file).await?;
            get(
                client,
                (of, evidence),
                (&file, output.as_deref()),
                json,
                out,
            )
            .await
        }
    }
}

async fn get(
    client: &Client,
    of: (OrganisationId, EvidenceId),
    (file, output): (&EvidenceFile, Option<&Path>),
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if json && output.is_none() {
        let words = "the bytes of a file are no JSON: say where they go with --output";
        return Err(Failure::Usage(say(words).to_owned()).into());
    }
    let bytes = client.evidence_file(of, &file.sha256).await?;
    let Some(path) = output else {
        out.write_all(&bytes)?;
        return Ok(());
    };
    std::fs::write(path, &bytes).with_context(|| {
        fill("cannot write `{path}`")
            .with("path", path.display())
            .to_string()
    })?;
    if json {
        let (media_type, bytes) = (&file.media_type, bytes.len());
        let told = json!({ "file": path, "media_type": media_type, "bytes": bytes });
        return print::json(&told, out);
    }
    let (path, bytes) = (path.display(), bytes.len());
    writeln!(
        out,
        "{}",
        fill("{path}: {bytes} bytes of {media_type}")
            .with("path", &path)
            .with("bytes", bytes)
            .with("media_type", &file.media_type)
    )?;
    Ok(())
}

/// The only one of that name, or whose digest begins like that.
async fn named(
    client: &Client,
    (of, id): (OrganisationId, EvidenceId),
    text: &str,
) -> anyhow::Result<EvidenceFile> {
    let all = client.evidence(of).await?;
    let found = all.into_iter().find(|it| it.id == id);
    let found = found.ok_or_else(|| {
        Failure::Usage(
            fill("{of} has no {id}: `alcyone evidence {of}` lists it all")
                .with("of", of)
                .with("id", id)
                .to_string(),
        )
    })?;
    let is_meant = |it: &&EvidenceFile| it.name == text || it.sha256.starts_with(text);
    let mut meant = found.files.iter().filter(is_meant);
    if let (Some(only), None) = (meant.next(), meant.next()) {
        return Ok(only.clone());
    }
    let line = |it: &EvidenceFile| format!("\n  {}  {}", it.sha256, it.name);
    let lines: String = found.files.iter().map(line).collect();
    let which = if found.files.is_empty() {
        fill("{id} has no file").with("id", id).to_string()
    } else {
        fill("which file? `{text}` names none or several of {id}:{lines}")
            .with("text", text)
            .with("id", id)
            .with("lines", &lines)
            .to_string()
    };
    Err(Failure::Usage(which).into())
}
