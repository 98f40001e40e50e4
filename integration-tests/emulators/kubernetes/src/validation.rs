//! What the API server makes of a Job before it stores it (`pkg/apis/batch/validation`), as far as a
//! submitter could get it wrong.

use serde_json::Value;

use crate::store::text;

/// Reason, field, message.
pub(crate) type Cause = (&'static str, String, String);

const KEY: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const MOST_ANNOTATIONS: usize = 262_144;

#[derive(Default)]
struct Causes(Vec<Cause>);

impl Causes {
    fn invalid(&mut self, field: &str, value: &str, words: &str) {
        let message = format!("Invalid value: \"{value}\": {words}");
        self.0
            .push(("FieldValueInvalid", field.to_owned(), message));
    }

    fn required(&mut self, field: &str, words: &str) {
        let message = format!("Required value{words}");
        self.0
            .push(("FieldValueRequired", field.to_owned(), message));
    }

    fn unsupported(&mut self, field: &str, value: &str, words: &str) {
        let message = format!("Unsupported value: \"{value}\": supported values: {words}");
        self.0
            .push(("FieldValueNotSupported", field.to_owned(), message));
    }
}

pub(crate) fn wrong_with(job: &Value, name: &str) -> Vec<Cause> {
    let mut causes = Causes::default();
    metadata(&mut causes, job, name);
    spec(&mut causes, &job["spec"], name);
    pod(&mut causes, &job["spec"]["template"]["spec"]);
    causes.0
}

fn metadata(causes: &mut Causes, job: &Value, name: &str) {
    if !is_subdomain(name) {
        causes.invalid("metadata.name", name, SUBDOMAIN);
    }
    labels(causes, &job["metadata"]["labels"], "metadata.labels");
    let own = &job["spec"]["template"]["metadata"]["labels"];
    labels(causes, own, "spec.template.labels");
    if name.len() > 63 {
        causes.invalid(
            "spec.template.labels",
            name,
            "must be no more than 63 bytes",
        );
    }
    let notes = job["metadata"]["annotations"].as_object();
    let notes: Vec<(&String, &Value)> = notes.into_iter().flatten().collect();
    for (key, _) in &notes {
        if !is_qualified(&key.to_lowercase()) {
            causes.invalid("metadata.annotations", key, KEY);
        }
    }
    let sizes = notes
        .iter()
        .map(|(k, v)| k.len() + v.as_str().map_or(0, str::len));
    if sizes.sum::<usize>() > MOST_ANNOTATIONS {
        let words = "Too long: may not be more than 262144 bytes".to_owned();
        let field = "metadata.annotations".to_owned();
        causes.0.push(("FieldValueTooLong", field, words));
    }
}

fn labels(causes: &mut Causes, labels: &Value, field: &str) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or("");
        if !is_qualified(key) {
            causes.invalid(field, key, KEY);
        }
        if value.len() > 63 {
            causes.invalid(field, value, "must be no more than 63 bytes");
        } else if !(value.is_empty() || is_name_part(value)) {
            causes.invalid(field, value, VALUE);
        }
    }
}

fn spec(causes: &mut Causes, spec: &Value, name: &str) {
    for field in [
        "activeDeadlineSeconds",
        "backoffLimit",
        "backoffLimitPerIndex",
        "completions",
        "parallelism",
        "ttlSecondsAfterFinished",
    ] {
        not_negative(causes, &spec[field], &format!("spec.{field}"));
    }
    let indexed = spec["completionMode"] == "Indexed";
    let per_index = !spec["backoffLimitPerIndex"].is_null();
    if per_index && !indexed {
        let words = "requires indexed completion mode";
        causes.invalid("spec.backoffLimitPerIndex", "0", words);
    }
    if indexed {
        let Some(completions) = spec["completions"].as_u64() else {
            let words = ": when completion mode is Indexed";
            return causes.required("spec.completions", words);
        };
        if spec["parallelism"].as_u64().unwrap_or(1) > 100_000 {
            causes.invalid(
                "spec.parallelism",
                "",
                "must be less than or equal to 100000",
            );
        }
        let last = format!("{name}-{}", completions.saturating_sub(1));
        if last.len() > 63 {
            causes.invalid("metadata.name", &last, "must be no more than 63 bytes");
        }
    }
    failure_policy(causes, spec, per_index);
}

fn failure_policy(causes: &mut Causes, spec: &Value, per_index: bool) {
    let Some(policy) = spec.get("podFailurePolicy") else {
        return;
    };
    if spec["podReplacementPolicy"] == "TerminatingOrFailed" {
        let field = "spec.podReplacementPolicy";
        causes.unsupported(field, "TerminatingOrFailed", "\"Failed\"");
    }
    if spec["template"]["spec"]["restartPolicy"] != "Never" {
        let words = "only \"Never\" is supported when podFailurePolicy is specified";
        causes.invalid("spec.template.spec.restartPolicy", "OnFailure", words);
    }
    for (place, rule) in policy["rules"].as_array().into_iter().flatten().enumerate() {
        let at = format!("spec.podFailurePolicy.rules[{place}]");
        match text(rule, "/action") {
            "FailJob" | "Ignore" | "Count" => {}
            "FailIndex" if per_index => {}
            "FailIndex" => {
                let words = "requires the backoffLimitPerIndex to be set";
                causes.invalid(&format!("{at}.action"), "FailIndex", words);
            }
            other => {
                let all = "\"Count\", \"FailIndex\", \"FailJob\", \"Ignore\"";
                causes.unsupported(&format!("{at}.action"), other, all);
            }
        }
        let conditions = rule["onPodConditions"].as_array();
        for (place, condition) in conditions.into_iter().flatten().enumerate() {
            if !matches!(text(condition, "/status"), "True" | "False" | "Unknown") {
                let field = format!("{at}.onPodConditions[{place}].status");
                causes.required(&field, ": valid values: \"False\", \"True\", \"Unknown\"");
            }
        }
    }
}

fn pod(causes: &mut Causes, pod: &Value) {
    let at = "spec.template.spec";
    if !matches!(text(pod, "/restartPolicy"), "Never" | "OnFailure") {
        let words = ": valid values: \"OnFailure\", \"Never\"";
        causes.required(&format!("{at}.restartPolicy"), words);
    }
    if let Some(deadline) = pod["activeDeadlineSeconds"].as_i64()
        && !(1..=i64::from(i32::MAX)).contains(&deadline)
    {
        let words = "must be between 1 and 2147483647, inclusive";
        let field = format!("{at}.activeDeadlineSeconds");
        causes.invalid(&field, &deadline.to_string(), words);
    }
    not_negative(
        causes,
        &pod["terminationGracePeriodSeconds"],
        &format!("{at}.terminationGracePeriodSeconds"),
    );
    for field in ["hostname", "subdomain"] {
        let value = text(pod, &format!("/{field}"));
        if !value.is_empty() && !is_label(value) {
            causes.invalid(&format!("{at}.{field}"), value, LABEL);
        }
    }
    for (place, toleration) in pod["tolerations"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = format!("{at}.tolerations[{place}]");
        let operator = text(toleration, "/operator");
        if text(toleration, "/key").is_empty() && operator != "Exists" {
            let words = "operator must be Exists when `key` is empty, which means \"match all \
                         values and all keys\"";
            causes.invalid(&format!("{at}.operator"), operator, words);
        }
        if operator == "Exists" && !text(toleration, "/value").is_empty() {
            let words = "value must be empty when `operator` is 'Exists'";
            causes.invalid(&format!("{at}.operator"), operator, words);
        }
    }
    let containers = pod["containers"].as_array().map_or(&[][..], Vec::as_slice);
    if containers.is_empty() {
        causes.required(&format!("{at}.containers"), "");
    }
    for (place, container) in containers.iter().enumerate() {
        let at = format!("{at}.containers[{place}]");
        one_container(causes, pod, container, &at);
    }
}

fn one_container(causes: &mut Causes, pod: &Value, container: &Value, at: &str) {
    if !is_label(text(container, "/name")) {
        causes.invalid(&format!("{at}.name"), text(container, "/name"), LABEL);
    }
    if text(container, "/image").is_empty() {
        causes.required(&format!("{at}.image"), "");
    }
    let volumes = pod["volumes"].as_array();
    let volumes: Vec<&str> = volumes
        .into_iter()
        .flatten()
        .map(|v| text(v, "/name"))
        .collect();
    for (place, mount) in container["volumeMounts"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let name = text(mount, "/name");
        if !volumes.contains(&name) {
            let field = format!("{at}.volumeMounts[{place}].name");
            let words = format!("Not found: \"{name}\"");
            causes.0.push(("FieldValueNotFound", field, words));
        }
    }
    accelerators(causes, &container["resources"], &format!("{at}.resources"));
}

fn accelerators(causes: &mut Causes, resources: &Value, at: &str) {
    let limit = text(resources, "/limits/nvidia.com~1gpu");
    let request = text(resources, "/requests/nvidia.com~1gpu");
    match (limit, request) {
        ("", "") => {}
        ("", _) => causes.required(
            &format!("{at}.limits"),
            ": Limit must be set for non overcommitable resources",
        ),
        (limit, _) if limit.parse::<u32>().is_err() => {
            let field = format!("{at}.limits[nvidia.com/gpu]");
            causes.invalid(&field, limit, "must be an integer");
        }
        (limit, request) if request != limit && !request.is_empty() => {
            let words = format!("must be equal to nvidia.com/gpu limit of {limit}");
            causes.invalid(&format!("{at}.requests"), request, &words);
        }
        _ => {}
    }
}

fn not_negative(causes: &mut Causes, value: &Value, field: &str) {
    if let Some(number) = value.as_i64().filter(|number| *number < 0) {
        let message = format!("Invalid value: {number}: must be greater than or equal to 0");
        causes
            .0
            .push(("FieldValueInvalid", field.to_owned(), message));
    }
}

/// A headless service needs no ports, every other does; its name begins with a letter (RFC 1035).
pub(crate) fn wrong_with_service(service: &Value, name: &str) -> Vec<Cause> {
    let mut causes = Causes::default();
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if !is_label(name) || !begins {
        let words = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
                     start with an alphabetic character, and end with an alphanumeric character";
        causes.invalid("metadata.name", name, words);
    }
    labels(
        &mut causes,
        &service["metadata"]["labels"],
        "metadata.labels",
    );
    labels(&mut causes, &service["spec"]["selector"], "spec.selector");
    let ports = service["spec"]["ports"].as_array().map_or(0, Vec::len);
    if ports == 0 && service["spec"]["clusterIP"] != "None" {
        causes.required("spec.ports", "");
    }
    causes.0
}

fn is_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| plain(b) || b == b'-')
        && text.bytes().next().is_some_and(plain)
        && text.bytes().last().is_some_and(plain)
}

fn is_subdomain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= 253
        && text.split('.').all(|part| {
            part.bytes().all(|b| plain(b) || b == b'-')
                && part.bytes().next().is_some_and(plain)
                && part.bytes().last().is_some_and(plain)
        })
}

fn is_name_part(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    (1..=63).contains(&text.len())
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// `prefix/name`, where the prefix is a DNS subdomain.
fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name_part(name),
        None => is_name_part(key),
    }
}
