use std::io::Write;

use anyhow::Context as _;
use broker_client::Client;
use broker_client::wire::HandedIn;
use broker_model::{JobId, RemoteId};
use serde_json::json;

use crate::cli::{HandoffArgs, HandoffFormat};
use crate::print;
use crate::words::{fill, say};

/// Fetches what a person hands in, or says that they did.
pub(crate) async fn run(
    client: &Client,
    job: JobId,
    args: HandoffArgs,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    if let Some(remote_id) = &args.handed_in {
        return handed_in(client, job, remote_id, as_json, out).await;
    }
    let (what, query) = asked(&args);
    if matches!(args.format, HandoffFormat::Lexis) {
        warn_of_lexis(args.lexis_dataset.is_some());
    }
    let text = client.handoff(job, what, &query).await?;
    let Some(file) = &args.output else {
        if as_json {
            print::json(&json!({ "file": null, "text": text }), out)?;
        } else {
            out.write_all(text.as_bytes())?;
        }
        return Ok(0);
    };
    std::fs::write(file, &text).with_context(|| {
        fill("cannot write `{file}`")
            .with("file", file.display())
            .to_string()
    })?;
    if as_json {
        print::json(&json!({ "file": file, "bytes": text.len() }), out)?;
    } else {
        let file = file.display();
        writeln!(
            out,
            "{}",
            fill("{file} is ready. Hand it in once, as it is.").with("file", &file)
        )?;
    }
    Ok(0)
}

/// A workflow names a template of the site, which is what runs: on standard error, so that the file can
/// be piped on.
fn warn_of_lexis(has_dataset: bool) {
    let runs = if has_dataset {
        "the template runs what lies in the dataset"
    } else {
        "without `--lexis-dataset` what runs is the template's own, not the job's script"
    };
    let words = fill("the workflow holds neither the job's script nor its GPUs: {runs}");
    eprintln!("{}", words.with("runs", say(runs)));
}

fn asked(args: &HandoffArgs) -> (&'static str, Vec<(&'static str, String)>) {
    match args.format {
        HandoffFormat::Script => ("script", Vec::new()),
        HandoffFormat::Lexis => {
            let names = [
                ("project", &args.lexis_project),
                ("template", &args.lexis_template),
                ("dataset", &args.lexis_dataset),
                ("location", &args.lexis_location),
            ];
            let given = |(key, name): (_, &Option<String>)| Some((key, name.clone()?));
            ("lexis", names.into_iter().filter_map(given).collect())
        }
    }
}

async fn handed_in(
    client: &Client,
    job: JobId,
    remote_id: &str,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let remote_id = (remote_id != "-").then(|| RemoteId(remote_id.to_owned()));
    let view = client.handed_in(job, &HandedIn { remote_id }).await?;
    if as_json {
        print::json(&view, out)?;
    } else {
        writeln!(
            out,
            "{}",
            fill("{job} is noted as handed in; its site has to tell of it").with("job", job)
        )?;
    }
    Ok(0)
}
