use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use broker_auth::Authenticator;
use broker_model::{SiteId, SystemClock};
use broker_store::{Commits as _, Sites as _};

use crate::compose::{self, open_store};
use crate::config::Config;
use crate::{files, println_out, roles, secrets};

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
        compose::check(config).map(|_| {
            "policy, sites, terms, support centres, keys, certificate and tokens can be read"
                .to_owned()
        }),
    );
    line("database", database(config).await);
    line("files of evidence", files::try_out(&config.files).await);
    line("roles", role_sites(config).await);
    let auth = Authenticator::new(config.issuers.clone(), Arc::new(SystemClock))?;
    for issuer in &config.issuers {
        line(
            &format!("issuer {}", issuer.issuer),
            issuer_keys(&auth, &issuer.issuer).await,
        );
    }
    for (key, file) in secrets::named(config) {
        let private = format!("{} is not for everybody", file.display());
        let checked = secrets::check(&key, file);
        line(
            &key,
            checked.map(|warning| {
                warning.map_or(private, |warning| format!("but careful: {warning}"))
            }),
        );
    }
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

/// Whether every site that a role is given at is there: by its file, or in the registry.
async fn role_sites(config: &Config) -> anyhow::Result<String> {
    let store = open_store(&config.database).await?;
    let registered = store.registered_versions().await?;
    let filed = compose::sites(config)?;
    let is_known = |id: &SiteId| {
        registered.iter().any(|(site, _)| site == id) || filed.iter().any(|site| site.id == *id)
    };
    let unknown = roles::unknown_sites(&config.issuers, is_known);
    match unknown.first() {
        Some(words) => bail!("{words}"),
        None => Ok("every site that a role is given at is registered".to_owned()),
    }
}

/// What the issuer says of itself, and the keys that its tokens are verified with.
async fn issuer_keys(auth: &Authenticator, issuer: &str) -> anyhow::Result<String> {
    auth.metadata(issuer).await?;
    let keys = auth.signing_keys(issuer).await?;
    Ok(format!("it answers, and {keys} of its keys can be used"))
}
