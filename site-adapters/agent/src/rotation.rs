use std::time::Duration;

use broker_model::{Clock as _, SystemClock};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::HttpLink;

/// Looked at so often; a rotation that failed is tried again then.
const EVERY: Duration = Duration::from_hours(1);

/// Ends a rotation that was begun before the agent was killed, and then makes a new key whenever the
/// present one is so many days old (0: never), until the token is cancelled.
pub async fn keep_key_fresh(link: &HttpLink, days: u32, shutdown: CancellationToken) {
    match link.finish_rotation().await {
        Ok(true) => tracing::info!("the key that was begun before is in force"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "the key that was begun before is not in force yet"),
    }
    let age = SignedDuration::from_hours(i64::from(days) * 24);
    if days == 0 {
        return;
    }
    loop {
        let now = SystemClock.now();
        if now.duration_since(link.identity().key_made_at) >= age {
            match link.rotate(now).await {
                Ok(_) => tracing::info!("the agent has a new key"),
                Err(error) => tracing::warn!(%error, "the agent keeps its key for now"),
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
