//! Where the API server is and who the agent is there, as its files say it.

use kube::Config;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use site_adapter::{Error, ErrorKind, Result};

use crate::config::Access;

/// Reads the files anew.
pub(crate) async fn read(access: &Access) -> Result<Config> {
    match access {
        Access::InCluster => {
            Config::incluster().map_err(|error| local("the pod's service account", error))
        }
        Access::Kubeconfig { file, context } => {
            let read = Kubeconfig::read_from(file)
                .map_err(|error| local("`access.file` cannot be read", error))?;
            let options = KubeConfigOptions {
                context: context.clone(),
                ..KubeConfigOptions::default()
            };
            from_kubeconfig(read, &options).await
        }
        Access::Token {
            server,
            token_file,
            ca_file,
        } => {
            let uri = server.as_str().parse::<http::Uri>();
            let mut config = Config::new(uri.map_err(|error| local("`access.server`", error))?);
            config.root_cert_file.clone_from(ca_file);
            config.auth_info = AuthInfo {
                token_file: Some(token_file.to_string_lossy().into_owned()),
                ..AuthInfo::default()
            };
            Ok(config)
        }
    }
}

/// `HTTPS_PROXY` is the agent's way to its broker. The cluster is near, so its proxy is the one that the
/// kubeconfig names, or none.
async fn from_kubeconfig(read: Kubeconfig, options: &KubeConfigOptions) -> Result<Config> {
    let chosen = options.context.as_ref().or(read.current_context.as_ref());
    let context = read.contexts.iter().find(|c| Some(&c.name) == chosen);
    let cluster = context.and_then(|c| c.context.as_ref()).map(|c| &c.cluster);
    let cluster = read.clusters.iter().find(|c| Some(&c.name) == cluster);
    let proxy = cluster.and_then(|c| c.cluster.as_ref()?.proxy_url.clone());
    let mut config = Config::from_custom_kubeconfig(read, options)
        .await
        .map_err(|error| local("`access.file` has no such way", error))?;
    if proxy.is_none_or(|url| url.is_empty()) {
        config.proxy_url = None;
    }
    Ok(config)
}

pub(crate) fn local(
    what: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let source = error.into();
    Error::new(
        ErrorKind::Local,
        "configuration",
        format!("{what}: {source}"),
    )
    .caused_by(source)
}
