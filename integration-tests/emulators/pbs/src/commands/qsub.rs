//! `qsub`, with a script on standard input.

mod request;

use std::io::Read as _;

use anyhow::Result;

use super::{hang, say};
use crate::schedule::{accounting, cycle};
use crate::server::{Locked, Server};
use crate::state::{Job, Task};
use crate::times::now;

use request::Request;

/// PBS's error numbers modulo 256, with what the command says.
pub(super) type Refusal = (u8, String);

pub(super) fn run(server: &Server, args: &[String]) -> Result<u8> {
    let mut script = String::new();
    std::io::stdin().read_to_string(&mut script)?;
    let owner = std::env::var("USER").unwrap_or_default();
    let accepted = request::read(args, server.has("no_gpus")).and_then(|request| {
        if owner == "root" {
            return Err((175, "Bad UID for job execution".to_owned()));
        }
        Ok(request)
    });
    let request = match accepted {
        Ok(request) => request,
        Err((code, message)) => {
            eprintln!("qsub: {message}");
            return Ok(code);
        }
    };
    if let Some(words) = server.switch("hook") {
        // `PBSE_HOOKERROR` (15136).
        eprintln!("qsub: {words}");
        return Ok(32);
    }
    let mut locked = server.lock()?;
    if let Some(most) = request.queue.max_queued
        && locked
            .state
            .jobs
            .values()
            .filter(|job| job.queue == request.queue.name && !job.is_over())
            .count()
            >= most
    {
        eprintln!("qsub: would exceed queue generic's per-user limit");
        return Ok(38);
    }
    let seq = next_id(&mut locked);
    let job = job(seq, &request, owner, args);
    let id = job.id();
    let is_lost = server.takes_one("lose_acknowledged") || is_turned_away(&request);
    if is_lost {
        locked.save()?;
        drop(locked);
        say(&format!("{id}\n"));
        return Ok(0);
    }
    std::fs::write(server.path("scripts").join(seq.to_string()), script)?;
    server.account('Q', &id, &accounting(&job, None))?;
    locked.state.jobs.insert(seq, job);
    cycle(&mut locked)?;
    drop(locked);
    if server.takes_one("lose_answer") {
        // The job is there, and whoever asked for it will not hear of it.
        server.set("hang", "qsub-answer")?;
        hang(server, "qsub-answer");
        return Ok(1);
    }
    if !request.is_quiet {
        say(&format!("{id}\n"));
    }
    Ok(0)
}

/// No queue behind the route takes it: accepted, and gone without a trace in the history.
fn is_turned_away(request: &Request) -> bool {
    let behind = request.queue.route.and_then(crate::queues::queue);
    let limit = behind.and_then(|queue| queue.max_walltime);
    limit.is_some_and(|limit| request.walltime > limit)
}

/// After an unclean restart numbers go on at the next thousand.
fn next_id(locked: &mut Locked<'_>) -> u64 {
    let jumps = locked.server.takes_one("jump");
    let seq = if jumps {
        (locked.state.next_id / 1000 + 1) * 1000
    } else {
        locked.state.next_id
    };
    locked.state.next_id = seq + 1;
    seq
}

fn job(seq: u64, request: &Request, owner: String, args: &[String]) -> Job {
    let now = now();
    let queue = request.queue.route.unwrap_or(request.queue.name);
    let tasks = request.array.clone().unwrap_or_else(|| vec![0]);
    Job {
        seq,
        is_array: request.array.is_some(),
        at_once: request.at_once,
        name: request.name.clone(),
        owner,
        queue: queue.to_owned(),
        account: request.account.clone(),
        ctime: now,
        mtime: now,
        held: request.held,
        rerunnable: request.rerunnable,
        exclusive: request.exclusive,
        waiting_for_depend: !request.depend.is_empty(),
        forgotten: false,
        depend: request.depend.clone(),
        nodes: request.nodes,
        cpus: request.cpus,
        gpus: request.gpus,
        walltime: request.walltime,
        resources: request.resources(),
        arguments: args.join(" "),
        comment: String::new(),
        tasks: tasks
            .into_iter()
            .map(|index| Task {
                index,
                substate: 10,
                ..Task::default()
            })
            .collect(),
    }
}
