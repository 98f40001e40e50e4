//! Times, durations and hours as people read them.

use broker_model::{EntryBody, EntryKind, FundingShare, StateName, UnitMillis};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use policy_engine::day_in_brussels;
use serde_json::Value;

use crate::texts::Texts;
use crate::titles::Titles;

/// Narrow no-break space, between groups of digits (SI Brochure, 5.4.4).
const GROUP: char = '\u{202f}';

/// A moment for `<time>`: what machines read and what people read, in UTC.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) machine: String,
    pub(crate) words: String,
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        let words = at
            .to_zoned(TimeZone::UTC)
            .strftime("%Y-%m-%d %H:%M:%S UTC")
            .to_string();
        Self {
            machine: at.to_string(),
            words,
        }
    }
}

/// First and last day of a term, `until` being the first instant after it: the days of Brussels, in which terms are
/// granted.
pub(crate) fn term(from: Timestamp, until: Timestamp) -> (String, String) {
    let last = until
        .checked_sub(SignedDuration::from_nanos(1))
        .unwrap_or(until);
    let day = |at| day_in_brussels(at).to_string();
    (day(from), day(last))
}

/// Whose hours they are.
pub(crate) fn share(titles: Titles<'_>, share: &FundingShare) -> String {
    let texts = titles.texts;
    match share {
        FundingShare::Union => texts.of("share.union").to_owned(),
        FundingShare::Commercial => texts.of("share.commercial").to_owned(),
        FundingShare::National(state) => {
            let country = titles.country(state);
            texts.with("share.national", &[("country", &country)])
        }
    }
}

/// `45 s`, `10 min`, `2 h 5 min`, `3 d 4 h`: the two largest parts.
pub(crate) fn duration(texts: Texts, seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, texts.of("unit.d")),
        (seconds % 86_400 / 3600, texts.of("unit.h")),
        (seconds % 3600 / 60, texts.of("unit.min")),
        (seconds % 60, texts.of("unit.s")),
    ];
    let from = parts.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    let shown = parts
        .iter()
        .skip(from)
        .take(2)
        .filter(|(n, _)| *n > 0 || seconds == 0);
    let words: Vec<String> = shown.map(|(n, unit)| format!("{n}\u{a0}{unit}")).collect();
    words.join(" ")
}

/// Hours of a unit without needless zeros: `5 000`, `0.3333`.
pub(crate) fn hours(units: UnitMillis) -> String {
    let exact = units.to_string();
    let (whole, fraction) = exact.split_once('.').unwrap_or((&exact, ""));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", grouped(whole))
}

pub(crate) fn count(n: u64) -> String {
    grouped(&n.to_string())
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |rest| ("\u{2212}", rest));
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 && digits.len() > 4 {
            out.push(GROUP);
        }
        out.push(digit);
    }
    out
}

/// Accelerators as vendors sell them, from what the scheduler counts (two for one on LUMI).
pub(crate) fn physical(scheduler_gpus: u64, per_gpu: u32) -> String {
    let per_gpu = u64::from(per_gpu.max(1));
    let (whole, rest) = (scheduler_gpus / per_gpu, scheduler_gpus % per_gpu);
    let tenths = rest * 10 / per_gpu;
    if tenths == 0 {
        count(whole)
    } else {
        format!("{}.{tenths}", count(whole))
    }
}

pub(crate) fn state(texts: Texts, name: StateName) -> &'static str {
    texts.of(&format!("state.{}", name.as_str()))
}

/// A kind of entry as the ledger writes it: `job.placed`.
pub(crate) fn kind_name(kind: EntryKind) -> String {
    let value = serde_json::to_value(kind).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn entry_title(texts: Texts, entry: &EntryBody) -> &'static str {
    texts.of(&format!("entry.{}", kind_name(entry.kind)))
}

/// What an entry says beside its kind, each datum in words.
pub(crate) fn entry_details(texts: Texts, entry: &EntryBody) -> Vec<String> {
    entry
        .data
        .iter()
        .filter_map(|(key, value)| datum(texts, key, value))
        .collect()
}

fn datum(texts: Texts, key: &str, value: &Value) -> Option<String> {
    let shown = match (key, value) {
        // Digests and the unit's name say nothing to a reader; the export has them.
        (
            "policy_digest" | "inputs_digest" | "placement_sha256" | "inputs_sha256"
            | "charge_unit" | "month",
            _,
        ) => return None,
        ("state", Value::String(name)) => match StateName::parse(name) {
            Some(name) => return Some(state(texts, name).to_owned()),
            None => return Some(texts.of(&format!("attempt.{name}")).to_owned()),
        },
        ("wait_seconds", value) => duration(texts, value.as_u64()?),
        (key, Value::Number(n)) if key.ends_with("_ms") => hours(UnitMillis(n.as_i64()?)),
        (_, Value::String(text)) => text.clone(),
        (_, value) => value.to_string(),
    };
    let label = match key {
        "held_unit_ms" => texts.of("datum.held"),
        "released_unit_ms" => texts.of("datum.released"),
        "unit_ms" => texts.of("datum.units"),
        "charge_unit_ms" | "charged_unit_ms" => texts.of("datum.charge"),
        "site_units_unit_ms" => texts.of("datum.site_units"),
        "gpu_ms" => texts.of("datum.gpu"),
        "wait_seconds" => texts.of("datum.wait"),
        "partition" => texts.of("datum.partition"),
        "exit_code" => texts.of("datum.exit_code"),
        "outcome" => texts.of("datum.outcome"),
        "result" => texts.of("datum.result"),
        "share" => texts.of("datum.share"),
        "site_unit" => texts.of("datum.site_unit"),
        other => return Some(format!("{}: {shown}", other.replace('_', " "))),
    };
    Some(format!("{label}: {shown}"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    #[test]
    fn durations_show_their_two_largest_parts() {
        let texts = Texts::asked_for(&crate::texts::SHIPPED, &HeaderMap::new());
        let shown = |seconds| duration(texts, seconds).replace('\u{a0}', " ");
        assert_eq!(shown(0), "0 s");
        assert_eq!(shown(45), "45 s");
        assert_eq!(shown(600), "10 min");
        assert_eq!(shown(3661), "1 h 1 min");
        assert_eq!(shown(90_061), "1 d 1 h");
    }

    #[test]
    fn hours_lose_no_unit_and_show_no_needless_zero() {
        assert_eq!(hours(UnitMillis::from_hours(5000)), "5000");
        assert_eq!(
            hours(UnitMillis::from_hours(-12_345)),
            "\u{2212}12\u{202f}345"
        );
        assert_eq!(hours(UnitMillis(1_200_000)), "0.3333");
    }

    #[test]
    fn a_term_is_of_whole_days_in_brussels() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let days = term(at("2026-11-30T23:00:00Z"), at("2027-02-28T23:00:00Z"));
        assert_eq!(days, ("2026-12-01".to_owned(), "2027-02-28".to_owned()));
        let summer = term(at("2027-03-31T22:00:00Z"), at("2027-04-30T22:00:00Z"));
        assert_eq!(summer, ("2027-04-01".to_owned(), "2027-04-30".to_owned()));
    }

    #[test]
    fn half_of_an_accelerator_is_said_as_such() {
        assert_eq!(physical(16, 2), "8");
        assert_eq!(physical(3, 2), "1.5");
        assert_eq!(physical(4, 0), "4");
    }
}
