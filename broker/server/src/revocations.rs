//! Revocations by an operator's command, and how every replica comes to know of them.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use broker_app::{Broker, RevocationOrder};
use broker_auth::{Authenticator, IssuerConfig, Revoked};
use tokio::time::{MissedTickBehavior, interval};

use crate::cli::RevokeOptions;
use crate::compose::compose;
use crate::config::Config;
use crate::println_out;

/// How often a replica reads what is revoked. With the read itself a token is refused within two
/// seconds; while the database cannot be read, what was known before goes on counting.
const EVERY: Duration = Duration::from_secs(1);

/// Reads what is revoked; before the first request is answered.
pub(crate) async fn load(broker: &Broker, auth: &Authenticator) -> anyhow::Result<()> {
    let stored = broker.revocations().await?;
    auth.put_revocations(stored.into_iter().map(|revocation| Revoked {
        issuer: revocation.issuer,
        subject: revocation.subject,
        issued_until: revocation.issued_until,
    }));
    Ok(())
}

/// Goes on reading until the future is dropped.
pub(crate) async fn watch(broker: Broker, auth: Arc<Authenticator>) {
    let mut pace = interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        if let Err(error) = load(&broker, &auth).await {
            tracing::warn!(%error, "the revocations cannot be read, those known count");
        }
    }
}

pub(crate) async fn revoke(options: RevokeOptions) -> anyhow::Result<ExitCode> {
    let config = Config::load(&options.config)?;
    let issuer = configured(&config, &options.issuer)?;
    let subject = issuer.fold_subject(&options.subject);
    let composed = compose(&config).await?;
    let leeway = issuer.leeway_seconds;
    let done = match options.reason {
        Some(reason) => {
            let order = RevocationOrder {
                issuer: issuer.issuer.clone(),
                subject,
                reason,
                until: options.until,
            };
            revoke_now(&composed.broker, order, leeway).await
        }
        None => lift(&composed.broker, &issuer.issuer, &subject).await,
    };
    composed.store.close().await;
    done
}

async fn revoke_now(
    broker: &Broker,
    order: RevocationOrder,
    leeway_seconds: u32,
) -> anyhow::Result<ExitCode> {
    let subject = order.subject.clone();
    let done = broker.revoke(order).await?;
    let until = done.revocation.issued_until;
    println_out(&format!(
        "revoked: {} ({subject}); what was issued until {until} is refused within two seconds",
        done.person
    ));
    if until <= done.revocation.revoked_at {
        println_out(&format!(
            "a new sign-in counts (its token after {leeway_seconds} s, for clocks differ), and so does a token \
             that the issuer gives for a refresh token: revoke there too, or keep the person out with `--until`"
        ));
    }
    if done.first_seen {
        println_out("nobody with this subject was ever here; check how it is written");
    }
    Ok(ExitCode::SUCCESS)
}

async fn lift(broker: &Broker, issuer: &str, subject: &str) -> anyhow::Result<ExitCode> {
    if !broker.restore(issuer, subject).await? {
        bail!(
            "no revocation of {subject} at {issuer} is in force; `alcyone-broker revocations` lists them"
        );
    }
    println_out(&format!(
        "lifted: what {subject} has counts again until it expires"
    ));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn list(config: &Config) -> anyhow::Result<ExitCode> {
    let composed = compose(config).await?;
    let all = composed.broker.revocations().await?;
    if all.is_empty() {
        println_out("none is in force");
    }
    for it in all {
        println_out(&format!(
            "{} {}: revoked {}, up to {}: {}",
            it.issuer, it.subject, it.revoked_at, it.issued_until, it.reason
        ));
    }
    composed.store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// A revocation for an issuer that nobody uses would look done and do nothing.
fn configured<'a>(config: &'a Config, name: &str) -> anyhow::Result<&'a IssuerConfig> {
    let found = config.issuers.iter().find(|issuer| issuer.issuer == name);
    if let Some(issuer) = found {
        return Ok(issuer);
    }
    let names: Vec<&str> = config
        .issuers
        .iter()
        .map(|issuer| issuer.issuer.as_str())
        .collect();
    bail!(
        "--issuer {name}: the configuration has no such issuer; it has {}",
        names.join(", ")
    )
}
