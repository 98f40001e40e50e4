//! Numbers that rules compare with, and what each table of them may hold: a slip of the pen would lift a ceiling and
//! say nothing.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::dated::{self, Named, Row};
use super::{Confidence, Span, bad_row, parse};
use crate::error::LoadError;
use crate::modes::AccessMode;
use crate::sources::Source;

/// A number that rules compare with. Of several rows that hold on a day the last of the file counts.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// `union_share`, `de_minimis`; the head of each table says the unit.
    pub id: String,
    pub value: u64,
    /// Of one class of systems only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Of one access mode only; goes before rows of all modes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Of a cap only: at how many systems of its mode it counts; at the one that is asked about where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// States outside the Union where it holds as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
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

/// Where a cap counts what an organisation has.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// At the system that is asked about.
    #[default]
    System,
    /// At all systems of the mode together.
    Mode,
}

impl Row for Limit {
    fn key(&self) -> String {
        let of = |it: &Option<String>| it.clone().unwrap_or_default();
        [self.id.clone(), of(&self.class), of(&self.mode)].join(" ")
    }

    fn span(&self) -> Span {
        Span {
            since: self.since,
            until: self.until,
        }
    }
}

impl Limit {
    pub(crate) fn holds_on(&self, day: Date) -> bool {
        self.span().holds_on(day)
    }
}

/// What the rows of one table are read for.
struct Kind {
    /// The numbers that rules know, each with the most that it can be.
    ids: &'static [(&'static str, u64)],
    /// The fields that are read of a row; in any other it would do nothing, and whoever wrote it believes that it does.
    fields: &'static [&'static str],
}

const MOST: u64 = u32::MAX as u64;

const SHARES: Kind = Kind {
    // In thousandths.
    ids: &[("union_share", 1000), ("commercial_share", 1000)],
    fields: &["class"],
};

const CAPS: Kind = Kind {
    ids: &[("open_applications", MOST), ("active_allocations", MOST)],
    fields: &["mode", "scope"],
};

const AID: Kind = Kind {
    ids: &[("de_minimis", MOST), ("de_minimis_years", 100)],
    fields: &["states"],
};

const AI_ACT: Kind = Kind {
    ids: &[("gpai_indicative", u64::MAX), ("gpai_systemic", u64::MAX)],
    fields: &[],
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    limit: Vec<Limit>,
}

/// Ceilings of shares, with the classes of systems that they tell apart.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shares {
    class: Vec<Named>,
    limit: Vec<Limit>,
}

pub(crate) fn load_shares(source: &Source) -> Result<Vec<Limit>, LoadError> {
    let Shares { class, limit } = parse(source)?;
    dated::check(source, &class)?;
    check(source, &limit, &SHARES)?;
    for row in &limit {
        let is_known = |of: &String| class.iter().any(|it| it.id == *of);
        let reason = match (row.id.as_str(), &row.class) {
            (id @ "commercial_share", Some(_)) => {
                format!("`{id}` holds at every system, and names a `class`")
            }
            (id @ "union_share", None) => format!("`{id}` differs by `class`, and names none"),
            (_, Some(class)) if !is_known(class) => {
                format!("`{class}` is no `[[class]]` of this table")
            }
            _ => continue,
        };
        let place = row.class.as_ref().unwrap_or(&row.id);
        return Err(bad_row(source, &format!("\"{place}\""), reason));
    }
    Ok(limit)
}

pub(crate) fn load_caps(source: &Source, modes: &[AccessMode]) -> Result<Vec<Limit>, LoadError> {
    let limits = load(source, &CAPS)?;
    let named = limits.iter().filter_map(|it| it.mode.as_ref());
    match { named }.find(|mode| !modes.iter().any(|it| it.id == **mode)) {
        None => Ok(limits),
        Some(mode) => {
            let reason = format!("`{mode}` is no mode: no modes/{mode}.toml is there");
            Err(bad_row(source, &format!("\"{mode}\""), reason))
        }
    }
}

pub(super) fn check_ai_act(source: &Source, rows: &[Limit]) -> Result<(), LoadError> {
    check(source, rows, &AI_ACT)
}

fn load(source: &Source, kind: &Kind) -> Result<Vec<Limit>, LoadError> {
    let Limits { limit: rows } = parse(source)?;
    check(source, &rows, kind)?;
    Ok(rows)
}

fn check(source: &Source, rows: &[Limit], kind: &Kind) -> Result<(), LoadError> {
    dated::check(source, rows)?;
    let fault = |row| kind.fault(row).map(|reason| (row, reason));
    match rows.iter().find_map(fault) {
        None => Ok(()),
        Some((row, reason)) => Err(bad_row(source, &format!("\"{}\"", row.id), reason)),
    }
}

impl Kind {
    fn fault(&self, row: &Limit) -> Option<String> {
        let Limit { id, value, .. } = row;
        let Some((_, most)) = self.ids.iter().find(|(known, _)| known == id) else {
            let known: Vec<&str> = self.ids.iter().map(|(known, _)| *known).collect();
            return Some(format!(
                "`{id}` is read by no rule; this table has {}",
                known.join(", ")
            ));
        };
        if value > most {
            return Some(format!("`{id}` is {value}, and {most} at most"));
        }
        let said = row.fields().into_iter();
        let unread = said.filter(|(field, is_said)| *is_said && !self.fields.contains(field));
        let (field, _) = unread.into_iter().next()?;
        Some(match field {
            "scope" => format!("`{id}` takes no `scope`: rows of tables/caps.toml do"),
            field => format!("`{id}` takes no `{field}`: nothing reads it there"),
        })
    }
}

impl Limit {
    fn fields(&self) -> [(&'static str, bool); 4] {
        [
            ("class", self.class.is_some()),
            ("mode", self.mode.is_some()),
            ("scope", self.scope.is_some()),
            ("states", !self.states.is_empty()),
        ]
    }
}

/// A ceiling that counts over years says over how many, on each of its days.
pub(crate) fn load_aid(source: &Source) -> Result<Vec<Limit>, LoadError> {
    let limits = load(source, &AID)?;
    let mut ceilings = limits.iter().filter(|it| it.id == "de_minimis");
    match ceilings.find_map(|it| first_without_years(it, &limits)) {
        None => Ok(limits),
        Some(day) => {
            let reason = format!("`de_minimis` holds on {day} and no `de_minimis_years` does");
            Err(bad_row(source, "\"de_minimis\"", reason))
        }
    }
}

/// The first day of a ceiling on which nothing says how many years count: all that was ever given would.
fn first_without_years(ceiling: &Limit, limits: &[Limit]) -> Option<Date> {
    let mut day = ceiling.since;
    while ceiling.holds_on(day) {
        let years = limits.iter().filter(|it| it.id == "de_minimis_years");
        match { years.filter(|it| it.holds_on(day)) }
            .map(|it| it.until.unwrap_or(Date::MAX))
            .max()
        {
            None => return Some(day),
            Some(until) if until == Date::MAX => return None,
            Some(until) => day = until,
        }
    }
    None
}
