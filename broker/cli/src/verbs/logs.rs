use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker_client::wire::LogView;
use broker_client::{Client, Error, Event};
use broker_model::JobId;

/// How often a stream that breaks is taken up again without a byte in between.
const TRIES: u32 = 10;

enum Next {
    Done,
    /// The stream ended before the log did: go on from here.
    Reconnect,
}

/// Prints a log. A stream that breaks, or whose token ends, is taken up again where it was.
pub(crate) async fn run(
    client: &Client,
    job: JobId,
    stream: &str,
    follow: bool,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut last = None;
    let mut failures = 0;
    while failures < TRIES {
        let before = last.clone();
        match once(client, job, stream, follow, &mut last, json, out).await {
            Ok(Next::Done) => return Ok(0),
            Ok(Next::Reconnect) | Err(Failed::Link(_)) if last != before => failures = 0,
            Ok(Next::Reconnect) => failures += 1,
            Err(Failed::Link(error)) => {
                failures += 1;
                if failures == TRIES {
                    return Err(error.into());
                }
            }
            Err(Failed::Other(error)) => return Err(error),
        }
        if failures > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(200 * u64::from(failures))).await;
        }
    }
    Ok(1)
}

enum Failed {
    Link(Error),
    Other(anyhow::Error),
}

async fn once(
    client: &Client,
    job: JobId,
    stream: &str,
    follow: bool,
    last: &mut Option<String>,
    json: bool,
    out: &mut impl Write,
) -> Result<Next, Failed> {
    let mut events = client.logs(job, stream, follow, last.as_deref()).await.map_err(link)?;
    loop {
        let Some(event) = events.next().await.map_err(link)? else { return Ok(Next::Reconnect) };
        match event.kind.as_str() {
            "end" => return Ok(Next::Done),
            "log" => {
                write(&event, json, out).map_err(Failed::Other)?;
                *last = event.id;
            }
            "token" | "error" => return Ok(Next::Reconnect),
            _ => {}
        }
    }
}

fn link(error: Error) -> Failed {
    match error {
        Error::Unreachable { .. } => Failed::Link(error),
        error => Failed::Other(error.into()),
    }
}

fn write(event: &Event, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", event.data)?;
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
