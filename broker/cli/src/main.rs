use std::io::{self, ErrorKind};
use std::process::ExitCode;

use broker_cli::{Cli, run};
use clap::Parser as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli, &mut io::stdout().lock()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("alcyone: {error:#}");
            ExitCode::from(broker_cli::exit_code(&error))
        }
    }
}

/// Whoever read our output has seen enough: `alcyone jobs | head`.
fn is_closed(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
