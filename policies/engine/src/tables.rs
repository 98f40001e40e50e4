//! The dated tables the rules stand on.

mod countries;
mod dated;
mod evidence;
mod holidays;
mod identifiers;
mod limits;
mod project_ids;
mod size_classes;

use jiff::civil::Date;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

pub(crate) use self::countries::{Bound, Countries, Country, Standing, is_country_code};
pub(crate) use self::dated::{AiAct, FollowUps, Programme};
pub use self::dated::{DefaultDuty, FollowUpKind, Named, Reminder};
pub use self::evidence::EvidenceKindInfo;
pub(crate) use self::evidence::EvidenceKinds;
pub(crate) use self::holidays::WorkingDays;
pub use self::holidays::{Due, Holiday};
pub(crate) use self::identifiers::{EuidRow, FormRow, Identifiers, PlainRow, VatRow};
pub use self::limits::{Limit, Scope};
pub(crate) use self::project_ids::ProjectIds;
pub use self::project_ids::{ProjectIdFault, ProjectIdParts};
pub(crate) use self::size_classes::SizeClasses;
use crate::error::{Fault, LoadError, line_of};
use crate::modes::{self, AccessMode};
use crate::sources::{
    AI_ACT, AID, CAPS, FOLLOW_UPS, PROGRAMMES, PROJECT_IDS, SHARES, Source, Sources,
};

/// How sure whoever wrote a row was of it.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The act itself, or a page of the body that decides, was read.
    Certain,
    /// Not read, or read to say several things. Never lets anybody pass by itself.
    Uncertain,
}

#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) countries: Countries,
    pub(crate) evidence_kinds: EvidenceKinds,
    pub(crate) working_days: WorkingDays,
    pub(crate) modes: Vec<AccessMode>,
    pub(crate) size_classes: SizeClasses,
    pub(crate) identifiers: Identifiers,
    pub(crate) project_ids: ProjectIds,
    pub(crate) ai_act: AiAct,
    pub(crate) aid: Vec<Limit>,
    pub(crate) caps: Vec<Limit>,
    pub(crate) follow_ups: FollowUps,
    pub(crate) shares: Vec<Limit>,
    pub(crate) programmes: Vec<Programme>,
}

impl Tables {
    pub(crate) fn load(sources: &Sources) -> Result<Self, LoadError> {
        let countries = Countries::load(&sources.countries)?;
        let modes = modes::load(&sources.modes, &countries)?;
        Ok(Self {
            evidence_kinds: EvidenceKinds::load(&sources.evidence_kinds)?,
            working_days: WorkingDays::load(&sources.holidays)?,
            size_classes: SizeClasses::load(&sources.size_classes)?,
            identifiers: Identifiers::load(&sources.identifiers)?,
            project_ids: ProjectIds::load(sources.more(PROJECT_IDS)?, &modes)?,
            ai_act: dated::load_ai_act(sources.more(AI_ACT)?)?,
            aid: limits::load_aid(sources.more(AID)?)?,
            caps: limits::load_caps(sources.more(CAPS)?, &modes)?,
            follow_ups: dated::load_follow_ups(sources.more(FOLLOW_UPS)?)?,
            shares: limits::load_shares(sources.more(SHARES)?)?,
            programmes: dated::load_programmes(sources.more(PROGRAMMES)?, &countries)?,
            countries,
            modes,
        })
    }
}

/// Days from `since` to the day before `until`; without `until` there is no end.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) since: Date,
    pub(crate) until: Option<Date>,
}

impl Span {
    pub(crate) fn holds_on(self, day: Date) -> bool {
        self.since <= day && !self.is_over_on(day)
    }

    pub(crate) fn is_over_on(self, day: Date) -> bool {
        self.until.is_some_and(|until| until <= day)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.is_over_on(self.since)
    }
}

/// Of a field that people lean on: nothing but white space says nothing.
pub(crate) fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("this is empty: say where it comes from"));
    }
    Ok(text)
}

pub(crate) fn parse<T: DeserializeOwned>(source: &Source) -> Result<T, LoadError> {
    toml::from_str(&source.text).map_err(|error| {
        let reason = error.message().replace('\n', ", ");
        let line = error.span().map(|span| line_of(&source.text, span.start));
        LoadError::new(&source.name, Fault::Table(reason)).at_line(line)
    })
}

/// An error about the row that holds `needle`, which is quoted as the file has it.
fn bad_row(source: &Source, needle: &str, reason: String) -> LoadError {
    let line = source
        .text
        .find(needle)
        .map(|offset| line_of(&source.text, offset));
    LoadError::new(&source.name, Fault::Table(reason)).at_line(line)
}
