//! The policy set, and putting another in force without a restart.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use broker_app::{Broker, DecisionChange, PolicyComparison, SizeChange};
use broker_model::{Clock as _, SystemClock};
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy_engine::{Engine, Outcome};
use tokio::signal::unix::{SignalKind, signal};

use crate::compose::open_store;
use crate::config::Config;
use crate::println_out;

/// The set that the configuration names, or the one this program was built with.
pub(crate) fn load(config: &Config) -> anyhow::Result<Engine> {
    match &config.policy.dir {
        Some(dir) => of_folder(dir).with_context(|| format!("policy.dir: {}", dir.display())),
        None => Ok(Engine::shipped()?),
    }
}

/// Whoever writes it may be a day ahead of us.
fn of_folder(dir: &Path) -> anyhow::Result<Engine> {
    let in_a_day = SystemClock.now() + SignedDuration::from_hours(24);
    let latest = in_a_day.to_zoned(TimeZone::UTC).date();
    Ok(Engine::from_dir(dir)?.not_ahead_of(latest)?)
}

/// Reads the folder again at each SIGHUP. A set that cannot be read is told in the log, and the one before
/// stays in force.
pub(crate) async fn reload_on_hangup(broker: Broker, config: Config) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::error!(%error, "SIGHUP cannot be heard: the policy set stays until a restart");
            return;
        }
    };
    while hangups.recv().await.is_some() {
        if let Err(error) = reload(&broker, &config).await {
            tracing::error!(error = %format!("{error:#}"), "the policy set stays as it was");
        }
    }
}

async fn reload(broker: &Broker, config: &Config) -> anyhow::Result<()> {
    let config = config.clone();
    let policy = tokio::task::spawn_blocking(move || load(&config)).await??;
    put(broker, policy).await
}

async fn put(broker: &Broker, policy: Engine) -> anyhow::Result<()> {
    let digest = policy.digest().to_owned();
    broker.put_policy(policy).await?;
    tracing::info!(%digest, "the policy set in force");
    Ok(())
}

/// Says who would be decided on otherwise by the set of a folder.
pub(crate) async fn compare(
    config: &Config,
    folder: &Path,
    (on, as_json): (Option<Date>, bool),
) -> anyhow::Result<ExitCode> {
    let policy = of_folder(folder).with_context(|| folder.display().to_string())?;
    let store = open_store(&config.database).await?;
    crate::compose::check_schema(&store).await?;
    let current = load(config)?;
    let found = broker_app::compare_policies(&store, &policy, (&current, on)).await?;
    store.close().await;
    if as_json {
        println_out(&serde_json::to_string_pretty(&found)?);
    } else {
        tell(&found);
    }
    Ok(if found.changes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tell(found: &PolicyComparison) {
    for change in &found.changes {
        let DecisionChange {
            decision,
            organisation,
            rules,
            size,
            ..
        } = change;
        let rules = rules.join(" ");
        let size = size.as_ref().map(resized).unwrap_or_default();
        let (from, to) = (word(change.from), word(change.to));
        println_out(&format!(
            "{decision} of {organisation}: {from} -> {to} {rules}{size}"
        ));
    }
    println_out(&format!(
        "{} of {} decisions would be others under {}",
        found.changes.len(),
        found.asked,
        found.policy_digest
    ));
    if found.unreadable > 0 {
        println_out(&format!(
            "{} decisions cannot be read by this program and were not asked",
            found.unreadable
        ));
    }
}

/// No decision keeps the accounts that a size was found from.
fn resized(size: &SizeChange) -> String {
    format!(" (size {size}, by the accounts that it has now)")
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Eligible => "eligible",
        Outcome::NotEligible => "not_eligible",
        Outcome::NeedsEvidence => "needs_evidence",
        Outcome::NeedsReview => "needs_review",
    }
}

#[cfg(test)]
mod tests;
