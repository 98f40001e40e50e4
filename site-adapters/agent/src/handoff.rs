//! `alcyone-agent handoff`: a person at the site fetches the jobs that are carried there, and tells
//! what becomes of them.

mod told;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use broker_model::{Clock as _, HandoffRef, HandoffView, SystemClock};
use clap::Subcommand;
use site_adapter::{HandoffReportRequest, HandoffScriptRequest, HandoffsRequest};
use site_agent::settings::Settings;

use crate::compose;
use crate::local_user::local_user;
use told::Told;

#[derive(Debug, Subcommand)]
pub(crate) enum Handoff {
    /// List what is carried to this site and not settled, oldest first
    List,
    /// Fetch the batch script of one; hand it in once, as it is
    Script {
        /// The job's id, or its marker (`att_…`)
        job: HandoffRef,
        /// Write it there instead of printing it
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Tell what became of one; the same report again changes nothing
    Report {
        /// The job's id, or its marker (`att_…`), which is its name in the scheduler
        job: HandoffRef,
        #[command(subcommand)]
        told: Told,
    },
}

pub(crate) async fn run(settings: &Settings, what: &Handoff) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match what {
        Handoff::List => list(settings, &mut out).await?,
        Handoff::Script { job, output } => {
            script(settings, *job, output.as_deref(), &mut out).await?;
        }
        Handoff::Report { job, told } => report(settings, *job, told, &mut out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(settings: &Settings, out: &mut impl Write) -> anyhow::Result<()> {
    let link = compose::link(settings)?;
    let mut request = HandoffsRequest {
        agent: link.identity().agent,
        site: settings.agent.site.clone(),
        after: None,
    };
    loop {
        let reply = link.handoffs(&request).await?;
        if reply.carried.is_empty() {
            break;
        }
        request.after = reply.carried.last().map(|one| one.attempt);
        for one in &reply.carried {
            show(one, out)?;
        }
    }
    if request.after.is_none() {
        writeln!(out, "nothing is carried to {}", settings.agent.site)?;
    }
    Ok(())
}

fn show(one: &HandoffView, out: &mut impl Write) -> std::io::Result<()> {
    let asked = &one.resources;
    let fetched = if one.fetched {
        "fetched"
    } else {
        "not fetched"
    };
    writeln!(
        out,
        "{} ({}) as {} is {}, its script is {fetched}",
        one.job,
        one.name,
        one.attempt,
        one.state.as_str()
    )?;
    writeln!(
        out,
        "  {}: {} nodes, {} GPUs a node, {}; owner {}",
        one.partition, asked.nodes, asked.gpus_per_node, asked.walltime, one.owner
    )?;
    if let Some(remote_id) = &one.remote_id {
        writeln!(out, "  at the site it is {remote_id}")?;
    }
    if one.cancel_requested {
        writeln!(out, "  its owner asks for it to be cancelled")?;
    }
    Ok(())
}

async fn script(
    settings: &Settings,
    job: HandoffRef,
    output: Option<&Path>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let link = compose::link(settings)?;
    let request = HandoffScriptRequest {
        agent: link.identity().agent,
        site: settings.agent.site.clone(),
        job,
        local_user: local_user()?,
    };
    let reply = link.handoff_script(&request).await?;
    let Some(file) = output else {
        out.write_all(reply.text.as_bytes())?;
        return Ok(());
    };
    let name = file.display();
    std::fs::write(file, &reply.text).with_context(|| format!("cannot write `{name}`"))?;
    writeln!(out, "{name} is ready. Hand it in once, as it is.")?;
    Ok(())
}

async fn report(
    settings: &Settings,
    job: HandoffRef,
    told: &Told,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let link = compose::link(settings)?;
    let request = HandoffReportRequest {
        agent: link.identity().agent,
        site: settings.agent.site.clone(),
        job,
        local_user: local_user()?,
        report: told.report(SystemClock.now())?,
    };
    let reply = link.report_handoff(&request).await?;
    let (event, state) = (request.report.event(), reply.state.as_str());
    writeln!(out, "{job} is told as {event}: it is {state} now")?;
    Ok(())
}
