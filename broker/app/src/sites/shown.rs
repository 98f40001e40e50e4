use broker_model::{Controls, IncidentKind, SiteReadiness, SiteScope};
use jiff::Timestamp;

/// A site's readiness as its agents tell it, together with what its administrators have set for now.
///
/// What covers the whole site makes it draining, what covers a part makes a ready one limited. A site
/// that is worse off stays what it is, with these words beside its own.
pub(super) fn with_controls(
    (readiness, reason): (SiteReadiness, Option<String>),
    controls: &Controls,
    now: Timestamp,
) -> (SiteReadiness, Option<String>) {
    let set = [drains(controls, now), maintenance(controls, now)].concat();
    if set.is_empty() {
        return (readiness, reason);
    }
    let whole = set.iter().any(|it| it.whole);
    let shown = match (readiness, whole) {
        (SiteReadiness::Ready | SiteReadiness::Limited, true) => SiteReadiness::Draining,
        (SiteReadiness::Ready, false) => SiteReadiness::Limited,
        (other, _) => other,
    };
    let words = reason.into_iter().chain(set.into_iter().map(|it| it.words));
    (shown, Some(words.collect::<Vec<_>>().join("; ")))
}

#[derive(Clone, Debug)]
struct Set {
    whole: bool,
    words: String,
}

fn drains(controls: &Controls, now: Timestamp) -> Vec<Set> {
    let on = controls.drains.iter().filter(|it| it.is_on(now));
    on.map(|drain| Set {
        whole: drain.scope == SiteScope::default(),
        words: format!(
            "{} is drained{}: {}",
            drain.scope,
            end(drain.until),
            drain.reason
        ),
    })
    .collect()
}

fn maintenance(controls: &Controls, now: Timestamp) -> Vec<Set> {
    let on = controls
        .incidents
        .iter()
        .filter(|it| it.kind == IncidentKind::Maintenance && it.from <= now && !it.is_over(now));
    on.map(|planned| Set {
        whole: planned.affects.is_empty() || planned.affects.contains(&SiteScope::default()),
        words: format!("maintenance `{}` is on{}", planned.title, end(planned.to)),
    })
    .collect()
}

fn end(until: Option<Timestamp>) -> String {
    until.map_or_else(String::new, |until| format!(" until {until}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn controls(text: &str) -> Controls {
        toml::from_str(text).unwrap()
    }

    fn shown(said: SiteReadiness, text: &str) -> (SiteReadiness, String) {
        let said = (said, None);
        let (shown, words) = with_controls(said, &controls(text), NOW.parse().unwrap());
        (shown, words.unwrap_or_default())
    }

    #[test]
    fn a_drain_by_an_administrator_is_seen_as_one_by_an_agent() {
        let drain = |rest: &str| {
            format!(
                "[[drains]]\nid = 'drn_0192f0c1d2e37abc8def0123456789ab'\nreason = 'pumps'\n\
                 from = '2026-11-21T11:00:00Z'\n{rest}"
            )
        };
        let whole = drain("until = '2026-11-22T11:00:00Z'\n");
        let (readiness, words) = shown(SiteReadiness::Ready, &whole);
        assert_eq!(readiness, SiteReadiness::Draining);
        assert!(
            words.ends_with("is drained until 2026-11-22T11:00:00Z: pumps"),
            "{words}"
        );
        let part = drain("scope = { system = 'lumi' }\n");
        let (readiness, words) = shown(SiteReadiness::Ready, &part);
        assert_eq!(readiness, SiteReadiness::Limited);
        assert_eq!(words, "lumi is drained: pumps");
        let silent = shown(SiteReadiness::Unknown, &whole).0;
        assert_eq!(silent, SiteReadiness::Unknown);
        let over = drain("until = '2026-11-21T12:00:00Z'\n");
        assert_eq!(
            shown(SiteReadiness::Ready, &over),
            (SiteReadiness::Ready, String::new())
        );
    }
}
