use std::process::ExitCode;

use broker_cli::{Cli, run};
use clap::Parser as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli, &mut std::io::stdout().lock()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("alcyone: {error:#}");
            ExitCode::from(broker_cli::exit_code(&error))
        }
    }
}
