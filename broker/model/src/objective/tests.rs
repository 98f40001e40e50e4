use super::*;
use crate::{Ids, ManualClock};

fn objective(baseline: u64, target: u64) -> Objective {
    let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
    let ids = Ids::from_os();
    Objective {
        id: ids.next(&clock),
        owner: ids.next(&clock),
        indicator: IndicatorKind::SmePermille,
        share: None,
        baseline,
        target,
        from: "2027-01-01".parse().unwrap(),
        to: "2027-12-31".parse().unwrap(),
        set_by: ids.next(&clock),
        set_at: Timestamp::UNIX_EPOCH,
        version: 0,
    }
}

#[test]
fn progress_is_the_part_of_the_way_up_or_down() {
    for (baseline, target, measured, progress, reached) in [
        (100, 300, 100, 0, false),
        (100, 300, 200, 500, false),
        (100, 300, 300, 1000, true),
        (100, 300, 50, -250, false),
        (100, 300, 400, 1500, true),
        (240, 120, 240, 0, false),
        (240, 120, 180, 500, false),
        (240, 120, 96, 1200, true),
    ] {
        let day = "2027-06-01".parse().unwrap();
        let seen = objective(baseline, target).seen(String::new(), (Some(measured), day));
        let found = (seen.progress_permille, seen.reached);
        assert_eq!(
            found,
            (Some(progress), reached),
            "{baseline} {target} {measured}"
        );
        assert!(!seen.over);
    }
}

#[test]
fn each_number_is_found_among_what_is_computed_or_is_not_there() {
    let none: Indicators = serde_json::from_value(serde_json::json!({
        "from": "2027-01-01", "to": "2027-12-31", "gpu": 0, "organisations": 0,
        "by_size": [], "by_country": [], "by_sector": [], "access": [],
    }))
    .unwrap();
    let of = |found: &Indicators| IndicatorKind::ALL.map(|kind| kind.of(found));
    assert_eq!(of(&none), [Some(0), Some(0), None, None, None, None]);
    let part = |of: &str, hours| {
        serde_json::json!({ "of": of,
        "gpu": GpuMillis::from_hours(hours), "permille": 0, "organisations": 1 })
    };
    let spread = |hours| {
        serde_json::json!({ "count": 1, "median_hours": hours,
        "ninth_decile_hours": hours, "longest_hours": hours })
    };
    let share = |name: &str, decision, whole| {
        serde_json::json!({ "share": name,
        "applications": 1, "waiting": 0, "withdrawn": 0, "rejected": 0, "accepted": 1,
        "decision": spread(decision), "whole": spread(whole) })
    };
    let found: Indicators = serde_json::from_value(serde_json::json!({
        "from": "2027-01-01", "to": "2027-12-31", "organisations": 4,
        "gpu": GpuMillis::from_hours(1000), "top_10_permille": 900,
        "by_size": [part("large", 600), part("small", 250), part("micro", 100), part("unclear", 50)],
        "by_country": [], "by_sector": [],
        "access": [share("union", 24, 100), share("commercial", 48, 90)],
    }))
    .unwrap();
    let numbers = [1000, 4, 350, 900, 48, 100].map(Some);
    assert_eq!(of(&found), numbers);
}

#[test]
fn the_words_of_indicators_are_those_on_the_wire() {
    for kind in IndicatorKind::ALL {
        let wire = serde_json::to_value(kind).unwrap();
        assert_eq!(wire, kind.as_str());
    }
}
