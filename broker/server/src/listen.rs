mod patience;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use broker_app::Broker;

use crate::config::ServerConfig;
use crate::listen::patience::Patience;

/// Binds before anything else is started, so that a port in use is said at once.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("server.listen: {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until SIGTERM or SIGINT. Then streams and long polls end, `/readyz` says so for the time of
/// notice, no more connections are taken, and requests may finish for the grace period.
pub(crate) async fn serve(
    config: &ServerConfig,
    listener: TcpListener,
    router: Router,
    broker: Broker,
) -> anyhow::Result<()> {
    let handle = Handle::new();
    tokio::spawn(stop_on_signal(handle.clone(), config.clone(), broker));
    let patience = Patience::default();
    let service = router.into_make_service();
    match &config.tls {
        Some(tls) => {
            let rustls = RustlsConfig::from_pem_file(&tls.certificate_file, &tls.key_file)
                .await
                .context("server.tls")?;
            let server = axum_server::from_tcp_rustls(listener, rustls)?;
            patience.limit(server).handle(handle).serve(service).await?;
        }
        None => {
            patience
                .limit(axum_server::from_tcp(listener)?)
                .handle(handle)
                .serve(service)
                .await?;
        }
    }
    Ok(())
}

async fn stop_on_signal(handle: Handle<SocketAddr>, config: ServerConfig, broker: Broker) {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    signalled().await;
    tracing::info!("shutting down");
    broker.drain();
    tokio::time::sleep(seconds(config.shutdown_notice_seconds)).await;
    handle.graceful_shutdown(Some(seconds(config.shutdown_grace_seconds)));
}

/// Returns at the first SIGTERM or SIGINT.
pub(crate) async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(test)]
mod tests;
