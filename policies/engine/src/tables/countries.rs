use std::collections::HashMap;
use std::fmt::Write as _;

use jiff::civil::Date;
use serde::Deserialize;

use super::{Confidence, Span, bad_row, parse};
use crate::error::{Fault, LoadError};
use crate::sources::Source;
use crate::words::Template;

#[derive(Debug)]
pub(crate) struct Countries {
    rows: Vec<Country>,
    kinds: Vec<String>,
    /// By code and by alias.
    places: HashMap<String, usize>,
}

#[derive(Debug)]
pub(crate) struct Country {
    pub(crate) code: String,
    pub(crate) name: String,
    /// In the order of precedence of their kinds.
    pub(crate) standings: Vec<Standing>,
}

/// What a country is to the Union or a programme, for a while.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) kind: String,
    pub(crate) span: Span,
    pub(crate) confidence: Confidence,
    /// Of an uncertain one: what is uncertain about it.
    pub(crate) note: Option<String>,
    /// As a sentence goes on: `an EU member state since 1958-01-01`.
    pub(crate) words: String,
    /// The same once it is over.
    pub(crate) words_past: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Vec<Kind>,
    country: Vec<CountryRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    id: String,
    words: String,
    words_past: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountryRow {
    code: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    standing: Vec<StandingRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StandingRow {
    kind: String,
    since: Date,
    until: Option<Date>,
    #[expect(
        dead_code,
        reason = "a row without a source is refused; people read it in the file"
    )]
    #[serde(deserialize_with = "crate::tables::said")]
    source: String,
    confidence: Confidence,
    #[expect(
        dead_code,
        reason = "a row nobody dated is refused; people read it in the file"
    )]
    checked_on: Date,
    note: Option<String>,
}

struct Phrases {
    id: String,
    words: Template<Bound>,
    words_past: Template<Bound>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Since,
    LastDay,
}

impl Countries {
    pub(crate) fn load(source: &Source) -> Result<Self, LoadError> {
        let file: File = parse(source)?;
        let kinds = file
            .kind
            .into_iter()
            .map(|kind| Phrases::parse(source, kind));
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        let mut loaded = Self {
            rows: Vec::new(),
            kinds: { kinds.iter() }.map(|it: &Phrases| it.id.clone()).collect(),
            places: HashMap::new(),
        };
        for row in file.country {
            loaded.insert(source, &kinds, row)?;
        }
        Ok(loaded)
    }

    /// Whether a standing may be of this kind.
    pub(crate) fn has_kind(&self, id: &str) -> bool {
        self.kinds.iter().any(|it| it == id)
    }

    pub(crate) fn all(&self) -> &[Country] {
        &self.rows
    }

    /// The country of a code or an alias.
    pub(crate) fn find(&self, code: &str) -> Option<&Country> {
        self.places
            .get(code)
            .and_then(|place| self.rows.get(*place))
    }

    fn insert(
        &mut self,
        source: &Source,
        kinds: &[Phrases],
        row: CountryRow,
    ) -> Result<(), LoadError> {
        for code in row.aliases.iter().chain([&row.code]) {
            let taken = self.places.insert(code.clone(), self.rows.len()).is_some();
            if taken || !is_country_code(code) {
                let reason = if taken {
                    "stands twice"
                } else {
                    "is not two capital letters"
                };
                let quoted = format!("\"{code}\"");
                return Err(bad_row(
                    source,
                    &quoted,
                    format!("country `{code}` {reason}"),
                ));
            }
        }
        let mut standings = Vec::with_capacity(row.standing.len());
        for standing in row.standing {
            standings.push(standing.worded(source, &row.code, kinds)?);
        }
        standings.sort_by_key(|(precedence, standing)| (*precedence, standing.span.since));
        let standings = standings
            .into_iter()
            .map(|(_, standing)| standing)
            .collect();
        self.rows.push(Country {
            code: row.code,
            name: row.name,
            standings,
        });
        Ok(())
    }
}

/// Whether it has the form of an ISO 3166-1 alpha-2 code, known or not.
pub(crate) fn is_country_code(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl StandingRow {
    /// The row with its words, and the precedence of its kind.
    fn worded(
        self,
        source: &Source,
        code: &str,
        kinds: &[Phrases],
    ) -> Result<(usize, Standing), LoadError> {
        let span = Span {
            since: self.since,
            until: self.until,
        };
        let bad = |reason: String| bad_row(source, &format!("code = \"{code}\""), reason);
        let unknown = || {
            bad(format!(
                "country `{code}` has a standing of kind `{}`, which is not listed",
                self.kind
            ))
        };
        let precedence = kinds
            .iter()
            .position(|kind| kind.id == self.kind)
            .ok_or_else(unknown)?;
        let phrases = kinds.get(precedence).ok_or_else(unknown)?;
        if span.is_empty() {
            let kind = &self.kind;
            return Err(bad(format!(
                "country `{code}`: `{kind}` ends before it begins"
            )));
        }
        let mut words = phrases.words.render(|bound, out| bound.write(span, out));
        let is_uncertain = self.confidence == Confidence::Uncertain;
        let note = self.note.filter(|_| is_uncertain);
        let note = note.map(|note| note.trim_end_matches('.').to_owned());
        if let Some(note) = &note {
            let _ = write!(words, " ({note})");
        }
        let words_past = phrases
            .words_past
            .render(|bound, out| bound.write(span, out));
        let standing = Standing {
            kind: self.kind,
            span,
            confidence: self.confidence,
            note,
            words,
            words_past,
        };
        Ok((precedence, standing))
    }
}

impl Phrases {
    fn parse(source: &Source, kind: Kind) -> Result<Self, LoadError> {
        let template = |text: &str| {
            Template::parse(text, Bound::named).map_err(|fault| {
                let reason = match fault {
                    Fault::UnknownFact(name) => {
                        format!("`{{{name}}}` is neither since nor last_day")
                    }
                    other => other.to_string(),
                };
                bad_row(source, text, format!("kind `{}`: {reason}", kind.id))
            })
        };
        let (words, words_past) = (template(&kind.words)?, template(&kind.words_past)?);
        Ok(Self {
            id: kind.id,
            words,
            words_past,
        })
    }
}

impl Bound {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "since" => Some(Self::Since),
            "last_day" => Some(Self::LastDay),
            _ => None,
        }
    }

    /// None for the end of what has none.
    pub(crate) fn day(self, span: Span) -> Option<Date> {
        match self {
            Self::Since => Some(span.since),
            Self::LastDay => span.until.and_then(|until| until.yesterday().ok()),
        }
    }

    fn write(self, span: Span, out: &mut String) {
        let _ = match self.day(span) {
            Some(day) => write!(out, "{day}"),
            None => write!(out, "today"),
        };
    }
}
