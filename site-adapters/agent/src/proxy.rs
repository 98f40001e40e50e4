//! How the agent gets out: by itself, through the proxy that the environment names, or through the one
//! in its configuration.

use std::path::PathBuf;

use reqwest::{ClientBuilder, NoProxy, Proxy};
use url::Url;

use crate::HttpLinkError;

/// `HTTPS_PROXY` and `NO_PROXY` count without it; with it `NO_PROXY` counts still.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// `http://proxy.example.org:3128`, or `https://`. Inside, TLS goes from end to end (CONNECT).
    pub url: Url,
    /// One line, `user:password`.
    pub credentials_file: Option<PathBuf>,
}

pub(crate) fn through(
    builder: ClientBuilder,
    config: Option<&ProxyConfig>,
) -> Result<ClientBuilder, HttpLinkError> {
    let Some(config) = config else {
        return Ok(builder);
    };
    let made = Proxy::all(config.url.as_str()).map_err(HttpLinkError::Client)?;
    let mut proxy = made.no_proxy(NoProxy::from_env());
    if let Some(path) = &config.credentials_file {
        let text = std::fs::read_to_string(path).map_err(|source| HttpLinkError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let (user, password) = text
            .trim()
            .split_once(':')
            .ok_or_else(|| HttpLinkError::BadCredentials(path.clone()))?;
        proxy = proxy.basic_auth(user, password);
    }
    Ok(builder.proxy(proxy))
}
