//! `alcyone`, the command line of start-ups, site administrators and auditors.
//!
//! Exit codes: 0 done; 1 the broker refused or the answer is "no"; 2 wrong use or a job file that
//! cannot be read; 3 not signed in; 4 the broker cannot be reached; 5 verification failed.

mod config;
mod cli;
mod exit;
mod jobfile;
mod login;
mod print;
mod verbs;

pub use cli::{Cli, Verb};
pub use exit::{Failure, exit_code};
pub use login::{FileTokens, finish_login, start_login};

use std::io::Write;

use broker_client::Client;

use crate::config::Settings;

/// Runs one verb and writes what it has to say; the exit code is 0 unless the answer is "no".
pub async fn run(cli: Cli, out: &mut impl Write) -> anyhow::Result<u8> {
    let settings = Settings::load(&cli)?;
    let json = cli.json;
    match cli.verb {
        Verb::Login => login::login(&settings, json, out).await,
        Verb::Logout => login::logout(&settings, out),
        Verb::Audit { what } => verbs::audit::run(&settings, what, json, out).await,
        verb => {
            let tokens = FileTokens::open(&settings)?;
            let client = Client::new(&settings.broker, Box::new(tokens))?;
            verbs::run(&client, verb, json, out).await
        }
    }
}
