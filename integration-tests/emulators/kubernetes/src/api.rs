//! What a request asks for, and the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http::{Method, Response};
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::cluster::{Shared, State};
use crate::server::{Body, streamed, whole};
use crate::status::{
    Reply, created, not_found, ok, qualified, refused, text as plain, with_details,
};
use crate::store::{age, text};
use crate::{admission, deletion};

const REVIEWS: &str = "selfsubjectaccessreviews";
/// Bookmarks come about every minute from a real one.
const BOOKMARK: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) user: Option<String>,
    /// The submitter's certificate came with the connection.
    pub(crate) certified: bool,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// What a path names.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
}

/// How conflicts call it.
pub(crate) fn singular(target: &Target) -> &str {
    match target.plural.as_str() {
        "jobs" => "Job.batch",
        plural => plural,
    }
}

pub(crate) fn query(text: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

pub(crate) fn target(path: &str) -> Option<Target> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", "v1", rest @ ..] => ("", rest),
        ["apis", group, _version, rest @ ..] => (*group, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let (plural, name) = match rest {
        [plural] => (plural, None),
        [plural, name] | [plural, name, "log" | "status"] => (plural, Some((*name).to_owned())),
        _ => return None,
    };
    Some(Target {
        group: group.to_owned(),
        plural: (*plural).to_owned(),
        namespace: namespace.to_owned(),
        name,
    })
}

pub(crate) fn answer(state: &mut State, call: &Call) -> Reply {
    if call.path == "/version" {
        return ok(json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.2" }));
    }
    if call.path == "/apis/kueue.x-k8s.io" && state.kueue.is_some() {
        let version = json!({ "groupVersion": "kueue.x-k8s.io/v1beta2", "version": "v1beta2" });
        return ok(json!({ "kind": "APIGroup", "preferredVersion": version }));
    }
    let Some(target) = target(&call.path) else {
        return plain(404, "404 page not found\n");
    };
    if target.group == "kueue.x-k8s.io" && state.kueue.is_none() {
        return plain(404, "404 page not found\n");
    }
    if let Some(refusal) = unauthorized(state, call, &target) {
        return refusal;
    }
    if let Some(refusal) = other_media(call) {
        return refusal;
    }
    match (&call.method, &target.name) {
        (&Method::POST, None) if target.plural == REVIEWS => review(state, &call.body),
        (&Method::GET, None) => list(state, call, &target),
        (&Method::GET, Some(name)) => one(state, &target, name),
        (&Method::POST, None) => admission::create(state, call, &target),
        (&Method::PATCH, Some(name)) => admission::patch(state, call, &target, name),
        (&Method::DELETE, Some(name)) => deletion::delete(state, call, &target, name),
        _ => refused(
            405,
            "MethodNotAllowed",
            "the server does not allow this method",
        ),
    }
}

fn other_media(call: &Call) -> Option<Reply> {
    let sent = call.content_type.split(';').next().unwrap_or_default();
    let words = match call.method.as_str() {
        "POST" if sent != "application/json" => {
            "the body of the request was in an unknown format - accepted media types include: \
             application/json, application/yaml, application/vnd.kubernetes.protobuf"
        }
        "PATCH" if sent != "application/merge-patch+json" => "415: Unsupported Media Type",
        _ => return None,
    };
    Some(refused(415, "UnsupportedMediaType", words))
}

fn verb(method: &Method, has_name: bool) -> &'static str {
    match (method.as_str().len(), has_name) {
        (3, true) => "get",
        (3, false) => "list",
        (4, _) => "create",
        (5, _) => "patch",
        _ => "delete",
    }
}

/// 401 and 403 as they were recorded.
pub(crate) fn unauthorized(state: &mut State, call: &Call, target: &Target) -> Option<Reply> {
    let user = match call.user.as_deref() {
        Some(header) if header == format!("Bearer {}", state.token) => "submitter",
        Some(_) => {
            return Some(refused(401, "Unauthorized", "Unauthorized"));
        }
        None if call.certified => "submitter",
        None => "system:anonymous",
    };
    let right = wanted(call, target);
    if user == "submitter" && !lacks(state, target, &right) {
        if right.1 != REVIEWS {
            state.used.insert(right);
        }
        return None;
    }
    Some(forbidden(user, target, &right))
}

/// The right that a call needs: verb and resource.
fn wanted(call: &Call, target: &Target) -> (String, String) {
    let watches = call.query.contains_key("watch");
    let verb = if watches {
        "watch"
    } else {
        verb(&call.method, target.name.is_some())
    };
    let log = if call.path.ends_with("/log") {
        "/log"
    } else {
        ""
    };
    (verb.to_owned(), format!("{}{log}", target.plural))
}

fn lacks(state: &State, target: &Target, right: &(String, String)) -> bool {
    let (verb, resource) = right;
    let at_all = target.namespace.is_empty();
    let everywhere = matches!(target.plural.as_str(), "nodes" | REVIEWS);
    let here = everywhere || at_all || state.namespaces.contains(&target.namespace);
    let of_all = (verb.clone(), format!("all {resource}"));
    let is_left_out = |granted: &BTreeSet<_>| resource != REVIEWS && !granted.contains(right);
    !here
        || state.denied.contains(right)
        || (at_all && state.denied.contains(&of_all))
        || state.granted.as_ref().is_some_and(is_left_out)
}

fn forbidden(user: &str, target: &Target, right: &(String, String)) -> Reply {
    let (verb, resource) = right;
    let full = qualified(resource, &target.group);
    let what = target
        .name
        .as_ref()
        .map_or_else(|| full.clone(), |name| format!("{full} \"{name}\""));
    let place = if target.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", target.namespace)
    };
    let words = format!(
        "{what} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \
         \"{}\" {place}",
        target.group
    );
    let details = json!({ "group": target.group, "kind": target.plural });
    with_details(403, "Forbidden", &words, details)
}

fn review(state: &State, body: &[u8]) -> Reply {
    let mut review: Value = serde_json::from_slice(body).unwrap_or_default();
    let wanted = &review["spec"]["resourceAttributes"];
    let sub = text(wanted, "/subresource");
    let slash = if sub.is_empty() { "" } else { "/" };
    let resource = format!("{}{slash}{sub}", text(wanted, "/resource"));
    let right = (text(wanted, "/verb").to_owned(), resource);
    let namespace = text(wanted, "/namespace");
    let here = namespace.is_empty() || state.namespaces.contains(namespace);
    let granted = state.granted.as_ref();
    let allowed =
        here && !state.denied.contains(&right) && granted.is_none_or(|all| all.contains(&right));
    review["status"] = json!({ "allowed": allowed });
    created(review)
}

/// `a=b` or `a!=b`.
fn comparison(part: &str) -> (&str, &str, bool) {
    if let Some((path, value)) = part.split_once("!=") {
        return (path, value, false);
    }
    let (path, value) = part.split_once('=').unwrap_or((part, ""));
    (path, value, true)
}

pub(crate) fn fits(object: &Value, call: &Call, target: &Target) -> bool {
    let here =
        target.namespace.is_empty() || text(object, "/metadata/namespace") == target.namespace;
    let labels = &object["metadata"]["labels"];
    let label = call.query.get("labelSelector").is_none_or(|selector| {
        selector
            .split(',')
            .filter(|part| !part.is_empty())
            .all(|part| match part.split_once('=') {
                Some((key, value)) => labels[key] == value.trim_start_matches('='),
                None => labels.get(part).is_some(),
            })
    });
    let field = call.query.get("fieldSelector").is_none_or(|selector| {
        selector
            .split(',')
            .filter(|part| !part.is_empty())
            .all(|part| {
                let (path, value, wanted) = comparison(part);
                let pointer = format!("/{}", path.replace('.', "/"));
                (text(object, &pointer) == value) == wanted
            })
    });
    here && label && field
}

/// A selector on a field that the kind does not offer for it.
fn unselectable(call: &Call, target: &Target) -> Option<Reply> {
    let (kind, known): (&str, &[&str]) = match target.plural.as_str() {
        "jobs" => ("Job", &["status.successful"]),
        "pods" => (
            "Pod",
            &[
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "status.phase",
                "status.podIP",
                "status.nominatedNodeName",
            ],
        ),
        "nodes" => ("Node", &["spec.unschedulable"]),
        _ => return None,
    };
    let selector = call.query.get("fieldSelector")?;
    let wrong = selector
        .split(',')
        .map(|part| comparison(part).0.trim_end_matches('='))
        .find(|path| {
            !matches!(*path, "metadata.name" | "metadata.namespace") && !known.contains(path)
        })?;
    let words = format!("field label \"{wrong}\" not supported for {kind}");
    Some(refused(400, "BadRequest", &words))
}

fn list(state: &State, call: &Call, target: &Target) -> Reply {
    if let Some(refusal) = unselectable(call, target) {
        return refusal;
    }
    if let Some(refusal) = too_new(state, call) {
        return refusal;
    }
    let all = state.store.all(&target.plural);
    let all: Vec<Value> = all.into_iter().filter(|o| fits(o, call, target)).collect();
    let start = match call
        .query
        .get("continue")
        .map(|token| token.parse::<usize>())
    {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => {
            let words = "invalid continue token: continue key is not valid: invalid character '\\x00' \
                         looking for beginning of value";
            return refused(400, "BadRequest", words);
        }
    };
    let limit = call
        .query
        .get("limit")
        .and_then(|l| l.parse().ok())
        .unwrap_or(usize::MAX);
    let page: Vec<Value> = all.iter().skip(start).take(limit).cloned().collect();
    let mut meta = json!({ "resourceVersion": state.store.version.to_string() });
    let end = start + page.len();
    if end < all.len() {
        meta["continue"] = end.to_string().into();
        meta["remainingItemCount"] = (all.len() - end).into();
    }
    let (kind, version) = match target.plural.as_str() {
        "jobs" => ("JobList", "batch/v1"),
        "pods" => ("PodList", "v1"),
        "nodes" => ("NodeList", "v1"),
        "events" => ("EventList", "v1"),
        "services" => ("ServiceList", "v1"),
        "workloads" => ("WorkloadList", "kueue.x-k8s.io/v1beta2"),
        "clusterqueues" => ("ClusterQueueList", "kueue.x-k8s.io/v1beta2"),
        "resourceflavors" => ("ResourceFlavorList", "kueue.x-k8s.io/v1beta2"),
        _ => ("LocalQueueList", "kueue.x-k8s.io/v1beta2"),
    };
    ok(json!({ "kind": kind, "apiVersion": version, "metadata": meta, "items": page }))
}

/// A version that is not there yet is waited for, in vain.
fn too_new(state: &State, call: &Call) -> Option<Reply> {
    let wanted: u64 = call.query.get("resourceVersion")?.parse().ok()?;
    let known = state.store.version;
    if wanted <= known {
        return None;
    }
    let words = format!("Timeout: Too large resource version: {wanted}, current: {known}");
    let cause =
        json!({ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" });
    let details = json!({ "causes": [cause], "retryAfterSeconds": 1 });
    Some(with_details(504, "Timeout", &words, details))
}

fn one(state: &State, target: &Target, name: &str) -> Reply {
    match state.store.get(&target.plural, &target.namespace, name) {
        Some(object) => ok(object.clone()),
        None => not_found(&target.plural, &target.group, name),
    }
}

/// Changes from a version on, with bookmarks; 410 inside the stream for a version that is forgotten.
pub(crate) fn watch(shared: &Arc<Shared>, call: &Call) -> Response<Body> {
    let Some(target) = target(&call.path) else {
        return whole(plain(404, "404 page not found\n"));
    };
    if let Some(refusal) = unauthorized(&mut shared.lock(), call, &target) {
        return whole(refusal);
    }
    if let Some(refusal) = too_new(&shared.lock(), call) {
        return whole(refusal);
    }
    let from = call
        .query
        .get("resourceVersion")
        .and_then(|v| v.parse().ok())
        .unwrap_or(0);
    let seconds = call
        .query
        .get("timeoutSeconds")
        .and_then(|s| s.parse().ok())
        .unwrap_or(1800);
    let until = Instant::now() + Duration::from_secs(seconds);
    let call = Arc::new(call.clone());
    let seen = shared.version.subscribe();
    let start = (Arc::clone(shared), seen, from, false);
    let pieces = stream::unfold(start, move |(shared, mut seen, from, over)| {
        let (call, target) = (Arc::clone(&call), target.clone());
        async move {
            if over || Instant::now() >= until {
                return None;
            }
            let (mut lines, next, over) = changes(&shared, &call, &target, from);
            if lines.is_empty() {
                let waited = tokio::time::timeout(BOOKMARK, seen.changed()).await;
                if waited.is_err() {
                    lines = bookmark(&target, next);
                }
            }
            let frame = Ok(Frame::data(Bytes::from(lines)));
            Some((frame, (shared, seen, next, over)))
        }
    });
    streamed(pieces.boxed())
}

fn bookmark(target: &Target, version: u64) -> String {
    let (kind, group) = match target.plural.as_str() {
        "jobs" => ("Job", "batch/v1"),
        _ => ("Pod", "v1"),
    };
    let bookmark = json!({ "type": "BOOKMARK", "object": {
        "kind": kind, "apiVersion": group,
        "metadata": { "resourceVersion": version.to_string(), "creationTimestamp": null },
        "spec": { "template": { "metadata": {}, "spec": { "containers": null } } },
        "status": {},
    } });
    format!("{bookmark}\n")
}

fn changes(shared: &Shared, call: &Call, target: &Target, from: u64) -> (String, u64, bool) {
    let state = shared.lock();
    if from < state.store.oldest {
        let words = format!("too old resource version: {from} ({})", state.store.oldest);
        let status = crate::status::failure(410, "Expired", &words);
        let line = json!({ "type": "ERROR", "object": status });
        return (format!("{line}\n"), from, true);
    }
    let mut lines = String::new();
    let mut next = from;
    if state.untold.contains(&target.plural) {
        return (lines, next, false);
    }
    let all = &state.store.changes;
    let known = all.partition_point(|change| change.version <= from);
    for change in all.range(known..) {
        next = change.version;
        let here = target.namespace.is_empty() || change.namespace == target.namespace;
        if change.plural == target.plural && here && fits(&change.object, call, target) {
            let event = json!({ "type": change.kind, "object": change.object });
            lines += &event.to_string();
            lines.push('\n');
        }
    }
    (lines, next, false)
}

/// For controllers that wait.
pub(crate) fn older_than(object: &Value, pointer: &str, seconds: f64) -> bool {
    age(object, pointer).is_some_and(|age| age >= seconds)
}
