use std::process::ExitCode;
use std::sync::Arc;

use broker_auth::Authenticator;
use broker_model::SystemClock;
use broker_store::Commits as _;

use crate::compose::{self, open_store};
use crate::config::Config;
use crate::println_out;

/// Tries what the configuration names, one line each; fails if one of them fails.
pub(crate) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut healthy = true;
    let mut line = |what: &str, result: anyhow::Result<String>| match result {
        Ok(words) => println_out(&format!("ok    {what}: {words}")),
        Err(error) => {
            healthy = false;
            println_out(&format!("wrong {what}: {error:#}"));
        }
    };
    line(
        "files",
        compose::check(config).map(|()| "policy, sites, keys and tokens can be read".to_owned()),
    );
    line("database", database(config).await);
    let auth = Authenticator::new(config.issuers.clone(), Arc::new(SystemClock))?;
    for issuer in &config.issuers {
        let metadata = auth.metadata(&issuer.issuer).await;
        let words = metadata.map(|_| "it answers and its keys can be fetched".to_owned());
        line(
            &format!("issuer {}", issuer.issuer),
            words.map_err(Into::into),
        );
    }
    for agent in &config.agents {
        line(
            &format!("agent token of {}", agent.site),
            token_mode(&agent.token_file),
        );
    }
    line("ledger key", token_mode(&config.ledger.key_file));
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn database(config: &Config) -> anyhow::Result<String> {
    let store = open_store(&config.database).await?;
    store.ready().await?;
    compose::check_schema(&store).await?;
    Ok("it answers and its schema is current".to_owned())
}

/// A secret that others can read is one no longer.
fn token_mode(file: &std::path::Path) -> anyhow::Result<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        anyhow::bail!(
            "{} can be read by others; run `chmod 600` on it",
            file.display()
        );
    }
    Ok(format!("{} is its owner's alone", file.display()))
}
