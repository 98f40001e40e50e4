//! `alcyone`, the command line of start-ups, site administrators and auditors.
//!
//! Exit codes: 0 done; 1 the broker refused, or the answer is "no" (`check`, `quote`), or the job that
//! was waited for did not complete; 2 wrong use, or a file that cannot be read; 3 not signed in; 4 the
//! broker cannot be reached; 5 verification failed.
//!
//! With `--json` every verb prints JSON on standard output: one document, whose shapes are those of
//! `GET /api/v1/openapi.json`:
//!
//! | verb | document |
//! |---|---|
//! | `whoami`, `check`, `quote` | `WhoAmI`, `CheckView`, `QuoteView` |
//! | `submit`, `cancel` | `JobView` |
//! | `jobs` | `JobPage` |
//! | `show` | `{"job": JobView, "placement": Placement}` |
//! | `sites`, `usage` | an array of `SiteView`, of `UsageView` |
//! | `logs` | a `LogView` on each line |
//! | `login` | two lines: `{"verification_uri", "verification_uri_complete", "user_code"}`, then `WhoAmI` |
//! | `logout` | `{"signed_out": bool}` |
//! | `audit export` | `{"file", "bytes"}` |
//! | `audit verify FILE` | `{"origin", "entries", "root", …}` as `broker_ledger::export::Verified` |
//! | `audit verify --job` | `{"job", "tree_size", "root", "entries", "verified": true}` |
//! | any, when the broker refuses | `Problem` |

mod cli;
mod config;
mod exit;
mod jobfile;
mod login;
mod print;
mod verbs;

pub use cli::{Audit, Cli, Verb};
pub use exit::{Failure, exit_code};
pub use login::{FileTokens, finish_login, start_login};

use std::io::Write;

use broker_client::{Client, Error};

use crate::config::Settings;

/// Runs one verb and writes what it has to say; the exit code is 0 unless the answer is "no".
///
/// An error is for standard error and [`exit_code`]; with `--json` a refusal of the broker is written
/// as its problem document besides.
pub async fn run(cli: Cli, out: &mut impl Write) -> anyhow::Result<u8> {
    let json = cli.json;
    let answer = dispatch(cli, out).await;
    if let Err(error) = &answer
        && let Some(Error::Problem(problem)) = error.downcast_ref::<Error>()
        && json
    {
        print::json(problem, out)?;
    }
    answer
}

async fn dispatch(cli: Cli, out: &mut impl Write) -> anyhow::Result<u8> {
    let settings = Settings::load(&cli)?;
    let json = cli.json;
    if !matches!(cli.verb, Verb::Logout) {
        settings.check_transport(cli.allow_http)?;
    }
    match cli.verb {
        Verb::Login { issuer } => login::login(&settings, issuer.as_deref(), json, out).await,
        Verb::Logout => login::logout(&settings, json, out),
        Verb::Audit { what } => verbs::audit::run(&settings, what, json, out).await,
        verb => {
            let tokens = FileTokens::open(&settings)?;
            let client = Client::new(&settings.broker, Box::new(tokens))?;
            verbs::run(&client, verb, json, out).await
        }
    }
}
