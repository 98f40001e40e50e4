//! `alcyone-agent confirm`: a person at the site lets jobs in, or sends them away.

use std::io::Write;
use std::process::ExitCode;

use broker_model::{ConfirmationView, JobId};
use clap::Args;
use site_adapter::{ConfirmRequest, ConfirmationsRequest};
use site_agent::settings::Settings;

use crate::compose;
use crate::local_user::local_user;

#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// Lists what waits, oldest first, and says nothing to it.
    #[arg(long, conflicts_with_all = ["job", "decline"])]
    list: bool,
    /// The job to let in.
    #[arg(required_unless_present = "list")]
    job: Option<JobId>,
    /// Sends the job away instead; its user reads the reason.
    #[arg(long, requires = "reason")]
    decline: bool,
    /// Why it is declined.
    #[arg(long, requires = "decline")]
    reason: Option<String>,
}

pub(crate) async fn run(settings: &Settings, asked: &Confirm) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let Some(job) = asked.job else {
        return list(settings, &mut out).await;
    };
    let link = compose::link(settings)?;
    let request = ConfirmRequest {
        agent: link.identity().agent,
        site: settings.agent.site.clone(),
        job,
        local_user: local_user()?,
        decline: asked.reason.clone(),
    };
    let reply = link.confirm(&request).await?;
    let words = if asked.decline {
        "is declined"
    } else {
        "goes in"
    };
    let state = reply.state.as_str();
    writeln!(out, "{job} {words}: it is {state} now")?;
    Ok(ExitCode::SUCCESS)
}

async fn list(settings: &Settings, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let link = compose::link(settings)?;
    let mut request = ConfirmationsRequest {
        agent: link.identity().agent,
        site: settings.agent.site.clone(),
        after: None,
    };
    loop {
        let reply = link.confirmations(&request).await?;
        if reply.waiting.is_empty() {
            break;
        }
        request.after = reply.waiting.last().map(|one| one.job);
        for one in &reply.waiting {
            show(one, out)?;
        }
    }
    if request.after.is_none() {
        writeln!(out, "nothing waits for {}", settings.agent.site)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(one: &ConfirmationView, out: &mut impl Write) -> std::io::Result<()> {
    let asked = &one.resources;
    let call = one.call_reference.as_deref().unwrap_or("no call stated");
    writeln!(
        out,
        "{} ({}) waits since {}",
        one.job, one.name, one.waits_since
    )?;
    writeln!(
        out,
        "  {}: {} nodes, {} GPUs a node, {}, paid by {}",
        one.partition, asked.nodes, asked.gpus_per_node, asked.walltime, one.share
    )?;
    writeln!(
        out,
        "  {} ({call}) of {}, {}; owner {}",
        one.project_name, one.organisation_name, one.country, one.owner
    )?;
    let image = one.image.as_deref().unwrap_or("none");
    writeln!(out, "  image {image}, script sha256 {}", one.script_sha256)?;
    for ground in &one.grounds {
        writeln!(
            out,
            "  {}: {} ({})",
            ground.rule, ground.words, ground.source
        )?;
    }
    Ok(())
}
