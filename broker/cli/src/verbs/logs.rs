use std::io::Write;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker_client::wire::{JobView, LogView};
use broker_client::{Client, Error, Event};
use broker_model::JobId;

/// How often in a row a stream is taken up again without an event in between.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);

/// What of a job's log to print, and how.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) stream: &'static str,
    pub(crate) follow: bool,
    pub(crate) json: bool,
}

/// Prints a log. A stream that breaks, or whose token ends, is taken up again where it was.
pub(crate) async fn run(
    client: &Client,
    job: JobId,
    log: &Log,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut last = None;
    let mut failures = 0;
    loop {
        let before = last.clone();
        let broken = match once(client, job, log, &mut last, out).await {
            Ok(Next::Done) => return Ok(0),
            Ok(Next::Reconnect) => None,
            Err(error) => Some(passing(error)?),
        };
        failures = if last == before { failures + 1 } else { 0 };
        if failures == TRIES {
            let words = "the log broke off again and again; run the same command once more";
            return Err(broken.map_or_else(|| anyhow::anyhow!(words), anyhow::Error::from));
        }
        tokio::time::sleep(PAUSE * failures).await;
    }
}

/// Waits until a job is over, across broken streams and ended tokens.
pub(crate) async fn over(client: &Client, id: JobId) -> anyhow::Result<JobView> {
    let mut failures = 0;
    loop {
        match changed(client, id).await {
            Ok(job) if job.state.is_final() => return Ok(job),
            Ok(_) => failures = 0,
            Err(error) => {
                failures += 1;
                if failures == TRIES {
                    return Err(error.into());
                }
                passing(error.into())?;
                tokio::time::sleep(PAUSE * failures).await;
            }
        }
    }
}

/// The job as it is once its stream of events ends; at once when it is over.
async fn changed(client: &Client, id: JobId) -> Result<JobView, Error> {
    let job = client.job(id).await?;
    if job.state.is_final() {
        return Ok(job);
    }
    let mut events = client.events(id, None).await?;
    while events.next().await?.is_some() {}
    client.job(id).await
}

enum Next {
    Done,
    /// The stream ended before the log did: go on from here.
    Reconnect,
}

async fn once(
    client: &Client,
    job: JobId,
    log: &Log,
    last: &mut Option<String>,
    out: &mut impl Write,
) -> anyhow::Result<Next> {
    let mut events = client
        .logs(job, log.stream, log.follow, last.as_deref())
        .await?;
    while let Some(event) = events.next().await? {
        match event.kind.as_str() {
            "end" => return Ok(Next::Done),
            "log" => {
                write(&event, log.json, out)?;
                *last = event.id;
            }
            "token" | "error" => return Ok(Next::Reconnect),
            _ => {}
        }
    }
    Ok(Next::Reconnect)
}

/// The error back if trying again may help: the way to the broker, or a broker that is just starting.
fn passing(error: anyhow::Error) -> anyhow::Result<Error> {
    match error.downcast::<Error>()? {
        error @ Error::Unreachable { .. } => Ok(error),
        Error::Problem(problem) if matches!(problem.status, 502..=504) => {
            Ok(Error::Problem(problem))
        }
        error => Err(error.into()),
    }
}

fn write(event: &Event, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", event.data)?;
        out.flush()?;
        return Ok(());
    }
    let view: LogView = serde_json::from_str(&event.data)?;
    match view.base64 {
        Some(exact) => out.write_all(&STANDARD.decode(exact)?)?,
        None => out.write_all(view.text.as_bytes())?,
    }
    out.flush()?;
    Ok(())
}
