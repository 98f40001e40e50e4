use std::time::Duration;

use broker_model::{Clock as _, SystemClock};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::HttpLink;

/// Looked at so often: once the broker has a new key the old one counts for some minutes only, and the
/// answer that says so may be lost.
const EVERY: Duration = Duration::from_mins(1);

/// Puts a new key in force whenever the present one is so many days old (0: never), and one that was
/// begun and is not in force yet, until the token is cancelled.
pub async fn keep_key_fresh(link: &HttpLink, days: u32, shutdown: CancellationToken) {
    loop {
        look(link, days).await;
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn look(link: &HttpLink, days: u32) {
    // Begun by an agent that was killed, or before an answer was lost, or by `rotate-key` beside this.
    match link.finish_rotation().await {
        Ok(true) => tracing::info!("the key that was begun before is in force"),
        Ok(false) if is_old(link, days) => match link.rotate(SystemClock.now()).await {
            Ok(_) => tracing::info!("the agent has a new key"),
            Err(error) => tracing::warn!(%error, "the agent keeps its key for now"),
        },
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(%error, "the key that was begun before is not in force yet");
        }
    }
}

fn is_old(link: &HttpLink, days: u32) -> bool {
    let age = SystemClock
        .now()
        .duration_since(link.identity().key_made_at);
    days > 0 && age >= SignedDuration::from_hours(i64::from(days) * 24)
}
