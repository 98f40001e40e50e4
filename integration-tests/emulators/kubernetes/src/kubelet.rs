//! The kubelet: runs a pod's one container as a process group, and tells how it ended.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::cluster::State;
use crate::jobs;
use crate::store::{now, set_condition, text};

/// A container's process, and what was done to it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    started: Instant,
    started_at: String,
    deadline: Option<Duration>,
    grace: Duration,
    told_to_end: Option<Instant>,
    out_of_memory: bool,
    over_deadline: bool,
    /// Its container's end is told; the pod's phase comes in the next look.
    has_ended: bool,
}

pub(crate) fn log_path(folder: &Path, uid: &str) -> PathBuf {
    folder.join(format!("{uid}.log"))
}

pub(crate) fn sync(state: &mut State) {
    let pods = state.store.each("pods").filter(|pod| !is_settled(pod));
    for pod in pods.cloned().collect::<Vec<Value>>() {
        let uid = text(&pod, "/metadata/uid").to_owned();
        let node = text(&pod, "/spec/nodeName");
        let deleting = pod["metadata"].get("deletionTimestamp").is_some();
        if node.is_empty() || state.lost_nodes.contains(node) {
            continue;
        }
        if state.processes.contains_key(&uid) {
            watch_process(state, pod, &uid);
        } else if deleting {
            gone(state, &pod);
        } else if text(&pod, "/status/phase") == "Pending" {
            start(state, pod, &uid);
        }
    }
}

/// Over, and to stay.
fn is_settled(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
        && pod["metadata"].get("deletionTimestamp").is_none()
}

fn start(state: &mut State, mut pod: Value, uid: &str) {
    let container = pod["spec"]["containers"][0].clone();
    let image = text(&container, "/image");
    let node = text(&pod, "/spec/nodeName");
    let is_missing = |node: &str| {
        let missing = (node.to_owned(), image.to_owned());
        state.missing_images.contains(&missing)
    };
    if is_missing("") || is_missing(node) {
        let before = text(&pod, "/status/containerStatuses/0/state/waiting/reason");
        let reason = if before == "ContainerCreating" {
            "ErrImagePull"
        } else {
            "ImagePullBackOff"
        };
        let words = format!(
            "Back-off pulling image \"{image}\": ErrImagePull: failed to pull and unpack image \"{image}\": dial tcp 127.0.0.1:1: connect: connection refused"
        );
        pod["status"]["containerStatuses"][0]["state"] =
            json!({ "waiting": { "reason": reason, "message": words } });
        state.store.put("pods", pod);
        return;
    }
    let attempt = text(&pod, "/metadata/labels/alcyone~1attempt").to_owned();
    let index = text(
        &pod,
        "/metadata/labels/batch.kubernetes.io~1job-completion-index",
    );
    match spawn(&state.folder, &pod, &container, uid) {
        Ok(child) => {
            state.starts.push((attempt, index.parse().ok()));
            let seconds = |pointer: &str| pod.pointer(pointer).and_then(Value::as_u64);
            let process = Process {
                child,
                started: Instant::now(),
                started_at: now(),
                deadline: seconds("/spec/activeDeadlineSeconds").map(Duration::from_secs),
                grace: Duration::from_secs(
                    seconds("/spec/terminationGracePeriodSeconds").unwrap_or(30),
                ),
                told_to_end: None,
                out_of_memory: false,
                over_deadline: false,
                has_ended: false,
            };
            pod["status"]["phase"] = "Running".into();
            pod["status"]["containerStatuses"][0]["state"] =
                json!({ "running": { "startedAt": process.started_at } });
            state.processes.insert(uid.to_owned(), process);
        }
        Err(error) => {
            pod["status"]["phase"] = "Failed".into();
            pod["status"]["containerStatuses"][0]["state"] = json!({ "terminated": {
                "exitCode": 128, "reason": "StartError",
                "message": format!("failed to create containerd task: {error}"),
                "startedAt": "1970-01-01T00:00:00Z", "finishedAt": now(),
            } });
            jobs::remember(state, &pod);
        }
    }
    state.store.put("pods", pod);
}

/// `$(NAME)` with a variable's value, `$$` with `$`; an unknown name stays as it is.
pub(crate) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(place) = rest.find('$') {
        out.push_str(&rest[..place]);
        rest = &rest[place + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            let unknown = || format!("$({name})");
            out += &variables.get(name).cloned().unwrap_or_else(unknown);
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

fn spawn(folder: &Path, pod: &Value, container: &Value, uid: &str) -> std::io::Result<Child> {
    let own = folder.join(uid);
    let mut mounts: BTreeMap<String, PathBuf> = BTreeMap::new();
    for mount in container["volumeMounts"].as_array().into_iter().flatten() {
        let place = own.join(text(mount, "/name"));
        std::fs::create_dir_all(&place)?;
        mounts.insert(text(mount, "/mountPath").to_owned(), place);
    }
    let mut variables = BTreeMap::new();
    for variable in container["env"].as_array().into_iter().flatten() {
        let path = text(variable, "/valueFrom/fieldRef/fieldPath");
        let value = match path.strip_prefix("metadata.annotations['") {
            Some(rest) => text(
                &pod["metadata"]["annotations"],
                &format!("/{}", rest.trim_end_matches("']").replace('/', "~1")),
            )
            .to_owned(),
            None => expand(text(variable, "/value"), &variables),
        };
        let value = mounts
            .get(&value)
            .map_or(value, |place| place.display().to_string());
        variables.insert(text(variable, "/name").to_owned(), value);
    }
    let words = |key: &str| -> Vec<String> {
        let all = container[key].as_array().into_iter().flatten();
        all.map(|word| expand(word.as_str().unwrap_or(""), &variables))
            .collect()
    };
    let argv = [words("command"), words("args")].concat();
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log_path(folder, uid))?;
    let directory = text(container, "/workingDir");
    let directory = mounts.get(directory).cloned().unwrap_or(own);
    std::fs::create_dir_all(&directory)?;
    let last_words = folder.join(format!("{uid}.words"));
    File::create(&last_words)?;
    Command::new(argv.first().map_or("", String::as_str))
        .args(argv.get(1..).unwrap_or_default())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(&variables)
        // In the place of `terminationMessagePath`.
        .env("ALCYONE_LAST_WORDS", last_words)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
}

fn watch_process(state: &mut State, pod: Value, uid: &str) {
    let process = state.processes.get_mut(uid).unwrap();
    if let Ok(Some(status)) = process.child.try_wait() {
        let code = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        if process.has_ended {
            settle(state, pod, uid);
        } else {
            over(state, pod, uid, code);
        }
        return;
    }
    if process
        .deadline
        .is_some_and(|deadline| process.started.elapsed() >= deadline)
    {
        process.over_deadline = true;
        process.told_to_end.get_or_insert_with(|| {
            signal(&process.child, Signal::TERM);
            Instant::now()
        });
    }
    if process
        .told_to_end
        .is_some_and(|since| since.elapsed() >= process.grace)
    {
        signal(&process.child, Signal::KILL);
    }
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, signal);
    }
}

fn over(state: &mut State, mut pod: Value, uid: &str, code: i32) {
    let process = state.processes.get_mut(uid).unwrap();
    process.has_ended = true;
    // What it left behind ends with the container.
    signal(&process.child, Signal::KILL);
    let words =
        std::fs::read_to_string(state.folder.join(format!("{uid}.words"))).unwrap_or_default();
    let (code, reason) = match (process.out_of_memory, code) {
        (true, _) => (137, "OOMKilled"),
        (false, 0) => (0, "Completed"),
        (false, code) => (code, "Error"),
    };
    let mut terminated = json!({
        "exitCode": code, "reason": reason,
        "startedAt": process.started_at, "finishedAt": now(),
        "containerID": format!("containerd://{uid}"),
    });
    if !words.is_empty() {
        terminated["message"] = words.into();
    }
    pod["status"]["containerStatuses"][0]["state"] = json!({ "terminated": terminated });
    state.store.put("pods", pod);
}

/// The phase, and the pod's own reason.
fn settle(state: &mut State, mut pod: Value, uid: &str) {
    let process = state.processes.remove(uid).unwrap();
    let code = &pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"];
    let phase = if *code == 0 { "Succeeded" } else { "Failed" };
    pod["status"]["phase"] = phase.into();
    if process.over_deadline {
        pod["status"]["phase"] = "Failed".into();
        pod["status"]["reason"] = "DeadlineExceeded".into();
        pod["status"]["message"] =
            "Pod was active on the node longer than the specified deadline".into();
    }
    let deleting = pod["metadata"].get("deletionTimestamp").is_some();
    let pod = state.store.put("pods", pod);
    jobs::remember(state, &pod);
    if deleting {
        gone(state, &pod);
    }
}

/// The Job controller counts a pod before it lets it go (finalizer `batch.kubernetes.io/job-tracking`).
fn gone(state: &mut State, pod: &Value) {
    let owner = text(pod, "/metadata/ownerReferences/0/name").to_owned();
    let (namespace, name) = (
        text(pod, "/metadata/namespace"),
        text(pod, "/metadata/name"),
    );
    let job = state.store.get("jobs", namespace, &owner).cloned();
    if let Some(mut job) = job
        && text(&job, "/metadata/uid") == text(pod, "/metadata/ownerReferences/0/uid")
        && job["spec"]["suspend"] != true
        && text(pod, "/status/phase") != "Succeeded"
        && !is_ignored(&job, pod)
    {
        let failed = job["status"]["failed"].as_u64().unwrap_or(0);
        job["status"]["failed"] = (failed + 1).into();
        if let Some(rule) = disruption_rule(&job, pod) {
            set_condition(&mut job, "FailureTarget", "True", "PodFailurePolicy", &rule);
        }
        state.store.put("jobs", job);
    }
    state.store.remove("pods", namespace, name);
}

pub(crate) fn is_ignored(job: &Value, pod: &Value) -> bool {
    let ignores = text(job, "/spec/podFailurePolicy/rules/0/action") == "Ignore";
    ignores && crate::store::has_condition(pod, "DisruptionTarget")
}

fn disruption_rule(job: &Value, pod: &Value) -> Option<String> {
    let fails = text(job, "/spec/podFailurePolicy/rules/0/action") == "FailJob";
    let disrupted = crate::store::has_condition(pod, "DisruptionTarget");
    (fails && disrupted).then(|| {
        format!(
            "Pod {}/{} has condition DisruptionTarget matching FailJob rule at index 0",
            text(pod, "/metadata/namespace"),
            text(pod, "/metadata/name")
        )
    })
}

/// Deletes a pod: its processes get their grace period.
pub(crate) fn end(state: &mut State, pod: &Value) {
    let uid = text(pod, "/metadata/uid");
    let (namespace, name) = (
        text(pod, "/metadata/namespace"),
        text(pod, "/metadata/name"),
    );
    let Some(mut pod) = state.store.get("pods", namespace, name).cloned() else {
        return;
    };
    if pod["metadata"].get("deletionTimestamp").is_some() {
        return;
    }
    pod["metadata"]["deletionTimestamp"] = now().into();
    let pod = state.store.put("pods", pod);
    match state.processes.get_mut(uid) {
        Some(process) => {
            process.told_to_end.get_or_insert_with(Instant::now);
            signal(&process.child, Signal::TERM);
        }
        None => gone(state, &pod),
    }
}

fn pods_named(state: &State, job: &str) -> Vec<Value> {
    let all = state.store.all("pods").into_iter();
    all.filter(|pod| text(pod, "/metadata/ownerReferences/0/name") == job)
        .collect()
}

pub(crate) fn disrupt(state: &mut State, job: &str, reason: &str, message: &str) {
    for mut pod in pods_named(state, job) {
        set_condition(&mut pod, "DisruptionTarget", "True", reason, message);
        let pod = state.store.put("pods", pod);
        end(state, &pod);
    }
}

pub(crate) fn disrupt_node(state: &mut State, node: &str) {
    for mut pod in state.store.all("pods") {
        if text(&pod, "/spec/nodeName") == node && text(&pod, "/status/phase") == "Running" {
            let words = "Taint manager: deleting due to NoExecute taint";
            set_condition(
                &mut pod,
                "DisruptionTarget",
                "True",
                "DeletionByTaintManager",
                words,
            );
            let pod = state.store.put("pods", pod);
            end(state, &pod);
        }
    }
}

/// The container writes to the end of the file, so what comes is at the beginning of an emptied one.
pub(crate) fn rotate_logs(state: &State, job: &str) {
    for pod in pods_named(state, job) {
        let path = log_path(&state.folder, text(&pod, "/metadata/uid"));
        File::create(path).unwrap();
    }
}

pub(crate) fn out_of_memory(state: &mut State, job: &str) {
    for pod in pods_named(state, job) {
        if let Some(process) = state.processes.get_mut(text(&pod, "/metadata/uid")) {
            process.out_of_memory = true;
            signal(&process.child, Signal::KILL);
        }
    }
}

pub(crate) fn kill_all(state: &mut State) {
    for process in state.processes.values_mut() {
        signal(&process.child, Signal::KILL);
        let _ = process.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_expanded_as_the_kubelet_expands_them() {
        let variables = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (text, expected) in [
            ("$(A)", "1"),
            ("$$(A)", "$(A)"),
            ("$(B) $A $", "$(B) $A $"),
            ("$$$$", "$$"),
            ("$(A", "$(A"),
        ] {
            assert_eq!(expand(text, &variables), expected, "{text}");
        }
    }
}
