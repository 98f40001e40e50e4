use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http::Response;
use hyper::body::Frame;
use serde_json::Value;

use crate::api::{Call, target, unauthorized};
use crate::cluster::Shared;
use crate::kubelet;
use crate::server::{Body, streamed, whole};
use crate::status::{Content, Reply, not_found, refused, text as plain};
use crate::store::{key, text};

/// A pod's log: standard output and error in one.
pub(crate) fn log(shared: &Arc<Shared>, call: &Call) -> Response<Body> {
    let Some(target) = target(&call.path) else {
        return whole(plain(404, "404 page not found\n"));
    };
    let name = target.name.clone().unwrap_or_default();
    let mut state = shared.lock();
    if let Some(refusal) = unauthorized(&mut state, call, &target) {
        return whole(refusal);
    }
    let Some(pod) = state
        .store
        .objects
        .get(&key("pods", &target.namespace, &name))
    else {
        return whole(not_found("pods", "", &name));
    };
    let node = text(pod, "/spec/nodeName");
    if node.is_empty() {
        let nothing = Reply {
            status: http::StatusCode::NO_CONTENT,
            body: Content::Json(Value::Null),
        };
        return whole(nothing);
    }
    if state.lost_nodes.contains(node) {
        let words = format!(
            "Get \"https://198.18.0.1:10250/containerLogs/{}/{name}/main\": dial tcp \
             198.18.0.1:10250: connect: connection refused",
            target.namespace
        );
        return whole(refused(500, "", &words));
    }
    let waiting = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    let begun = pod
        .pointer("/status/containerStatuses/0/state/running")
        .is_some()
        || pod
            .pointer("/status/containerStatuses/0/state/terminated")
            .is_some();
    if !begun {
        let reason = if waiting.is_empty() {
            "ContainerCreating"
        } else {
            waiting
        };
        let words = format!("container \"main\" in pod \"{name}\" is waiting to start: {reason}");
        return whole(refused(400, "BadRequest", &words));
    }
    let path = kubelet::log_path(&state.folder, text(pod, "/metadata/uid"));
    let follow = call.query.get("follow").is_some_and(|f| f == "true");
    let uid = text(pod, "/metadata/uid").to_owned();
    drop(state);
    let start = (Arc::clone(shared), 0_u64, false);
    let pieces = stream::unfold(start, move |(shared, offset, over)| {
        let (path, uid) = (path.clone(), uid.clone());
        async move {
            if over {
                return None;
            }
            // Asked before reading: what is written after the end is asked for again.
            let runs = follow && shared.lock().processes.contains_key(&uid);
            let mut bytes = Vec::new();
            let mut offset = offset;
            if let Ok(mut file) = std::fs::File::open(&path) {
                // A follower goes on in the new file of a rotated log.
                if file.metadata().unwrap().len() < offset {
                    offset = 0;
                }
                file.seek(SeekFrom::Start(offset)).unwrap();
                file.take(64 * 1024).read_to_end(&mut bytes).unwrap();
            }
            let quiet = bytes.is_empty();
            if quiet && runs {
                let mut pause = tokio::time::interval(Duration::from_millis(20));
                pause.tick().await;
                pause.tick().await;
            }
            let next = offset + bytes.len() as u64;
            let frame = Ok(Frame::data(Bytes::from(bytes)));
            Some((frame, (shared, next, quiet && !runs)))
        }
    });
    streamed(pieces.boxed())
}
