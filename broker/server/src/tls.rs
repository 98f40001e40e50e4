use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsConfig;

/// Reads certificate and key as the server will, and checks that they belong together.
pub(crate) fn check(config: &TlsConfig) -> anyhow::Result<()> {
    let place = || {
        let file = config.certificate_file.display();
        format!("server.tls.certificate_file: {file}")
    };
    let certificates = CertificateDer::pem_file_iter(&config.certificate_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(place)?;
    if certificates.is_empty() {
        bail!("{} has no certificate in PEM", place());
    }
    let key = PrivateKeyDer::from_pem_file(&config.key_file)
        .with_context(|| format!("server.tls.key_file: {}", config.key_file.display()))?;
    rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .with_context(|| {
            format!(
                "server.tls: {} and {} do not go together",
                config.certificate_file.display(),
                config.key_file.display()
            )
        })?;
    Ok(())
}
