//! `POST job/submit`.

use broker_model::ArraySpec;
use reqwest::Method;
use serde_json::{Map, Value, json};
use site_adapter::{Error, ErrorKind, Submission};

use crate::answer::{Answer, Effect, SlurmError, quote};
use crate::dialect::ApiVersion;
use crate::transport::{Family, Request};
use crate::value::number;

/// What the adapter's settings add to a submission.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) slurm_partition: &'a str,
    pub(crate) gpu_type: Option<&'a str>,
    pub(crate) work_dir: &'a str,
    pub(crate) home: &'a str,
    pub(crate) path: &'a str,
    /// What it waits for, in Slurm's words: `afterok:7,afterany:8`.
    pub(crate) dependency: Option<&'a str>,
}

/// What came back with a job id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    Made {
        id: u64,
    },
    /// There is a job, but not the one that was asked for: a field was ignored.
    Mangled {
        id: u64,
        why: String,
    },
}

pub(crate) fn request(
    version: ApiVersion,
    submission: &Submission,
    script: &str,
    place: &Place<'_>,
) -> Request {
    Request {
        method: Method::POST,
        effect: Effect::Makes,
        body: Some(version.submission(script, fields(version, submission, place))),
        ..Request::get("POST job/submit", Family::Slurm, "/job/submit")
    }
}

fn fields(version: ApiVersion, submission: &Submission, place: &Place<'_>) -> Map<String, Value> {
    let marker = submission.marker();
    let (work, account) = (&submission.work, &submission.account);
    let resources = &work.resources;
    let mut job = Map::new();
    let mut put = |name: &str, value: Value| job.insert(name.to_owned(), value);
    put("name", json!(marker));
    put("comment", json!(format!("{marker} {}", work.name)));
    put("partition", json!(place.slurm_partition));
    put("current_working_directory", json!(place.work_dir));
    for (field, end) in [("standard_output", "out"), ("standard_error", "err")] {
        put(
            field,
            json!(format!("{}/alcyone-{marker}.{end}", place.work_dir)),
        );
    }
    put("environment", environment(version, submission, place));
    put("nodes", version.nodes(resources.nodes));
    put("tasks", json!(resources.nodes));
    put("tasks_per_node", json!(1));
    let minutes = resources.walltime.minutes_up();
    put("time_limit", version.number(minutes.into()));
    let (key, may) = version.requeue(work.restartable);
    put(key, may);
    put("open_mode", version.append());
    if let Some(array) = work.array {
        put("array", json!(indices(array)));
    }
    if let Some(list) = place.dependency {
        put("dependency", json!(list));
        let (key, value) = version.kill_invalid_dependency();
        put(key, value);
    }
    if let Some(name) = &account.account {
        put("account", json!(name));
    }
    if let Some(name) = &account.qos {
        put("qos", json!(name));
    }
    if let Some(cpus) = resources.cpus_per_node {
        put("cpus_per_task", json!(cpus));
    }
    if let Some(gib) = resources.memory_gib_per_node {
        put("memory_per_node", version.number(u64::from(gib) * 1024));
    }
    if work.scheduler_gpus_per_node() > 0 {
        let (key, gpus) = version.gpus(place.gpu_type, work.scheduler_gpus_per_node());
        put(key, gpus);
    }
    if work.exclusive {
        let (key, whole) = version.whole_nodes();
        put(key, whole);
    }
    job
}

/// All that the job gets besides `SLURM_*`: Slurm sets neither `HOME` nor `USER` over REST.
fn environment(version: ApiVersion, submission: &Submission, place: &Place<'_>) -> Value {
    let user = &submission.account.user;
    let mut variables = vec![
        ("PATH", place.path.to_owned()),
        ("HOME", place.home.to_owned()),
        ("USER", user.clone()),
        ("LOGNAME", user.clone()),
        ("LANG", "C.UTF-8".to_owned()),
        ("ALCYONE_ATTEMPT", submission.marker()),
        ("ALCYONE_JOB_NAME", submission.work.name.clone()),
    ];
    if let Some(array) = submission.work.array {
        variables.push(("ALCYONE_ARRAY_SIZE", array.tasks.to_string()));
    }
    version.environment(&variables)
}

/// `0-9%4`: ten tasks, of which four may run at once.
fn indices(array: ArraySpec) -> String {
    let last = array.tasks.saturating_sub(1);
    match array.at_once {
        Some(at_once) => format!("0-{last}%{at_once}"),
        None => format!("0-{last}"),
    }
}

/// A job was made if there is a job id above 0, and only then: a field of a wrong type is answered
/// with 200, no errors, and no job. Errors beside a job id (22.05: held, nodes not up yet) and
/// warnings that are not about a field say why the job has to wait.
pub(crate) fn parse(answer: &Answer) -> Result<Receipt, Error> {
    let id = answer.json().get("job_id").and_then(number).unwrap_or(0);
    let ignored = ignored_fields(answer);
    if id == 0 {
        answer.check(&[])?;
        if let Some(why) = ignored {
            return Err(answer.error(ErrorKind::Protocol, why));
        }
        return Err(answer.incomplete("job id"));
    }
    Ok(ignored.map_or(Receipt::Made { id }, |why| Receipt::Mangled { id, why }))
}

/// What points into the request: the server dropped or bent a field of ours.
fn ignored_fields(answer: &Answer) -> Option<String> {
    let warnings: Vec<String> = ["warnings", "errors"]
        .iter()
        .flat_map(|list| answer.list(list))
        .filter(|warning| {
            let source = warning.get("source").and_then(Value::as_str);
            source.is_some_and(|source| source.starts_with('#'))
        })
        .map(|warning| SlurmError::read(warning).text)
        .collect();
    (!warnings.is_empty()).then(|| quote(&warnings.join("; ")))
}
