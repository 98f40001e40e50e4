use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;

use crate::config::ServerConfig;

/// Binds before anything else is started, so that a port in use is said at once.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("server.listen: {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until SIGTERM or SIGINT, then lets requests finish for the grace period.
pub(crate) async fn serve(
    config: &ServerConfig,
    listener: TcpListener,
    router: Router,
) -> anyhow::Result<()> {
    let handle = Handle::new();
    let grace = Duration::from_secs(config.shutdown_grace_seconds.into());
    tokio::spawn(stop_on_signal(handle.clone(), grace));
    let service = router.into_make_service();
    match &config.tls {
        Some(tls) => {
            let rustls = RustlsConfig::from_pem_file(&tls.certificate_file, &tls.key_file)
                .await
                .context("server.tls")?;
            axum_server::from_tcp_rustls(listener, rustls)?
                .handle(handle)
                .serve(service)
                .await?;
        }
        None => {
            axum_server::from_tcp(listener)?
                .handle(handle)
                .serve(service)
                .await?;
        }
    }
    Ok(())
}

async fn stop_on_signal(handle: Handle<SocketAddr>, grace: Duration) {
    signalled().await;
    tracing::info!("shutting down");
    handle.graceful_shutdown(Some(grace));
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
