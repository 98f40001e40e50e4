use std::io::Write;
use std::path::Path;

use broker_client::Client;
use broker_model::StateName;

use crate::verbs::{check, logs};
use crate::{jobfile, print};

pub(crate) async fn quote(
    client: &Client,
    file: &Path,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let quote = client.quote(&jobfile::read(file)?).await?;
    let would_run = quote.placement.as_ref().is_some_and(|placement| placement.chosen.is_some());
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

pub(crate) async fn submit(
    client: &Client,
    file: &Path,
    key: Option<String>,
    wait: bool,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let spec = jobfile::read(file)?;
    let key = key.unwrap_or_else(fresh_key);
    let job = submit_with_retry(client, &spec, &key).await?;
    if json && !wait {
        print::json(&job, out)?;
        return Ok(0);
    }
    if !json {
        let place = job.partition.as_ref().map_or_else(|| "waits for a site".to_owned(), |partition| format!("goes to {partition}"));
        writeln!(out, "{} {place}", job.id)?;
    }
    if !wait {
        return Ok(0);
    }
    if !json {
        logs::run(client, job.id, "stdout", true, false, out).await?;
    }
    let mut job = client.job(job.id).await?;
    let mut events = client.events(job.id, None).await?;
    while !job.state.is_final() && events.next().await?.is_some() {
        job = client.job(job.id).await?;
    }
    if json {
        print::json(&job, out)?;
    } else {
        writeln!(out, "{} {}", job.id, job.state.as_str())?;
    }
    Ok(u8::from(job.state != StateName::Completed))
}

/// A submission whose answer was lost is sent again under the same key: never a second job.
async fn submit_with_retry(
    client: &Client,
    spec: &broker_model::JobSpec,
    key: &str,
) -> anyhow::Result<broker_client::wire::JobView> {
    match client.submit(spec, key).await {
        Err(broker_client::Error::Unreachable { .. }) => Ok(client.submit(spec, key).await?),
        answer => Ok(answer?),
    }
}

fn fresh_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}
