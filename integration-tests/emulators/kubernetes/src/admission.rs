//! Creating and changing objects: decoding, defaults, validation, quota, webhooks.

use serde_json::{Value, json};

use crate::api::{Call, Target};
use crate::cluster::State;
use crate::kueue;
use crate::status::{Reply, created, invalid, not_found, ok, qualified, refused, with_details};
use crate::store::{now, set_condition, text};

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
            let words = format!("the object provided is unrecognized: json parse error: {error}");
            return refused(400, "BadRequest", &words);
        }
    };
    if target.plural == "jobs" {
        return create_job(state, call, target, object);
    }
    let name = text(&object, "/metadata/name").to_owned();
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
    if let Some(refusal) = kueue::admit(state, &mut job) {
        return refusal;
    }
    let causes = wrong_with(&job, &name);
    if !causes.is_empty() {
        let causes: Vec<(&str, &str, &str)> = causes
            .iter()
            .map(|(reason, field, message)| (*reason, field.as_str(), message.as_str()))
            .collect();
        return invalid(&name, &causes);
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

type Cause = (&'static str, String, String);

fn wrong_with(job: &Value, name: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut wrong = |reason, field: &str, message: String| {
        causes.push((reason, field.to_owned(), message));
    };
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
    if !is_name {
        let message = format!(
            "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        );
        wrong("FieldValueInvalid", "metadata.name", message);
    }
    if name.len() > 63 {
        let message = format!("Invalid value: \"{name}\": must be no more than 63 bytes");
        wrong("FieldValueInvalid", "spec.template.labels", message);
    }
    let notes = job["metadata"]["annotations"].as_object();
    let size: usize = notes
        .into_iter()
        .flatten()
        .map(|(k, v)| k.len() + v.as_str().map_or(0, str::len))
        .sum();
    if size > 262_144 {
        let message = "Too long: may not be more than 262144 bytes".to_owned();
        wrong("FieldValueTooLong", "metadata.annotations", message);
    }
    let pod = &job["spec"]["template"]["spec"];
    if !matches!(text(pod, "/restartPolicy"), "Never" | "OnFailure") {
        let message = "Required value: valid values: \"OnFailure\", \"Never\"".to_owned();
        wrong(
            "FieldValueRequired",
            "spec.template.spec.restartPolicy",
            message,
        );
    }
    let resources = &pod["containers"][0]["resources"];
    let gpus = (
        text(resources, "/limits/nvidia.com~1gpu"),
        text(resources, "/requests/nvidia.com~1gpu"),
    );
    let at = "spec.template.spec.containers[0].resources";
    match gpus {
        ("", "") => {}
        ("", _) => wrong(
            "FieldValueRequired",
            &format!("{at}.limits"),
            "Required value: Limit must be set for non overcommitable resources".to_owned(),
        ),
        (limit, _) if limit.parse::<u32>().is_err() => wrong(
            "FieldValueInvalid",
            &format!("{at}.limits[nvidia.com/gpu]"),
            format!("Invalid value: \"{limit}\": must be an integer"),
        ),
        (limit, request) if request != limit && !request.is_empty() => wrong(
            "FieldValueInvalid",
            &format!("{at}.requests"),
            format!(
                "Invalid value: \"{request}\": must be equal to nvidia.com/gpu limit of {limit}"
            ),
        ),
        _ => {}
    }
    let policy = job["spec"].get("podFailurePolicy").is_some();
    if policy && job["spec"]["podReplacementPolicy"] == "TerminatingOrFailed" {
        wrong(
            "FieldValueNotSupported",
            "spec.podReplacementPolicy",
            "Unsupported value: \"TerminatingOrFailed\": supported values: \"Failed\"".to_owned(),
        );
    }
    causes
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
    if !wanted.is_empty() && wanted != uid {
        let words = format!(
            "Operation cannot be fulfilled on {} \"{name}\": Precondition failed: UID in \
             precondition: {wanted}, UID in object meta: {uid}",
            qualified(&target.plural, &target.group)
        );
        return refused(409, "Conflict", &words);
    }
    let before = object.clone();
    merge(&mut object, &change);
    if target.plural == "jobs"
        && before["spec"]["template"] != object["spec"]["template"]
        && before["spec"]["suspend"] == false
    {
        return invalid(
            name,
            &[("FieldValueInvalid", "spec.template", "field is immutable")],
        );
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
