//! `qhold`, `qrls` and `qrerun`.

use anyhow::Result;

use crate::schedule::{cycle, parse_id};
use crate::server::Server;
use crate::state::Phase;

const UNKNOWN: u8 = 153;
const FINISHED: u8 = 35;

pub(super) fn hold(server: &Server, args: &[String]) -> Result<u8> {
    set(server, "qhold", args, true)
}

pub(super) fn release(server: &Server, args: &[String]) -> Result<u8> {
    set(server, "qrls", args, false)
}

fn set(server: &Server, name: &str, ids: &[String], held: bool) -> Result<u8> {
    let mut code = 0;
    let mut locked = server.lock()?;
    for id in ids {
        match parse_id(id).and_then(|(seq, _)| locked.job(seq)) {
            Some(job) if job.is_over() => {
                eprintln!("{name}: Job has finished {id}");
                code = FINISHED;
            }
            Some(job) => job.held = held,
            None => {
                eprintln!("{name}: Unknown Job Id {id}");
                code = UNKNOWN;
            }
        }
    }
    cycle(&mut locked)?;
    Ok(code)
}

/// What also happens when a node's daemon is started anew without `-p`: the job runs a second time,
/// whether it may or not.
pub(super) fn rerun(server: &Server, ids: &[String]) -> Result<u8> {
    let mut locked = server.lock()?;
    for id in ids {
        let Some(job) = parse_id(id).and_then(|(seq, _)| locked.job(seq)) else {
            eprintln!("qrerun: Unknown Job Id {id}");
            return Ok(UNKNOWN);
        };
        for task in job.tasks.iter().filter(|task| task.state == Phase::Running) {
            let orders = server
                .path("orders")
                .join(format!("{}.{}", job.seq, task.index));
            std::fs::write(orders, "rerun")?;
        }
    }
    Ok(0)
}
