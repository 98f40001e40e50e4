use std::io::Write;

use broker_client::Client;
use broker_client::wire::JobView;
use broker_model::{JobId, Refusal};
use serde_json::json;

use crate::print;
use crate::words::{fill, say};

pub(crate) async fn show(
    client: &Client,
    id: JobId,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let job = client.job(id).await?;
    let placement = client.placement(id).await?;
    if as_json {
        print::json(&json!({ "job": job, "placement": placement }), out)?;
        return Ok(0);
    }
    facts(&job, out)?;
    writeln!(out)?;
    print::placement(&placement, out)?;
    Ok(0)
}

pub(crate) async fn cancel(
    client: &Client,
    id: JobId,
    as_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let job = client.cancel(id).await?;
    if as_json {
        print::json(&job, out)?;
    } else if job.state.is_final() {
        writeln!(out, "{}", fill("{id} is cancelled").with("id", id))?;
    } else {
        writeln!(
            out,
            "{}",
            fill("{id} will be cancelled once its site has confirmed").with("id", id)
        )?;
    }
    Ok(0)
}

fn facts(job: &JobView, out: &mut impl Write) -> anyhow::Result<()> {
    let mut lines = vec![
        ("job", format!("{} ({})", job.id, job.name)),
        ("state", say(job.state.as_str()).to_owned()),
        ("project", job.project.to_string()),
        ("rules found", job.decision.to_string()),
    ];
    lines.extend(job.waits().map(|words| ("waits for", words)));
    lines.extend(
        job.partition
            .as_ref()
            .map(|partition| ("partition", partition.to_string())),
    );
    lines.extend(
        job.remote_id
            .as_ref()
            .map(|id| ("id at the site", id.to_string())),
    );
    lines.extend(
        job.queue_reason
            .as_ref()
            .map(|reason| ("waits because", reason.clone())),
    );
    lines.extend(
        job.expected_start
            .map(|at| ("expected start", at.to_string())),
    );
    let refusal = |it: &Refusal| ("refused by", format!("{}: {}", it.partition, it.words));
    lines.extend(job.refusals.iter().map(refusal));
    lines.extend(job.started_at.map(|at| ("started", at.to_string())));
    lines.extend(job.ended_at.map(|at| ("ended", at.to_string())));
    if let Some(outcome) = &job.outcome {
        let code = outcome
            .exit_code
            .map(|code| fill(", exit code {code}").with("code", code).to_string())
            .unwrap_or_default();
        lines.push(("outcome", format!("{}{code}", outcome.site_words)));
    }
    print::facts(&lines, 15, out)?;
    Ok(())
}
