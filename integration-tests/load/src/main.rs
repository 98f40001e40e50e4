//! How much Alcyone takes, as ratios measured in one run on one machine: the broker and its load
//! side by side. What the figures mean and which marks they stand against is in `BENCHMARKS.md`
//! beside this package; nothing here passes or fails by time, so it is no test.

mod agent;
mod bare;
mod client;
mod database;
mod drive;
mod fill;
mod latency;
mod rig;
mod scenarios;
mod sites;
mod table;
mod voice;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::database::Kind;
use crate::scenarios::Plan;

/// As in `alcyone-broker`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what the broker takes, beside the barest thing that could answer
#[derive(Debug, Parser)]
#[command(name = "load")]
struct Args {
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// Both, one after the other, unless one is named
    #[arg(long, value_enum)]
    database: Option<Kind>,
    /// How long each round of a measurement takes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    seconds: u64,
    /// Rounds of each measurement, taken turn about with what it is compared with
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Finished jobs of `growth`
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    finished: u32,
    /// Active jobs of `memory`
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    active: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    All,
    Reads,
    Submissions,
    Commits,
    Eligibility,
    Placement,
    Dispatch,
    Growth,
    Memory,
}

fn main() -> anyhow::Result<ExitCode> {
    let mut words: Vec<_> = std::env::args_os().collect();
    // `memory` measures a broker of its own process: this very program, as `alcyone-broker`.
    if words.get(1).is_some_and(|word| word == "broker") {
        words.remove(1);
        return broker_server::run(broker_server::BrokerCommand::parse_from(words));
    }
    let args = Args::parse_from(words);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // As many workers as the broker has by default: one for each core.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(&args))?;
    Ok(ExitCode::SUCCESS)
}

async fn measure(args: &Args) -> anyhow::Result<()> {
    let _logs = rig::log_as_served()?;
    table::heading();
    let plan = Plan {
        time: Duration::from_secs(args.seconds),
        rounds: args.rounds,
        finished: args.finished,
        active: args.active,
    };
    let wanted = |what| args.what == What::All || args.what == what;
    if wanted(What::Eligibility) {
        scenarios::eligibility::measure(&plan)?;
    }
    if wanted(What::Placement) {
        scenarios::placement::measure(&plan)?;
    }
    let kinds = args
        .database
        .map_or_else(|| vec![Kind::Sqlite, Kind::Postgres], |kind| vec![kind]);
    for kind in kinds {
        on_database(&plan, kind, &wanted).await?;
    }
    table::footing();
    Ok(())
}

async fn on_database(
    plan: &Plan,
    kind: Kind,
    wanted: &impl Fn(What) -> bool,
) -> anyhow::Result<()> {
    if wanted(What::Reads) {
        scenarios::reads::measure(plan, kind).await?;
    }
    if wanted(What::Submissions) {
        scenarios::submissions::measure(plan, kind).await?;
    }
    if wanted(What::Commits) {
        scenarios::commits::measure(plan, kind).await?;
    }
    if wanted(What::Dispatch) {
        scenarios::dispatch::measure(kind).await?;
    }
    if wanted(What::Growth) {
        scenarios::growth::measure(plan, kind).await?;
    }
    if wanted(What::Memory) {
        scenarios::memory::measure(plan, kind).await?;
    }
    Ok(())
}
