//! `qstat`: jobs, queues and the server.

mod job;
mod table;

use std::collections::BTreeSet;

use anyhow::Result;

use super::{is_throttled, say};
use crate::output::{Dialect, Value, envelope, text};
use crate::queues::{QUEUES, Queue, queue};
use crate::schedule::parse_id;
use crate::server::Server;
use crate::state::{Job, SERVER, State};

const USAGE: u8 = 2;
const UNKNOWN_QUEUE: u8 = 170;

#[derive(Debug, Default)]
struct Options {
    flags: BTreeSet<char>,
    format: Option<String>,
    user: Option<String>,
    operands: Vec<String>,
}

pub(super) fn run(server: &Server, args: &[String]) -> Result<u8> {
    if args.iter().any(|arg| arg == "--version") {
        say("pbs_version = 23.06.06\n");
        return Ok(0);
    }
    let options = read(args);
    let has = |flag: char| options.flags.contains(&flag);
    let is_json = options.format.as_deref() == Some("json");
    if (options.format.is_some() && !is_json) || (is_json && !has('f')) || (has('B') && has('Q')) {
        eprintln!("qstat: conflicting options.");
        return Ok(USAGE);
    }
    let dialect = match server.switch("dialect").as_deref() {
        Some("main") => Dialect::Main,
        _ => Dialect::Release,
    };
    let locked = server.lock()?;
    if has('B') {
        let told = vec![(SERVER.to_owned(), about_server(server, &locked.state))];
        say(&envelope(Some(("Server", told)), dialect));
        return Ok(0);
    }
    if has('Q') {
        return Ok(queues(&options, &locked.state, dialect));
    }
    Ok(jobs(server, &options, &locked.state, dialect))
}

fn read(args: &[String]) -> Options {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-F" => options.format = args.next().cloned(),
            "-u" => options.user = args.next().cloned(),
            flags if flags.starts_with('-') => options.flags.extend(flags.chars().skip(1)),
            _ => options.operands.push(arg.clone()),
        }
    }
    options
}

fn about_server(server: &Server, state: &State) -> Value {
    let history = if server.has("history_off") {
        "False"
    } else {
        "True"
    };
    let kept = server
        .switch("history_duration")
        .unwrap_or_else(|| "336:00:00".to_owned());
    let shows = if server.has("private") {
        "False"
    } else {
        "True"
    };
    let scheduling = if server.has("not_scheduling") {
        "False"
    } else {
        "True"
    };
    Value::Object(vec![
        ("server_state".to_owned(), Value::text("Active")),
        ("server_host".to_owned(), Value::text(SERVER)),
        ("scheduling".to_owned(), Value::text(scheduling)),
        (
            "total_jobs".to_owned(),
            Value::Bare(state.jobs.len().to_string()),
        ),
        ("query_other_jobs".to_owned(), Value::text(shows)),
        ("max_array_size".to_owned(), Value::Bare("10000".to_owned())),
        ("job_history_enable".to_owned(), Value::text(history)),
        ("job_history_duration".to_owned(), Value::text(kept)),
        (
            "max_job_sequence_id".to_owned(),
            Value::Bare("9999999".to_owned()),
        ),
    ])
}

fn queues(options: &Options, state: &State, dialect: Dialect) -> u8 {
    let mut told = Vec::new();
    let mut code = 0;
    for name in &options.operands {
        if queue(name).is_none() {
            eprintln!("qstat: Unknown queue {name}");
            code = UNKNOWN_QUEUE;
        }
    }
    for queue in QUEUES {
        if options.operands.is_empty() || options.operands.iter().any(|name| name == queue.name) {
            told.push((queue.name.to_owned(), about_queue(queue, state)));
        }
    }
    say(&envelope(Some(("Queue", told)), dialect));
    code
}

fn about_queue(queue: Queue, state: &State) -> Value {
    let own: Vec<&Job> = state
        .jobs
        .values()
        .filter(|job| job.queue == queue.name)
        .collect();
    let count = |letters: &str| {
        own.iter()
            .filter(|job| letters.contains(job.letter()))
            .count()
    };
    let truth = |is: bool| Value::text(if is { "True" } else { "False" });
    let kind = if queue.route.is_some() {
        "Route"
    } else {
        "Execution"
    };
    let mut told = vec![
        ("queue_type".to_owned(), Value::text(kind)),
        (
            "state_count".to_owned(),
            Value::text(format!(
                "Transit:0 Queued:{} Held:{} Waiting:0 Running:{} Exiting:0 Begun:{} ",
                count("Q"),
                count("H"),
                count("R"),
                count("B")
            )),
        ),
    ];
    let mut limits = Vec::new();
    if let Some(gpus) = queue.max_gpus {
        limits.push(("ngpus".to_owned(), Value::Bare(gpus.to_string())));
    }
    if let Some(walltime) = queue.max_walltime {
        limits.push((
            "walltime".to_owned(),
            Value::text(crate::times::clock(walltime)),
        ));
    }
    if !limits.is_empty() {
        told.push(("resources_max".to_owned(), Value::Object(limits)));
    }
    if let Some(most) = queue.max_queued {
        // Two limits of one kind: the same key twice (openpbs#2677).
        told.push(("max_queued".to_owned(), Value::text("[o:PBS_ALL=10]")));
        told.push((
            "max_queued".to_owned(),
            Value::text(format!("[u:PBS_GENERIC={most}]")),
        ));
    }
    told.push(("enabled".to_owned(), truth(queue.enabled)));
    told.push(("started".to_owned(), truth(queue.started)));
    Value::Object(told)
}

fn jobs(server: &Server, options: &Options, state: &State, dialect: Dialect) -> u8 {
    let has = |flag: char| options.flags.contains(&flag);
    let is_json = options.format.is_some();
    if let Some(user) = &options.user
        && is_json
    {
        if dialect == Dialect::Main {
            eprintln!("qstat: conflicting options.");
            return USAGE;
        }
        say(&format!(
            "\n{SERVER}: \nJob ID          Username Queue\n--------------- -------- ------\n{user}\n"
        ));
        say(&envelope(None, dialect));
        return 0;
    }
    let mut told = Vec::new();
    let mut code = 0;
    let is_off = server.has("history_off");
    if is_throttled(server) {
        say(&envelope(None, dialect));
        return 0;
    }
    if has('x') && is_off {
        let ids = options.operands.join(" ");
        eprintln!("qstat: PBS is not configured to maintain job history {ids}");
    } else {
        let (jobs, failed) = select(options, state, is_off);
        code = failed;
        told = jobs;
    }
    if has('a') {
        say(&table::table(told.into_iter(), has('t')));
        return code;
    }
    // openpbs#2672: without `-E` the development branch's JSON has only the first.
    if dialect == Dialect::Main && is_json && !has('E') && options.operands.len() > 1 {
        told.truncate(1);
    }
    let mut entries = Vec::new();
    for job in told {
        entries.push((job.id(), job::attributes(job, None, server, dialect)));
        if has('t') && job.is_array {
            let tasks = job.tasks.iter();
            entries.extend(tasks.map(|task| {
                (
                    job.task_id(task.index),
                    job::attributes(job, Some(task), server, dialect),
                )
            }));
        }
    }
    if is_json {
        let objects = entries
            .into_iter()
            .map(|(id, told)| (id, Value::Object(told)))
            .collect();
        say(&envelope(Some(("Jobs", objects)), dialect));
    } else {
        for (id, told) in entries {
            say(&text(&id, &told));
        }
    }
    code
}

/// The jobs that are told of, and the code of the last that is not.
fn select<'a>(options: &Options, state: &'a State, is_off: bool) -> (Vec<&'a Job>, u8) {
    let has = |flag: char| options.flags.contains(&flag);
    let is_silent = has('E');
    let mut code = 0;
    let mut fail = |number: u8, message: String| {
        if !is_silent {
            eprintln!("{message}");
            code = number;
        }
    };
    let mut told = Vec::new();
    if options.operands.is_empty() {
        let jobs = state.jobs.values().filter(|job| !job.forgotten);
        told.extend(jobs.filter(|job| has('x') || !job.is_over()));
    }
    for id in &options.operands {
        if queue(id).is_some() {
            told.extend(
                state
                    .jobs
                    .values()
                    .filter(|job| job.queue == *id && !job.is_over()),
            );
            continue;
        }
        let Some((seq, _)) = parse_id(id) else {
            fail(1, format!("qstat: illegally formed job identifier: {id}"));
            continue;
        };
        match state.jobs.get(&seq) {
            Some(job) if job.is_over() && (is_off || job.forgotten) => {
                fail(153, format!("qstat: Unknown Job Id {id}"));
            }
            Some(job) if job.is_over() && !has('x') => fail(
                35,
                format!(
                    "qstat: {id} Job has finished, use -x or -H to obtain historical job information"
                ),
            ),
            Some(job) => told.push(job),
            None => fail(153, format!("qstat: Unknown Job Id {seq}.{SERVER}")),
        }
    }
    (told, code)
}
