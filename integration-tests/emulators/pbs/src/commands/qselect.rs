//! `qselect`: ids only, and nothing at all when there is none.

use anyhow::Result;

use super::{is_throttled, say};
use crate::server::Server;

pub(super) fn run(server: &Server, args: &[String]) -> Result<u8> {
    if is_throttled(server) {
        return Ok(0);
    }
    let value = |option: &str| {
        let at = args.iter().position(|arg| arg == option)?;
        args.get(at + 1).cloned()
    };
    let has_x = args.iter().any(|arg| arg == "-x");
    let (name, user, state) = (value("-N"), value("-u"), value("-s"));
    if has_x && server.has("history_off") {
        eprintln!("qselect: PBS is not configured to maintain job history");
        return Ok(0);
    }
    let locked = server.lock()?;
    for job in locked.state.jobs.values().rev() {
        let is_wanted = name.as_ref().is_none_or(|name| *name == job.name)
            && user.as_ref().is_none_or(|user| *user == job.owner)
            && state.as_ref().is_none_or(|state| *state == job.letter())
            && (has_x || !job.is_over())
            && !job.forgotten;
        if is_wanted {
            say(&format!("{}\n", job.id()));
        }
    }
    Ok(0)
}
