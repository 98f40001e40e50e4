use std::io::Write;
use std::path::Path;

use broker_client::wire::JobView;
use broker_client::{Client, Error};
use broker_model::StateName;

use crate::verbs::keyed::Keyed;
use crate::verbs::logs::Log;
use crate::verbs::{check, logs};
use crate::words::{fill, say};
use crate::{jobfile, print};

pub(crate) async fn quote(
    client: &Client,
    file: &Path,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let quote = client.quote(&jobfile::read(file)?).await?;
    let would_run = quote.missing.is_empty()
        && quote
            .placement
            .as_ref()
            .is_some_and(|placement| placement.chosen.is_some());
    if json {
        print::json(&quote, out)?;
        return Ok(u8::from(!would_run));
    }
    match &quote.placement {
        Some(placement) => print::placement(placement, out)?,
        None => check::decision(say("this project"), &quote.eligibility, out)?,
    }
    check::missing(&quote.missing, out)?;
    Ok(u8::from(!would_run))
}

/// How a job is handed in, beside what the file says.
#[derive(Debug)]
pub(crate) struct How {
    pub(crate) key: Option<String>,
    pub(crate) wait: bool,
    pub(crate) json: bool,
}

pub(crate) async fn submit(
    client: &Client,
    file: &Path,
    how: How,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let spec = jobfile::read(file)?;
    let making = Keyed::new(how.key, "the job was accepted", "makes a second job");
    let job = match making
        .send(async |key| client.submit(&spec, key).await)
        .await
    {
        Ok(job) => job,
        Err(lost) => {
            if !how.json {
                reasons((say("this project"), &lost.error), out)?;
            }
            return Err(lost.into());
        }
    };
    if how.wait {
        return wait_for(client, &job, how.json, out).await;
    }
    if how.json {
        print::json(&job, out)?;
    } else {
        accepted(&job, out)?;
    }
    Ok(0)
}

fn accepted(job: &JobView, out: &mut impl Write) -> anyhow::Result<()> {
    match (&job.partition, job.waits()) {
        (Some(partition), Some(words)) => {
            writeln!(
                out,
                "{}",
                fill("{id} goes to {partition}, and waits for {words}")
                    .with("partition", partition)
                    .with("words", &words)
                    .with("id", job.id)
            )?;
        }
        (Some(partition), None) => writeln!(
            out,
            "{}",
            fill("{id} goes to {partition}")
                .with("partition", partition)
                .with("id", job.id)
        )?,
        (None, _) => writeln!(
            out,
            "{}",
            fill("{id} waits: no partition that could run it can take it now").with("id", job.id)
        )?,
    }
    Ok(())
}

/// Shows the log as it comes, and then how the job ended.
async fn wait_for(
    client: &Client,
    job: &JobView,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    if !json {
        accepted(job, out)?;
        logs::run(
            client,
            job.id,
            &Log {
                stream: "stdout",
                follow: true,
                json,
            },
            out,
        )
        .await?;
    }
    let job = logs::over(client, job.id).await?;
    if json {
        print::json(&job, out)?;
    } else {
        writeln!(out, "{} {}", job.id, job.state.as_str())?;
    }
    Ok(u8::from(job.state != StateName::Completed))
}

/// What the broker refused with: the table of partitions, or the rules that spoke.
pub(super) fn reasons((who, error): (&str, &Error), out: &mut impl Write) -> anyhow::Result<()> {
    let Error::Problem(problem) = error else {
        return Ok(());
    };
    if let Some(placement) = &problem.placement {
        print::placement(placement, out)?;
    }
    if let Some(decision) = &problem.decision {
        check::decision(who, decision, out)?;
    }
    for terms in &problem.terms {
        let (title, id, version) = (&terms.title, &terms.document, &terms.version);
        writeln!(
            out,
            "{}",
            fill("{title} ({id}, version {version}): {how}")
                .with("title", title)
                .with("id", id)
                .with("version", version)
                .with("how", &terms.how)
        )?;
    }
    Ok(())
}
