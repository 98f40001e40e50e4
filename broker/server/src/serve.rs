use std::time::Duration;

use site_agent::log_writer::LogWriter;

use crate::compose::{Composed, compose};
use crate::config::Config;
use crate::{contact, listen, policy, registry, revocations, roles, terms};

/// Serves API and portal and runs the loops until a signal.
pub(crate) async fn serve(config: Config, log: &LogWriter) -> anyhow::Result<()> {
    let listener = listen::bind(config.server.listen)?;
    let Composed {
        broker,
        store,
        auth,
        metrics,
        sealer,
        router,
    } = compose(&config).await?;
    log.register(metrics.registry())?;
    broker.keep_policy().await?;
    registry::adopt(&broker).await?;
    let is_known = |site: &broker_model::SiteId| broker.board().find(site).is_some();
    for words in roles::unknown_sites(&config.issuers, is_known) {
        tracing::warn!("{words}");
    }
    revocations::load(&broker, &auth).await?;
    tracing::info!(address = %config.server.listen, ledger = sealer.origin(), "serving");
    let watching = tokio::spawn(revocations::watch(broker.clone(), auth));
    let loops = tokio::spawn(broker_app::loops::run(broker.clone(), sealer));
    let reloading = tokio::spawn(policy::reload_on_hangup(broker.clone(), config.clone()));
    let rereading = tokio::spawn(terms::reload_on_hangup(broker.clone(), config.clone()));
    let asking = tokio::spawn(contact::reload_on_hangup(broker.clone(), config.clone()));
    let counting = tokio::spawn(count_commits(store.clone(), metrics));
    let served = listen::serve(&config.server, listener, router, broker.clone()).await;
    watching.abort();
    loops.abort();
    reloading.abort();
    rereading.abort();
    asking.abort();
    counting.abort();
    if let Err(error) = broker.enter_last_failed_logins().await {
        tracing::warn!(%error, "the last failed sign-ins were not entered");
    }
    store.close().await;
    served
}

/// Shows what the store counts of its commits.
pub(crate) async fn count_commits(
    store: broker_store::SqlStore,
    metrics: std::sync::Arc<broker_api::Metrics>,
) {
    let mut pace = tokio::time::interval(Duration::from_secs(5));
    loop {
        pace.tick().await;
        let stats = store.stats();
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        for (what, value) in [
            ("groups", stats.groups as f64),
            ("changes", stats.changes as f64),
        ] {
            metrics.commits(what, value);
        }
        metrics.commits("largest_group", f64::from(stats.largest_group));
        metrics.commits("seconds", stats.commit_seconds_sum);
    }
}
