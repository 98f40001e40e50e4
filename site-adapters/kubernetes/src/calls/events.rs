use k8s_openapi::List;
use k8s_openapi::api::core::v1::Event;
use site_adapter::Result;

use super::NEVER;
use crate::answer::{Answer, Asked};
use crate::client::{Request, get};
use crate::quantity;

pub(crate) const LIST: &str = "GET events";

pub(crate) fn of_job(namespace: &str, name: &str) -> Result<Request> {
    let selector = format!("involvedObject.kind%3DJob%2CinvolvedObject.name%3D{name}");
    let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector={selector}");
    get(LIST, &path)
}

/// The latest warning about a Job of this uid, with what can be said of its chances.
///
/// A quota on accelerators does not refuse a Job: it makes no pods, and only these events tell.
pub(crate) fn warning(answer: &Answer, uid: &str) -> Result<Option<String>> {
    let list: List<Event> = answer.read(LIST, Asked::Read)?;
    let ours = list.items.into_iter().filter(|event| {
        event.type_.as_deref() == Some("Warning")
            && event.involved_object.uid.as_deref() == Some(uid)
    });
    let latest = ours.max_by_key(|event| {
        let series = event
            .last_timestamp
            .as_ref()
            .or(event.first_timestamp.as_ref());
        let seen = series.map(|time| time.0);
        seen.or(event.event_time.as_ref().map(|time| time.0))
    });
    Ok(latest.map(|event| {
        let message = event.message.unwrap_or_default();
        let never = if can_never_fit(&message) {
            format!(" (more than the whole quota: {NEVER})")
        } else {
            String::new()
        };
        format!("{}: {message}{never}", event.reason.unwrap_or_default())
    }))
}

/// Whether a quota's own words say that it asks for more than there is at all:
/// `requested: requests.nvidia.com/gpu=2, used: …=0, limited: requests.nvidia.com/gpu=1`.
fn can_never_fit(message: &str) -> bool {
    let Some((_, told)) = message.split_once("requested: ") else {
        return false;
    };
    let Some((requested, rest)) = told.split_once(", used: ") else {
        return false;
    };
    let Some((_, limited)) = rest.split_once(", limited: ") else {
        return false;
    };
    let limits: Vec<(&str, i128)> = amounts(limited).collect();
    amounts(requested).any(|(name, asked)| {
        let limit = limits.iter().find(|(limited, _)| *limited == name);
        limit.is_some_and(|(_, limit)| asked > *limit)
    })
}

fn amounts(text: &str) -> impl Iterator<Item = (&str, i128)> {
    text.split(',').filter_map(|pair| {
        let (name, amount) = pair.trim().split_once('=')?;
        Some((name, quantity::milli(amount.trim())?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_is_too_small_altogether_is_told_from_one_that_is_used_up() {
        let told = |requested, limited| {
            format!(
                "exceeded quota: gpu, requested: requests.nvidia.com/gpu={requested}, \
                 used: requests.nvidia.com/gpu=0, limited: requests.nvidia.com/gpu={limited}"
            )
        };
        assert!(can_never_fit(&told(2, 1)));
        assert!(!can_never_fit(&told(2, 2)));
        assert!(can_never_fit(
            "exceeded quota: q, requested: limits.memory=16Gi,pods=1, used: limits.memory=0,pods=3, \
             limited: limits.memory=4Gi,pods=10"
        ));
        assert!(!can_never_fit(
            "failed quota: cpu: must specify limits.memory for: main"
        ));
    }
}
