use std::io::{self, ErrorKind};
use std::process::ExitCode;

use broker_cli::{parse, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let ran = match parse(std::env::args_os(), &mut out) {
        Ok(Ok(cli)) => run(cli.in_locale(|name| std::env::var(name).ok()), &mut out).await,
        Ok(Err(code)) => Ok(code),
        Err(error) => Err(error),
    };
    match ran {
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
