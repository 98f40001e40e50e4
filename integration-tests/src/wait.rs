use std::time::Duration;

/// Looks every 20 ms until there is something to see; panics with `what` when the time is up.
pub async fn until<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    };
    let in_time = tokio::time::timeout(limit, looking).await;
    in_time.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}
