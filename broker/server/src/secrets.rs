//! The files that the configuration names and nobody but the broker may read.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use crate::config::Config;

/// Bits that give everybody on the machine something.
const EVERYBODY: u32 = 0o007;

/// Every secret file with the key that names it.
pub(crate) fn named(config: &Config) -> Vec<(String, &Path)> {
    let mut files = vec![("ledger.key_file".to_owned(), &*config.ledger.key_file)];
    let tls = config.server.tls.as_ref();
    files.extend(tls.map(|tls| ("server.tls.key_file".to_owned(), &*tls.key_file)));
    let database = config.database.url_file.as_deref();
    files.extend(database.map(|file| ("database.url_file".to_owned(), file)));
    let bucket = config.files.s3.as_ref();
    files.extend(bucket.map(|s3| {
        let key = "files.s3.secret_access_key_file".to_owned();
        (key, &*s3.secret_access_key_file)
    }));
    for issuer in &config.issuers {
        let portal = issuer.portal.as_ref();
        let portal = portal.and_then(|portal| portal.client_secret_file.as_deref());
        let asking = issuer.introspection.as_ref();
        let asking = asking.and_then(|asking| asking.client_secret_file.as_deref());
        for (client, file) in [("portal", portal), ("introspection", asking)] {
            let key = format!("issuers.{client}.client_secret_file");
            files.extend(file.map(|file| (key, file)));
        }
    }
    files
}

/// Fails for a secret that is not there. A word of warning where everybody on the machine could read
/// it: not an error, since a container's secrets may be mounted so for the broker alone.
pub(crate) fn check(key: &str, file: &Path) -> anyhow::Result<Option<String>> {
    let place = || format!("{key}: {}", file.display());
    let found = std::fs::metadata(file).with_context(place)?;
    let open = found.permissions().mode() & EVERYBODY != 0;
    Ok(open.then(|| {
        format!(
            "{} can be read by everybody on this machine; run `chmod o-rwx` on it, and make a new secret",
            place()
        )
    }))
}

/// The warnings of all of them.
pub(crate) fn warnings(config: &Config) -> anyhow::Result<Vec<String>> {
    let checked = named(config)
        .into_iter()
        .map(|(key, file)| check(&key, file));
    let checked: Vec<Option<String>> = checked.collect::<anyhow::Result<_>>()?;
    Ok(checked.into_iter().flatten().collect())
}
