use crate::output::{Dialect, Value};
use crate::server::Server;
use crate::state::{Job, Phase, SERVER, Task};
use crate::times::{c_time, clock};

/// What is told of a job, or of one task of an array, in about the order of a real server.
pub(super) fn attributes(
    job: &Job,
    task: Option<&Task>,
    server: &Server,
    dialect: Dialect,
) -> Vec<(String, Value)> {
    let single = if job.is_array {
        task
    } else {
        job.tasks.first()
    };
    let mut told: Vec<(String, Value)> = Vec::new();
    let mut put = |name: &str, value: Value| told.push((name.to_owned(), value));
    put("Job_Name", Value::guessed(&job.name, dialect));
    put("Job_Owner", Value::text(format!("{}@{SERVER}", job.owner)));
    if let Some((start, end)) = single.and_then(|task| task.stime.zip(task.obittime)) {
        let used = vec![
            ("cput".to_owned(), Value::text("00:00:00")),
            ("mem".to_owned(), Value::text("8664kb")),
            ("walltime".to_owned(), Value::text(clock(end - start))),
        ];
        put("resources_used", Value::Object(used));
    }
    put("job_state", Value::text(letter(job, task)));
    put("queue", Value::text(&job.queue));
    put("server", Value::text(SERVER));
    if let Some(account) = &job.account {
        put("Account_Name", Value::guessed(account, dialect));
    }
    put("ctime", Value::text(c_time(job.ctime)));
    if !job.depend.is_empty() {
        let depend = job
            .depend
            .iter()
            .map(|(kind, seq)| format!("{kind}:{seq}.{SERVER}@{SERVER}"));
        put("depend", Value::text(depend.collect::<Vec<_>>().join(",")));
    }
    if let Some(task) = single.filter(|task| !task.hosts.is_empty()) {
        let hosts = task
            .hosts
            .iter()
            .map(|host| format!("{host}/0*{}", job.cpus));
        put(
            "exec_host",
            Value::text(hosts.collect::<Vec<_>>().join("+")),
        );
    }
    put("Hold_Types", Value::text(hold_types(job)));
    put("mtime", Value::text(c_time(job.mtime)));
    put(
        "Rerunable",
        Value::text(if job.rerunnable { "True" } else { "False" }),
    );
    let asked = job.resources.iter();
    let asked = asked.map(|(name, value)| (name.clone(), Value::guessed(value, dialect)));
    put("Resource_List", Value::Object(asked.collect()));
    for (name, time) in times(job, single) {
        put(name, Value::text(c_time(time)));
    }
    put("substate", Value::Bare(substate(job, task).to_string()));
    put(
        "Variable_List",
        Value::Object(variables(job, server, dialect)),
    );
    told.extend(last_attributes(job, task, single, server));
    if server.has("moved") {
        move_away(&mut told);
    }
    told
}

/// What only the other server knows is missing.
fn move_away(told: &mut Vec<(String, Value)>) {
    const ELSEWHERE: [&str; 7] = [
        "resources_used",
        "exec_host",
        "stime",
        "obittime",
        "comment",
        "run_count",
        "Exit_status",
    ];
    told.retain(|(name, _)| !ELSEWHERE.contains(&name.as_str()));
    for (name, value) in told {
        match name.as_str() {
            "job_state" => *value = Value::text("M"),
            "substate" => *value = Value::Bare("94".to_owned()),
            _ => {}
        }
    }
}

/// What comes after the variables.
fn last_attributes(
    job: &Job,
    task: Option<&Task>,
    single: Option<&Task>,
    server: &Server,
) -> Vec<(String, Value)> {
    let mut told: Vec<(String, Value)> = Vec::new();
    let mut put = |name: &str, value: Value| told.push((name.to_owned(), value));
    let comment = task.map_or(job.comment.as_str(), |task| task.comment.as_str());
    if !comment.is_empty() {
        put("comment", Value::text(comment));
    }
    if let Some(task) = single.filter(|task| task.run_count > 0) {
        put("run_count", Value::Bare(task.run_count.to_string()));
    }
    let exit_status = task.map_or_else(|| job.exit_status(), |task| task.exit_status);
    let stays = single.is_some() || job.is_over();
    if let Some(status) = exit_status.filter(|_| stays) {
        put("Exit_status", Value::Bare(status.to_string()));
    }
    if let Some(start) = server.switch("forecast").filter(|_| job.letter() == "Q") {
        let start = start.parse().map_or(start, c_time);
        let estimated = vec![("start_time".to_owned(), Value::text(start))];
        put("estimated", Value::Object(estimated));
    }
    put("Submit_arguments", Value::text(&job.arguments));
    if job.is_array && task.is_none() {
        put("array", Value::text("True"));
        put("array_state_count", Value::text(counts(job)));
    }
    if let Some(task) = task {
        put("array_id", Value::text(job.id()));
        put("array_index", Value::Bare(task.index.to_string()));
    }
    if job.is_over() {
        put("history_timestamp", Value::Bare(job.mtime.to_string()));
    }
    told
}

/// When it started and when it was over, of an array its tasks' first and last.
fn times(job: &Job, single: Option<&Task>) -> Vec<(&'static str, i64)> {
    let began = match single {
        Some(task) => task.stime,
        None => job.tasks.iter().filter_map(|task| task.stime).min(),
    };
    let over = match single {
        Some(task) => task.obittime,
        None if job.is_over() => job.tasks.iter().filter_map(|task| task.obittime).max(),
        None => None,
    };
    let began = began.map(|time| ("stime", time));
    began
        .into_iter()
        .chain(over.map(|time| ("obittime", time)))
        .collect()
}

fn letter(job: &Job, task: Option<&Task>) -> &'static str {
    match task.map(|task| task.state) {
        None => job.letter(),
        Some(Phase::Waiting) => "Q",
        Some(Phase::Running) => "R",
        // Done while others are not.
        Some(Phase::Over) if job.is_over() => "F",
        Some(Phase::Over) => "X",
    }
}

fn substate(job: &Job, task: Option<&Task>) -> i64 {
    task.map_or_else(|| job.substate(), |task| task.substate)
}

fn hold_types(job: &Job) -> &'static str {
    if job.waiting_for_depend {
        "s"
    } else if job.held {
        "u"
    } else {
        "n"
    }
}

/// `poison` gives every job a variable that breaks the release's JSON.
fn variables(job: &Job, server: &Server, dialect: Dialect) -> Vec<(String, Value)> {
    let mut told = vec![
        ("PBS_O_LOGNAME".to_owned(), Value::text(&job.owner)),
        ("PBS_O_QUEUE".to_owned(), Value::text(&job.queue)),
    ];
    if let Some(value) = server.switch("poison") {
        told.push(("A".to_owned(), Value::guessed(&value, dialect)));
    }
    told
}

fn counts(job: &Job) -> String {
    let count = |state: Phase| job.tasks.iter().filter(|task| task.state == state).count();
    let expired = if job.is_over() { 0 } else { count(Phase::Over) };
    format!(
        "Queued:{} Running:{} Exiting:0 Expired:{expired}",
        count(Phase::Waiting),
        count(Phase::Running)
    )
}
