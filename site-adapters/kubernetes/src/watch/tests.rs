use serde_json::Value;

use super::*;
use crate::facts::{answer, recorded};
use crate::names;

fn status(name: &str) -> Status {
    serde_json::from_slice(&answer(name).body).unwrap()
}

fn watcher(feed: Feed) -> Watcher {
    Watcher {
        transport: Weak::new(),
        cache: Arc::default(),
        feed,
        path: String::new(),
    }
}

/// A recorded event as if its Job were ours.
fn event(mut event: Value) -> WatchEvent<Job> {
    event["object"]["metadata"]["labels"][names::ATTEMPT] = crate::facts::MARKER.into();
    serde_json::from_value(event).unwrap()
}

#[test]
fn a_version_that_is_too_old_or_too_new_begins_with_a_list_again() {
    assert!(is_no_version(&status("list_too_new")));
    let told = recorded("watch_from_rv_1");
    let old: Status = serde_json::from_value(told[0]["object"].clone()).unwrap();
    assert!(is_no_version(&old));
    assert!(!is_no_version(&status("etcd_frozen_post")));
}

#[test]
fn an_error_inside_the_stream_ends_it_and_a_restarted_server_expires_the_newest_version() {
    let watcher = watcher(Feed::Jobs);
    let mut version = "1325".to_owned();
    let told = serde_json::from_value(recorded("resume_after_restart")[0].clone()).unwrap();
    let end = watcher.take::<Job>(told, &mut version).unwrap();
    assert!(matches!(end, Some(End::Expired)), "{end:?}");
}

#[test]
fn a_bookmark_moves_the_version_on_and_changes_nothing_else() {
    let watcher = watcher(Feed::Jobs);
    let mut version = "1".to_owned();
    // The recording has dropped its type; the kube crate read it from the same server.
    let mut told = recorded("bookmark")[0].clone();
    told["object"]["kind"] = "Job".into();
    told["object"]["apiVersion"] = "batch/v1".into();
    let told = serde_json::from_value(told).unwrap();
    assert!(watcher.take::<Job>(told, &mut version).unwrap().is_none());
    assert_eq!(version, "1890");
    let mut known = 0;
    watcher.cache.each(|_| known += 1);
    assert_eq!(known, 0);
}

#[test]
fn each_event_of_a_recorded_life_is_kept_until_the_job_goes() {
    let watcher = watcher(Feed::Jobs);
    let events = recorded("ttl_job_watch");
    let mut version = String::new();
    for told in events.as_array().unwrap() {
        let name = told["object"]["metadata"]["name"].as_str().unwrap();
        let is_last = told["type"] == "DELETED";
        // The recording has dropped what does not change from the last event's metadata.
        let mut whole = told.clone();
        for field in ["namespace", "uid", "creationTimestamp"] {
            whole["object"]["metadata"][field] = events[0]["object"]["metadata"][field].clone();
        }
        watcher.take::<Job>(event(whole), &mut version).unwrap();
        let meta = &told["object"]["metadata"]["resourceVersion"];
        assert_eq!(Some(version.as_str()), meta.as_str());
        assert_eq!(watcher.cache.with(name, |_| ()).is_none(), is_last);
    }
}

/// So it looks when somebody takes our label off.
#[test]
fn what_no_longer_fits_the_selector_arrives_as_deleted() {
    let watcher = watcher(Feed::Jobs);
    let first = recorded("success_job_watch")[0].clone();
    let name = first["object"]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut gone = first.clone();
    gone["type"] = "DELETED".into();
    let mut version = String::new();
    watcher.take::<Job>(event(first), &mut version).unwrap();
    assert!(watcher.cache.with(&name, |_| ()).is_some());
    watcher.take::<Job>(event(gone), &mut version).unwrap();
    assert!(watcher.cache.with(&name, |_| ()).is_none());
}
