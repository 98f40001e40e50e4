use std::io::Write;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker_client::wire::{JobView, LogView};
use broker_client::{Client, Error, Event};
use broker_model::JobId;

use crate::verbs::patience::Patience;

/// Between the end of a stream and the next while the job goes on: the broker answers, but may be about
/// to end.
const BETWEEN: Duration = Duration::from_secs(1);

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
    let mut patience = Patience::default();
    loop {
        let before = last.clone();
        let broken = match once(client, job, log, (&mut last, &mut patience), out).await {
            Ok(Next::Done) => return Ok(0),
            Ok(Next::Reconnect) => None,
            Err(error) => Some(passing(error)?),
        };
        if last != before {
            patience.renew();
        }
        let Some(pause) = patience.pause(Instant::now()) else {
            let words = "the log broke off again and again; run the same command once more";
            return Err(broken.map_or_else(|| anyhow::anyhow!(words), anyhow::Error::from));
        };
        tokio::time::sleep(pause).await;
    }
}

/// Waits until a job is over, across broken streams and ended tokens.
pub(crate) async fn over(client: &Client, id: JobId) -> anyhow::Result<JobView> {
    let mut patience = Patience::default();
    loop {
        let pause = match changed(client, id, &mut patience).await {
            Ok(job) if job.state.is_final() => return Ok(job),
            Ok(_) => {
                patience.renew();
                BETWEEN
            }
            Err(error) => {
                let error = passing(error.into())?;
                patience.pause(Instant::now()).ok_or(error)?
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// The job as it is once its stream of events ends; at once when it is over.
async fn changed(client: &Client, id: JobId, patience: &mut Patience) -> Result<JobView, Error> {
    let job = client.job(id).await?;
    if job.state.is_final() {
        return Ok(job);
    }
    let mut events = client.events(id, None).await?;
    patience.opened(Instant::now());
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
    (last, patience): (&mut Option<String>, &mut Patience),
    out: &mut impl Write,
) -> anyhow::Result<Next> {
    let mut events = client
        .logs(job, log.stream, log.follow, last.as_deref())
        .await?;
    patience.opened(Instant::now());
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

/// The error back if trying again may help: the way to the broker or to the issuer, or a broker that is
/// just starting.
fn passing(error: anyhow::Error) -> anyhow::Result<Error> {
    match error.downcast::<Error>()? {
        error @ (Error::Unreachable { .. } | Error::RanOut { .. }) => Ok(error),
        Error::Problem(problem) if matches!(problem.status, 502..=504) => {
            Ok(Error::Problem(problem))
        }
        error => Err(error.into()),
    }
}

pub(crate) fn write(event: &Event, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
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
