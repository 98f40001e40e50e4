//! Creating and changing objects: decoding, defaults, validation, quota, webhooks.

use serde_json::{Value, json};

use crate::api::{Call, Target, singular};
use crate::cluster::State;
use crate::status::{
    Reply, created, invalid, not_found, ok, other_uid, qualified, refused, with_details,
};
use crate::store::{now, set_condition, text};
use crate::{kueue, validation};

const JOB_SPEC: &[&str] = &[
    "activeDeadlineSeconds",
    "backoffLimit",
    "backoffLimitPerIndex",
    "completionMode",
    "completions",
    "managedBy",
    "manualSelector",
    "maxFailedIndexes",
    "parallelism",
    "podFailurePolicy",
    "podReplacementPolicy",
    "selector",
    "successPolicy",
    "suspend",
    "template",
    "ttlSecondsAfterFinished",
];
const POD_SPEC: &[&str] = &[
    "activeDeadlineSeconds",
    "affinity",
    "automountServiceAccountToken",
    "containers",
    "enableServiceLinks",
    "hostname",
    "imagePullSecrets",
    "nodeSelector",
    "priorityClassName",
    "restartPolicy",
    "runtimeClassName",
    "securityContext",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "volumes",
];
const CONTAINER: &[&str] = &[
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "name",
    "resources",
    "securityContext",
    "volumeMounts",
    "workingDir",
];

pub(crate) fn create(state: &mut State, call: &Call, target: &Target) -> Reply {
    let object: Value = match serde_json::from_slice(&call.body) {
        Ok(object) => object,
        Err(error) => {
            let words = format!(
                "the object provided is unrecognized (must be of type Job): couldn't get version/kind; \
                 json parse error: {error}"
            );
            return refused(400, "BadRequest", &words);
        }
    };
    let own = text(&object, "/metadata/namespace");
    if !own.is_empty() && own != target.namespace {
        let words =
            "the namespace of the provided object does not match the namespace sent on the request";
        return refused(400, "BadRequest", words);
    }
    if target.plural == "jobs" {
        return create_job(state, call, target, object);
    }
    let name = text(&object, "/metadata/name").to_owned();
    if target.plural == "services" {
        let causes = validation::wrong_with_service(&object, &name);
        if !causes.is_empty() {
            return invalid("Service", &name, &causes);
        }
    }
    if state
        .store
        .get(&target.plural, &target.namespace, &name)
        .is_some()
    {
        return exists(target, &name, "");
    }
    stored(state, target, object)
}

fn exists(target: &Target, name: &str, before: &str) -> Reply {
    let full = qualified(&target.plural, &target.group);
    let details = json!({ "name": name, "group": target.group, "kind": target.plural });
    let words = format!("{before}{full} \"{name}\" already exists");
    with_details(409, "AlreadyExists", &words, details)
}

fn stored(state: &mut State, target: &Target, mut object: Value) -> Reply {
    object["metadata"]["uid"] = state.store.uid().into();
    object["metadata"]["namespace"] = target.namespace.clone().into();
    object["metadata"]["creationTimestamp"] = now().into();
    created(state.store.put(&target.plural, object))
}

fn create_job(state: &mut State, call: &Call, target: &Target, mut job: Value) -> Reply {
    let name = text(&job, "/metadata/name").to_owned();
    if call
        .query
        .get("fieldValidation")
        .is_some_and(|v| v == "Strict")
        && let Some(field) = unknown_field(&job)
    {
        let words = format!(
            "Job in version \"v1\" cannot be handled as a Job: strict decoding error: unknown field \
             \"{field}\""
        );
        return refused(400, "BadRequest", &words);
    }
    let version = text(&job, "/apiVersion");
    if version != "batch/v1" {
        let short = version.rsplit('/').next().unwrap_or_default();
        let words = format!(
            "Job in version \"{short}\" cannot be handled as a Job: no kind \"Job\" is registered for \
             version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\""
        );
        return refused(400, "BadRequest", &words);
    }
    if let Some(refusal) = kueue::admit(state, &mut job) {
        return refusal;
    }
    let causes = validation::wrong_with(&job, &name);
    if !causes.is_empty() {
        return invalid("Job.batch", &name, &causes);
    }
    if let Some(found) = state.store.get("jobs", &target.namespace, &name) {
        let deleting = found["metadata"].get("deletionTimestamp").is_some();
        let before = if deleting {
            "object is being deleted: "
        } else {
            ""
        };
        return exists(target, &name, before);
    }
    if let Some(&hard) = state.quotas.get("count/jobs.batch") {
        let used = state.store.all("jobs").len();
        if i64::try_from(used).is_ok_and(|used| used >= hard) {
            let words = format!(
                "jobs.batch \"{name}\" is forbidden: exceeded quota: count, requested: \
                 count/jobs.batch=1, used: count/jobs.batch={used}, limited: count/jobs.batch={hard}"
            );
            let details = json!({ "name": name, "group": "batch", "kind": "jobs" });
            return with_details(403, "Forbidden", &words, details);
        }
    }
    defaults(&mut job);
    stored(state, target, job)
}

fn unknown_field(job: &Value) -> Option<String> {
    let unknown = |object: &Value, known: &[&str], at: &str| {
        let fields = object.as_object()?;
        let field = fields.keys().find(|key| !known.contains(&key.as_str()))?;
        Some(format!("{at}.{field}"))
    };
    let pod = &job["spec"]["template"]["spec"];
    unknown(&job["spec"], JOB_SPEC, "spec")
        .or_else(|| unknown(pod, POD_SPEC, "spec.template.spec"))
        .or_else(|| {
            unknown(
                &pod["containers"][0],
                CONTAINER,
                "spec.template.spec.containers[0]",
            )
        })
}

fn defaults(job: &mut Value) {
    let labels = job["spec"]["template"]["metadata"]["labels"].clone();
    if job["metadata"].get("labels").is_none() {
        job["metadata"]["labels"] = labels;
    }
    let spec = &mut job["spec"];
    for (key, value) in [
        ("parallelism", json!(1)),
        ("completions", json!(1)),
        ("completionMode", json!("NonIndexed")),
        ("backoffLimit", json!(6)),
        ("podReplacementPolicy", json!("TerminatingOrFailed")),
        ("suspend", json!(false)),
    ] {
        if spec.get(key).is_none() {
            spec[key] = value;
        }
    }
    job["metadata"]["generation"] = 1.into();
    job["status"] = json!({});
}

/// What no update changes, and what it makes of the rest.
fn changed(target: &Target, before: &Value, after: &Value, name: &str) -> Option<Reply> {
    if target.plural != "jobs" {
        return None;
    }
    let fixed = [
        "completionMode",
        "completions",
        "selector",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "podReplacementPolicy",
    ];
    let mut changed = fixed
        .iter()
        .filter(|field| before["spec"][*field] != after["spec"][*field]);
    if let Some(field) = changed.next() {
        let value = &after["spec"][*field];
        let words = format!("Invalid value: {value}: field is immutable");
        let cause = ("FieldValueInvalid", format!("spec.{field}"), words);
        return Some(invalid("Job.batch", name, &[cause]));
    }
    let causes = validation::wrong_with(after, name);
    (!causes.is_empty()).then(|| invalid("Job.batch", name, &causes))
}

/// A JSON merge patch.
pub(crate) fn patch(state: &mut State, call: &Call, target: &Target, name: &str) -> Reply {
    let Some(mut object) = state
        .store
        .get(&target.plural, &target.namespace, name)
        .cloned()
    else {
        return not_found(&target.plural, &target.group, name);
    };
    let change: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let (wanted, uid) = (
        text(&change, "/metadata/uid"),
        text(&object, "/metadata/uid"),
    );
    if let Some(refusal) = other_uid(singular(target), name, wanted, uid) {
        return refusal;
    }
    let before = object.clone();
    merge(&mut object, &change);
    let version = text(&change, "/metadata/resourceVersion");
    if !version.is_empty() && version != text(&before, "/metadata/resourceVersion") {
        let words = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply \
             your changes to the latest version and try again",
            qualified(&target.plural, &target.group)
        );
        return refused(409, "Conflict", &words);
    }
    if target.plural == "jobs"
        && before["spec"]["template"] != object["spec"]["template"]
        && before["spec"]["suspend"] == false
    {
        let words = "Invalid value: field is immutable".to_owned();
        let cause = ("FieldValueInvalid", "spec.template".to_owned(), words);
        return invalid("Job.batch", name, &[cause]);
    }
    if let Some(refusal) = changed(target, &before, &object, name) {
        return refusal;
    }
    if target.plural == "jobs"
        && let Some(refusal) = kueue::forbids(state, &before, &object)
    {
        return refusal;
    }
    if before["spec"]["suspend"] == true && object["spec"]["suspend"] == false {
        set_condition(
            &mut object,
            "Suspended",
            "False",
            "JobResumed",
            "Job resumed",
        );
    }
    ok(state.store.put(&target.plural, object))
}

fn merge(object: &mut Value, change: &Value) {
    let Some(fields) = change.as_object() else {
        *object = change.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut object[key], value);
        }
    }
}
