//! The commands, each in its file, and what they have in common: a server that is down, or hangs.

mod delete;
mod hold;
mod nodes;
mod qselect;
mod qstat;
mod qsub;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::server::Server;

/// Prints to standard output; a closed pipe is the caller's business.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Runs the command of that name and returns its exit code.
pub fn run(folder: &Path, name: &str, args: &[String]) -> Result<u8> {
    let server = Server::at(folder);
    if name == "pbs_mom" {
        let number = |at: usize| args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(0);
        let (seq, index) = (number(0), number(1));
        crate::mom::run(&server, seq, usize::try_from(index)?)?;
        return Ok(0);
    }
    log_call(&server, name, args)?;
    hang(&server, name);
    if server.has("server_down") {
        return Ok(unreachable(name, args));
    }
    match name {
        "qsub" => qsub::run(&server, args),
        "qstat" => qstat::run(&server, args),
        "qselect" => qselect::run(&server, args),
        "qdel" => delete::run(&server, args),
        "qrerun" => hold::rerun(&server, args),
        "qrls" => hold::release(&server, args),
        "qhold" => hold::hold(&server, args),
        "pbsnodes" => nodes::run(&server),
        _ => {
            eprintln!("{name}: not a command of this emulator");
            Ok(127)
        }
    }
}

/// What was called, for tests that count commands.
fn log_call(server: &Server, name: &str, args: &[String]) -> Result<()> {
    use std::io::Write as _;
    let path = server.path("calls");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    file.write_all(format!("{name} {}\n", args.join(" ")).as_bytes())?;
    Ok(())
}

/// `hang` holds the commands it names, or all, until it is taken away.
pub(crate) fn hang(server: &Server, name: &str) {
    let hangs = |server: &Server| {
        let held = server.switch("hang");
        held.is_some_and(|names| names.is_empty() || names.split(' ').any(|held| held == name))
    };
    while hangs(server) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The server is not reached, in the words of each command.
pub(crate) fn unreachable(name: &str, args: &[String]) -> u8 {
    eprintln!("Connection refused");
    if name == "pbsnodes" {
        eprintln!("pbsnodes: cannot connect to server pbshead, error=15010");
        return 1;
    }
    if name == "qstat" && args.iter().any(|arg| arg == "json") {
        say(&crate::output::envelope(
            None,
            crate::output::Dialect::Release,
        ));
    }
    eprintln!("{name}: cannot connect to server pbshead (errno=15010)");
    if name == "qstat" { 255 } else { 162 }
}

/// Ports ran out: said on standard error, with exit code 0 and nothing told.
pub(crate) fn is_throttled(server: &Server) -> bool {
    let is = server.has("throttled");
    if is {
        eprintln!("pbs_iff: cannot connect to host\npbs_iff: all reserved ports in use");
    }
    is
}
