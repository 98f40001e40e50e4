//! Objects, their versions, and the changes that watches tell.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

/// Plural, namespace, name.
pub(crate) type Key = (String, String, String);

/// Changes that are remembered for watches; older versions are expired.
const REMEMBERED: usize = 100_000;

#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) kind: &'static str,
    pub(crate) plural: String,
    pub(crate) namespace: String,
    pub(crate) object: Value,
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) objects: BTreeMap<Key, Value>,
    pub(crate) changes: VecDeque<Change>,
    pub(crate) version: u64,
    /// Watches from before it are told 410.
    pub(crate) oldest: u64,
    uids: u64,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            changes: VecDeque::new(),
            version: 100,
            oldest: 0,
            uids: 0,
        }
    }

    pub(crate) fn uid(&mut self) -> String {
        self.uids += 1;
        let moment = Timestamp::now().subsec_nanosecond();
        format!("{:08x}-0000-4000-8000-{moment:012x}", self.uids)
    }

    pub(crate) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&key(plural, namespace, name))
    }

    /// Stores what changed; what did not makes no event.
    pub(crate) fn put(&mut self, plural: &str, mut object: Value) -> Value {
        let key = key(
            plural,
            text(&object, "/metadata/namespace"),
            text(&object, "/metadata/name"),
        );
        let before = self.objects.get(&key);
        let kind = if before.is_some() {
            "MODIFIED"
        } else {
            "ADDED"
        };
        if let Some(before) = before {
            let mut same = object.clone();
            same["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            if same == *before {
                return same;
            }
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.objects.insert(key, object.clone());
        self.tell(kind, plural, object.clone());
        object
    }

    pub(crate) fn remove(&mut self, plural: &str, namespace: &str, name: &str) {
        if let Some(mut object) = self.objects.remove(&key(plural, namespace, name)) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = self.version.to_string().into();
            self.tell("DELETED", plural, object);
        }
    }

    fn tell(&mut self, kind: &'static str, plural: &str, object: Value) {
        self.changes.push_back(Change {
            version: self.version,
            kind,
            plural: plural.to_owned(),
            namespace: text(&object, "/metadata/namespace").to_owned(),
            object,
        });
        if self.changes.len() > REMEMBERED
            && let Some(old) = self.changes.pop_front()
        {
            self.oldest = old.version;
        }
    }

    /// Goes on from a version long before the newest that was told.
    pub(crate) fn restore(&mut self) {
        self.changes.clear();
        self.version = 1;
        self.oldest = 0;
        for object in self.objects.values_mut() {
            object["metadata"]["resourceVersion"] = "1".into();
        }
    }

    /// Forgets the past, as a restarted API server does.
    pub(crate) fn compact(&mut self) {
        self.changes.clear();
        self.version += 10;
        self.oldest = self.version;
    }

    pub(crate) fn all(&self, plural: &str) -> Vec<Value> {
        self.each(plural).cloned().collect()
    }

    /// Without copies: a cluster keeps thousands of objects that nothing happens to any more.
    pub(crate) fn each(&self, plural: &str) -> impl Iterator<Item = &Value> {
        let first = key(plural, "", "");
        let own = self.objects.range(first..);
        let plural = plural.to_owned();
        own.take_while(move |((kind, _, _), _)| *kind == plural)
            .map(|(_, object)| object)
    }

    pub(crate) fn event(&mut self, job: &Value, reason: &str, message: &str) {
        let uid = self.uid();
        let now = now();
        let object = json!({
            "kind": "Event", "apiVersion": "v1",
            "metadata": {
                "name": format!("{}.{}", text(job, "/metadata/name"), &uid[..8]),
                "namespace": text(job, "/metadata/namespace"),
                "uid": uid,
            },
            "type": "Warning", "reason": reason, "message": message, "count": 1,
            "firstTimestamp": now, "lastTimestamp": now,
            "involvedObject": {
                "kind": "Job", "apiVersion": "batch/v1",
                "namespace": text(job, "/metadata/namespace"),
                "name": text(job, "/metadata/name"),
                "uid": text(job, "/metadata/uid"),
            },
        });
        self.put("events", object);
    }
}

pub(crate) fn key(plural: &str, namespace: &str, name: &str) -> Key {
    (plural.to_owned(), namespace.to_owned(), name.to_owned())
}

pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// RFC 3339 in whole seconds, as `metav1.Time` is.
pub(crate) fn now() -> String {
    Timestamp::from_second(Timestamp::now().as_second())
        .unwrap()
        .to_string()
}

pub(crate) fn age(object: &Value, pointer: &str) -> Option<f64> {
    let since: Timestamp = object.pointer(pointer)?.as_str()?.parse().ok()?;
    Some(Timestamp::now().duration_since(since).as_secs_f64())
}

/// A condition of an object's status, set or replaced.
pub(crate) fn set_condition(
    object: &mut Value,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
) {
    let all = object["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let same = |c: &Value| c["type"] == kind && c["status"] == status && c["reason"] == reason;
    if all.iter().any(same) {
        return;
    }
    let mut all: Vec<Value> = all.into_iter().filter(|c| c["type"] != kind).collect();
    all.push(json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastProbeTime": now(), "lastTransitionTime": now(),
    }));
    object["status"]["conditions"] = all.into();
}

pub(crate) fn has_condition(object: &Value, kind: &str) -> bool {
    let all = object["status"]["conditions"].as_array();
    all.is_some_and(|all| {
        all.iter()
            .any(|c| c["type"] == kind && c["status"] == "True")
    })
}
