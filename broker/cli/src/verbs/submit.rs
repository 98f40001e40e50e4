use std::io::Write;
use std::path::Path;
use std::time::Duration;

use broker_client::wire::JobView;
use broker_client::{Client, Error};
use broker_model::{JobSpec, StateName};

use crate::verbs::logs::Log;
use crate::verbs::{check, logs};
use crate::{jobfile, print};

const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

pub(crate) async fn quote(
    client: &Client,
    file: &Path,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let quote = client.quote(&jobfile::read(file)?).await?;
    let would_run = quote
        .placement
        .as_ref()
        .is_some_and(|placement| placement.chosen.is_some());
    if json {
        print::json(&quote, out)?;
        return Ok(u8::from(!would_run));
    }
    match &quote.placement {
        Some(placement) => print::placement(placement, out)?,
        None => check::decision("this project", &quote.eligibility, out)?,
    }
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
    let key = how.key.unwrap_or_else(fresh_key);
    let job = match with_retry(client, &spec, &key).await {
        Ok(job) => job,
        Err(Lost { error, unclear }) => {
            if !how.json {
                reasons(&error, out)?;
            }
            return Err(lost(error, unclear, &key));
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
            writeln!(out, "{} goes to {partition}, and waits for {words}", job.id)?;
        }
        (Some(partition), None) => writeln!(out, "{} goes to {partition}", job.id)?,
        (None, _) => writeln!(
            out,
            "{} waits: no partition that could run it can take it now",
            job.id
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

/// A submission whose answer was lost, or that the broker cannot take just now, is sent again under
/// the same key: never a second job.
/// How handing in failed, and whether any try of it may have been accepted.
struct Lost {
    error: Error,
    unclear: bool,
}

async fn with_retry(client: &Client, spec: &JobSpec, key: &str) -> Result<JobView, Lost> {
    let (mut pause, mut unclear) = (FIRST_PAUSE, false);
    let mut left = TRIES;
    loop {
        left -= 1;
        let error = match client.submit(spec, key).await {
            Ok(job) => return Ok(job),
            Err(error) => error,
        };
        let passes = may_pass(&error);
        // A refusal of a later try is the answer to all; a login that ran out in between is none.
        unclear = passes || (unclear && matches!(error, Error::RanOut { .. }));
        if !passes || left == 0 {
            return Err(Lost { error, unclear });
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

fn may_pass(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Problem(problem) => {
            matches!(problem.status, 502..=504) || problem.code == "request-in-flight"
        }
        _ => false,
    }
}

/// What the broker refused with: the table of partitions, or the rules that spoke.
fn reasons(error: &Error, out: &mut impl Write) -> anyhow::Result<()> {
    let Error::Problem(problem) = error else {
        return Ok(());
    };
    if let Some(placement) = &problem.placement {
        print::placement(placement, out)?;
    }
    if let Some(decision) = &problem.decision {
        check::decision("this project", decision, out)?;
    }
    Ok(())
}

/// Nobody knows whether the job was accepted: says how to find out without a second one.
fn lost(error: Error, unclear: bool, key: &str) -> anyhow::Error {
    let error = anyhow::Error::from(error);
    if unclear {
        return error.context(format!(
            "whether the job was accepted is not known; the same command with `--key {key}` asks again \
             and never makes a second job"
        ));
    }
    error
}

fn fresh_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}
