use std::process::ExitCode;

use broker_server::{BrokerCommand, run};
use clap::Parser as _;

fn main() -> ExitCode {
    let command = BrokerCommand::parse();
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("alcyone-broker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
