//! Invites by an operator's command: how the first agents come in.

use std::process::ExitCode;

use broker_app::{InviteOrder, NewInvite};
use broker_model::SiteId;

use crate::cli::InviteOptions;
use crate::compose::compose;
use crate::config::Config;
use crate::println_out;

/// Prints the invite alone on standard output, so that it can be handed on by a pipe.
pub(crate) async fn invite(options: InviteOptions) -> anyhow::Result<ExitCode> {
    let config = Config::load(&options.config)?;
    let order = InviteOrder::new(options.valid_hours, options.note.as_deref())?;
    let made = made(&config, &options.site, order).await?;
    println_out(&made.text);
    eprintln!(
        "one agent of {} may come in with it until {}; `alcyone-agent enrol` takes it",
        made.invite.site, made.invite.expires_at
    );
    Ok(ExitCode::SUCCESS)
}

async fn made(config: &Config, site: &SiteId, order: InviteOrder) -> anyhow::Result<NewInvite> {
    let composed = compose(config).await?;
    // A site may have been registered while the broker serves, and be in no file here.
    let refreshed = composed.broker.board().refresh(&composed.store).await;
    let made = match refreshed {
        Ok(_) => composed.broker.invite_agent(None, site, order).await,
        Err(error) => Err(error.into()),
    };
    composed.store.close().await;
    Ok(made?)
}

#[cfg(test)]
mod tests {
    use broker_model::{Controls, RegisteredSite, Site};
    use broker_store::{Change, Commits as _, SqlStore, StoreOptions, Write};

    use super::*;
    use crate::compose::new_ledger_key;

    fn config(folder: &std::path::Path) -> Config {
        let key = folder.join("ledger.pem");
        new_ledger_key("test.example/ledger", &key).unwrap();
        let folder = folder.display();
        toml::from_str(&format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            public_url = "http://127.0.0.1:8443"
            [database]
            url = "sqlite://{folder}/broker.db"
            [ledger]
            name = "test.example/ledger"
            key_file = "{folder}/ledger.pem"
            [[issuers]]
            issuer = "https://id.example.eu"
            audiences = ["https://broker.example.eu"]
            "#
        ))
        .unwrap()
    }

    #[tokio::test]
    async fn a_site_that_is_in_no_file_but_was_registered_gets_invites() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let url = config.database.url.clone().unwrap();
        let store = SqlStore::connect(&url, StoreOptions::default())
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let id: SiteId = "newone".parse().unwrap();
        let order = || InviteOrder::new(None, None).unwrap();
        let unknown = made(&config, &id, order()).await.unwrap_err();
        assert!(unknown.to_string().contains("no such site"), "{unknown}");

        let text = include_str!("../../../config/sites/lumi.toml");
        let mut site: Site = toml::from_str(text).unwrap();
        site.id = id.clone();
        let registered = RegisteredSite {
            site,
            controls: Controls::default(),
            file_sha256: None,
            retired_at: None,
            edited: true,
            changed_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            version: 0,
        };
        let change = Change {
            writes: vec![Write::PutRegisteredSite(Box::new(registered))],
            entries: Vec::new(),
        };
        store.commit(change).await.unwrap();
        let made = made(&config, &id, order()).await.unwrap();
        assert_eq!(made.invite.site, id);
    }
}
