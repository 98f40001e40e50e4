//! `alcyone-agent`: runs beside a site's scheduler, dials out to the broker, and listens on loopback
//! at most.

mod check;
mod compose;
mod drain_command;
mod frugal;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use broker_model::{Ids, SystemClock};
use clap::{Parser, Subcommand};
use prometheus::Registry;
use site_agent::log_writer::LogWriter;
use site_agent::settings::{DataLock, Settings};
use site_agent::{Agent, DrainFile, serve_status};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::compose::Site;

/// Gives back what a large answer took; glibc keeps it in an arena for each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads that wait for the disk: log reads, the spool, name look-ups.
const BLOCKING_THREADS: usize = 16;

/// Runs the jobs of one site: takes them from the broker, hands them to the site's scheduler and
/// reports what became of them.
#[derive(Debug, Parser)]
#[command(name = "alcyone-agent", version)]
struct Arguments {
    /// The agent's configuration; `config/agent.example.toml` explains every key.
    #[arg(long, env = "ALCYONE_AGENT_CONFIG")]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what is wrong with the configuration, the scheduler and the way to the broker. Takes no
    /// work. Exit code 1 if anything is wrong.
    Check,
    /// Takes no new jobs from now on; those that are here go on. Survives restarts of the agent.
    Drain {
        /// Shown to users at the broker.
        #[arg(long)]
        reason: String,
        /// When it ends by itself, as `2026-12-01T06:00:00Z`; without it, by `resume`
        #[arg(long)]
        until: Option<jiff::Timestamp>,
    },
    /// Takes new jobs again.
    Resume,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.command.is_none() {
        frugal::give_memory_back();
    }
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("alcyone-agent: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    match with_runtime(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("alcyone-agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn with_runtime(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(&arguments.config)?;
    // It mostly waits. What several threads allocate and free for each other stays with each of them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("the async runtime does not start")?;
    runtime.block_on(async {
        match &arguments.command {
            Some(Command::Check) => check::check(&settings).await,
            Some(Command::Drain { reason, until }) => {
                drain_command::begin(&settings, reason, *until)
            }
            Some(Command::Resume) => drain_command::end(&settings),
            None => run(&settings).await.map(|()| ExitCode::SUCCESS),
        }
    })
}

async fn run(settings: &Settings) -> anyhow::Result<()> {
    let log = log_as_json();
    // Before the id is read: two processes with one id would both take its work.
    let _held = DataLock::hold(settings).await?;
    let id = compose::agent_id(settings)?;
    let instance = Ids::from_os().next(&SystemClock);
    let site = Site::open(settings).await?;
    let agent = Agent::new(
        settings.agent_config(id, instance),
        compose::link(settings)?,
        site.adapter.clone(),
        settings.account_map()?,
        Arc::new(SystemClock),
    );
    let (spool, restored) = compose::spool(settings)?;
    let drain = DrainFile::of(&settings.agent.data_dir);
    let agent = Arc::new(agent.with_spool(spool, restored).with_drain(drain));
    let shutdown = stop_on_signal()?;
    let status = status(settings, &log, agent.clone(), shutdown.clone()).await?;
    agent.run(shutdown).await;
    status.await?.context("the status listener failed")?;
    site.close().await;
    Ok(())
}

/// The lines are written for as long as what is returned lives.
fn log_as_json() -> LogWriter {
    let log = LogWriter::to_stderr();
    let filter = EnvFilter::try_from_env("ALCYONE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(log.writer())
        .init();
    log
}

/// The token falls on SIGTERM and on SIGINT.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be caught")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be caught")?;
    let stop = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; jobs go on at the site");
        stop.cancel();
    });
    Ok(shutdown)
}

/// Serves metrics and health, if the settings say where; the task ends with the token.
async fn status(
    settings: &Settings,
    log: &LogWriter,
    agent: Arc<Agent>,
    shutdown: CancellationToken,
) -> anyhow::Result<tokio::task::JoinHandle<std::io::Result<()>>> {
    let Some(address) = settings.agent.listen else {
        return Ok(tokio::spawn(async { Ok(()) }));
    };
    let registry = Registry::new();
    agent
        .metrics()
        .register(&registry)
        .context("the metrics cannot be registered")?;
    log.register(&registry)
        .context("the metrics cannot be registered")?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} (`agent.listen`)"))?;
    tracing::info!(%address, "serving /healthz and /metrics");
    Ok(tokio::spawn(serve_status(
        listener, agent, registry, shutdown,
    )))
}
