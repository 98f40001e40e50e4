//! `qdel`.

use anyhow::Result;

use crate::schedule::{cycle, parse_id};
use crate::server::Server;
use crate::state::Phase;
use crate::times::now;

pub(super) fn run(server: &Server, args: &[String]) -> Result<u8> {
    if args.is_empty() {
        eprintln!("usage:\n\tqdel [-W force|suppress_email=X] [-x] job_identifier...");
        return Ok(2);
    }
    let mut code = 0;
    let mut known = 0;
    let mut unknown = 0;
    for id in args {
        let Some((seq, _)) = parse_id(id) else {
            eprintln!("qdel: illegally formed job identifier: {id}");
            code = 1;
            continue;
        };
        match delete(server, seq)? {
            Deleted::Yes => known += 1,
            Deleted::Finished if server.has("history_off") => unknown += 1,
            Deleted::Finished => {
                eprintln!("qdel: Job has finished {id}");
                code = 35;
            }
            Deleted::Unknown => unknown += 1,
        }
    }
    if known > 0 && unknown > 0 {
        // The server dies of it, and the command says nothing.
        server.set("server_down", "qdel of a known and an unknown job")?;
        return Ok(0);
    }
    if unknown > 0 {
        eprintln!("qdel: Unknown Job Id {}", args.join(" "));
        return Ok(153);
    }
    Ok(code)
}

enum Deleted {
    Yes,
    Finished,
    Unknown,
}

fn delete(server: &Server, seq: u64) -> Result<Deleted> {
    let mut locked = server.lock()?;
    let Some(job) = locked.job(seq).filter(|job| !job.forgotten) else {
        return Ok(Deleted::Unknown);
    };
    if job.is_over() {
        return Ok(Deleted::Finished);
    }
    let has_begun = job.has_begun();
    let is_array = job.is_array;
    job.waiting_for_depend = false;
    for task in &mut job.tasks {
        match task.state {
            Phase::Running => {
                let orders = server.path("orders").join(format!("{seq}.{}", task.index));
                std::fs::write(orders, "delete")?;
            }
            Phase::Waiting => {
                task.state = Phase::Over;
                task.substate = 91;
                if is_array && has_begun {
                    // As recorded: a task that never ran looks as if it had.
                    (task.exit_status, task.stime, task.obittime) =
                        (Some(1), Some(now()), Some(now()));
                }
            }
            Phase::Over => {}
        }
    }
    job.mtime = now();
    if job.is_over() {
        job.comment = format!("{} and terminated", job.comment);
    }
    let (id, owner) = (job.id(), job.owner.clone());
    server.account('D', &id, &format!("requestor={owner}@pbshead"))?;
    cycle(&mut locked)?;
    Ok(Deleted::Yes)
}
