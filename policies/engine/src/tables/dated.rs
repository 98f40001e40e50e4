//! Rows that are little more than a name with its days and its source.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::limits::{self, Limit};
use super::{Confidence, Countries, Span, bad_row, parse};
use crate::error::LoadError;
use crate::modes::Duty;
use crate::sources::Source;

/// Something with a name that counts for a while: a practice, an area, an exclusion of the AI Act.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Named {
    pub id: String,
    pub title: String,
    pub since: Date,
    /// The first day no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    #[serde(deserialize_with = "crate::tables::said")]
    pub source: String,
    pub confidence: Confidence,
    pub checked_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something that is owed after an allocation.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct FollowUpKind {
    pub id: String,
    /// Whether it stands in the way of the next application while it is overdue.
    pub blocks: bool,
    pub since: Date,
    /// The first day no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    #[serde(deserialize_with = "crate::tables::said")]
    pub source: String,
    pub confidence: Confidence,
    pub checked_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// So many days before its last one somebody is told that something is owed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Reminder {
    /// 0: on the last day itself.
    pub days_before: u8,
    pub since: Date,
    /// The first day no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    #[serde(deserialize_with = "crate::tables::said")]
    pub source: String,
    pub confidence: Confidence,
    pub checked_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// By so many months somebody may move the last day of what is owed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Postponement {
    pub(crate) months_at_most: u8,
    since: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Date>,
    #[serde(deserialize_with = "crate::tables::said")]
    source: String,
    confidence: Confidence,
    checked_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What is owed after an allocation of which nobody knows the mode.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct DefaultDuty {
    pub value: Duty,
    pub since: Date,
    /// The first day no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    #[serde(deserialize_with = "crate::tables::said")]
    pub source: String,
    pub confidence: Confidence,
    pub checked_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Which standing of a country the programme that paid for a system asks for. Of several rows that hold on a day the last
/// of the file counts.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Programme {
    /// `site/system`.
    pub(crate) system: String,
    /// A kind of `tables/countries.toml`.
    pub(crate) asks: String,
    since: Date,
    #[serde(default)]
    until: Option<Date>,
    #[expect(dead_code, reason = "people read it in the file")]
    #[serde(deserialize_with = "crate::tables::said")]
    source: String,
    #[expect(
        dead_code,
        reason = "no row refuses anybody, sure or not: a person looks"
    )]
    confidence: Confidence,
    #[expect(
        dead_code,
        reason = "a row nobody dated is refused; people read it in the file"
    )]
    checked_on: Date,
    #[serde(default)]
    #[expect(dead_code, reason = "people read it in the file")]
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Programmes {
    system: Vec<Programme>,
}

/// What the AI Act names, and its thresholds of computing.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct AiAct {
    #[serde(rename = "practice")]
    pub(crate) practices: Vec<Named>,
    #[serde(rename = "area")]
    pub(crate) areas: Vec<Named>,
    #[serde(rename = "exclusion")]
    pub(crate) exclusions: Vec<Named>,
    #[serde(rename = "limit")]
    pub(crate) limits: Vec<Limit>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct FollowUps {
    #[serde(rename = "kind")]
    pub(crate) kinds: Vec<FollowUpKind>,
    #[serde(rename = "reminder")]
    pub(crate) reminders: Vec<Reminder>,
    #[serde(rename = "duty")]
    pub(crate) duties: Vec<DefaultDuty>,
    /// None in folders of before there was such a bound.
    #[serde(default, rename = "postponement")]
    pub(crate) postponements: Vec<Postponement>,
}

/// What every row of these tables has.
pub(super) trait Row {
    /// What no other row may share on the same days.
    fn key(&self) -> String;
    fn span(&self) -> Span;
}

macro_rules! rows {
    ($($row:ty: |$it:ident| $key:expr),* $(,)?) => {$(
        impl Row for $row {
            fn key(&self) -> String {
                let $it = self;
                $key
            }

            fn span(&self) -> Span {
                Span { since: self.since, until: self.until }
            }
        }

        impl $row {
            pub(crate) fn holds_on(&self, day: Date) -> bool {
                self.span().holds_on(day)
            }
        }
    )*};
}

rows! {
    Named: |it| it.id.clone(),
    FollowUpKind: |it| it.id.clone(),
    Reminder: |it| it.days_before.to_string(),
    Postponement: |_it| "postponement".to_owned(),
    DefaultDuty: |it| it.value.kind.clone(),
    Programme: |it| it.system.clone(),
}

pub(super) fn check<R: Row>(source: &Source, rows: &[R]) -> Result<(), LoadError> {
    for (place, row) in rows.iter().enumerate() {
        let same =
            |earlier: &&R| earlier.key() == row.key() && earlier.span().since == row.span().since;
        let reason = if row.span().is_empty() {
            "ends before it begins"
        } else if rows.iter().take(place).any(|earlier| same(&earlier)) {
            "stands twice"
        } else {
            continue;
        };
        let key = row.key();
        let id = key.split(' ').next().unwrap_or_default();
        return Err(bad_row(
            source,
            &format!("\"{id}\""),
            format!("`{}` {reason}", key.trim()),
        ));
    }
    Ok(())
}

pub(crate) fn load_ai_act(source: &Source) -> Result<AiAct, LoadError> {
    let loaded: AiAct = parse(source)?;
    for rows in [&loaded.practices, &loaded.areas, &loaded.exclusions] {
        check(source, rows)?;
    }
    limits::check_ai_act(source, &loaded.limits)?;
    Ok(loaded)
}

pub(crate) fn load_programmes(
    source: &Source,
    countries: &Countries,
) -> Result<Vec<Programme>, LoadError> {
    let Programmes { system: rows } = parse(source)?;
    check(source, &rows)?;
    match rows.iter().find(|row| !countries.has_kind(&row.asks)) {
        None => Ok(rows),
        Some(row) => {
            let reason = format!(
                "`{}` asks for `{}`, which is no kind of tables/countries.toml",
                row.system, row.asks
            );
            Err(bad_row(source, &format!("\"{}\"", row.asks), reason))
        }
    }
}

pub(crate) fn load_follow_ups(source: &Source) -> Result<FollowUps, LoadError> {
    let loaded: FollowUps = parse(source)?;
    check(source, &loaded.kinds)?;
    check(source, &loaded.reminders)?;
    check(source, &loaded.duties)?;
    check(source, &loaded.postponements)?;
    if !loaded.reminders.iter().any(|it| it.days_before == 0) {
        let reason = "no row has `days_before = 0`: from the last day on it is with the reviewers";
        return Err(bad_row(source, "[[reminder]]", reason.to_owned()));
    }
    let is_known = |kind: &str| loaded.kinds.iter().any(|it| it.id == kind);
    for DefaultDuty { value, .. } in &loaded.duties {
        let kind = &value.kind;
        let reason = if !is_known(kind) {
            format!("`{kind}` is owed and no kind of this table")
        } else if value.months_after_end.is_some() && value.days_after_end.is_some() {
            format!("`{kind}` takes either `months_after_end` or `days_after_end`")
        } else if value.system.is_some() {
            format!("`{kind}` is owed at every system, and names a `system`")
        } else {
            continue;
        };
        return Err(bad_row(source, "[[duty]]", reason));
    }
    Ok(loaded)
}
