use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};

use super::{EvidenceState, Facts, Sorted, StandingState};
use crate::languages::{TitleKind, Voice};
use crate::modes::ApplicantKind;
use crate::tables::Standing;
use crate::words::Fact;

const UNNAMED_SCREENING: &str = "Screening";
const MS_PER_HOUR: i64 = 3_600_000;

impl Facts<'_> {
    /// Writes a fact the way a person reads it, for a rule about `question`.
    pub(crate) fn say(&self, fact: Fact, question: &str, voice: Voice<'_>, out: &mut String) {
        match fact {
            Fact::On => voice.date(self.question.on, out),
            Fact::Country => self.say_country(voice, out),
            Fact::Standing => self.say_first(StandingState::Current, voice, out),
            Fact::UncertainStanding => self.say_first(StandingState::Uncertain, voice, out),
            Fact::PastStanding => self.say_past_standing(voice, out),
            Fact::EvidenceShown => self.say_evidence(EvidenceState::Shown, question, voice, out),
            Fact::EvidenceUnchecked => {
                self.say_evidence(EvidenceState::Unchecked, question, voice, out);
            }
            Fact::EvidenceExpired => {
                self.say_evidence(EvidenceState::Expired, question, voice, out);
            }
            Fact::EvidenceKinds => self.say_evidence_kinds(question, voice, out),
            Fact::Sectors => {
                let sectors = self.question.project.sectors.iter();
                voice.list(out, sectors, |sector, out| {
                    out.push_str(voice.named(TitleKind::Sector, sector, sector));
                });
            }
            Fact::Screened => self.say_screened(voice, out),
            Fact::AllocationFirstDay
            | Fact::AllocationLastDay
            | Fact::Unspent
            | Fact::UnspentUnit => {
                self.say_allocation(fact, voice, out);
            }
            Fact::IdentityAssurance => {
                let level = &self.question.applicant.identity_assurance;
                out.push_str(voice.named(TitleKind::Assurance, level, level));
            }
            Fact::SecondFactor => {
                out.push_str(voice.second_factor(self.question.applicant.multi_factor));
            }
            other => self.say_mode(other, voice, out),
        }
    }

    fn say_allocation(&self, fact: Fact, voice: Voice<'_>, out: &mut String) {
        let Some(held) = &self.question.allocation else {
            return out.push_str(voice.nothing());
        };
        match fact {
            Fact::AllocationFirstDay => voice.date(held.valid_from, out),
            Fact::AllocationLastDay => match held.valid_until.yesterday() {
                Ok(last) => voice.date(last, out),
                Err(_) => out.push_str(voice.nothing()),
            },
            Fact::UnspentUnit => {
                let unit = held.unit.as_deref().unwrap_or("unit-hour");
                out.push_str(voice.named(TitleKind::Unit, unit, &format!("{unit}s")));
            }
            _ => out.push_str(&hours(held.unspent_unit_ms, voice)),
        }
    }

    /// What is asked about an access mode.
    fn say_mode(&self, fact: Fact, voice: Voice<'_>, out: &mut String) {
        let asked = self.question.mode.as_ref();
        let need = self.question.need.unwrap_or_default();
        let hours = self.mode.and_then(|mode| mode.gpu_hours.as_ref());
        let hours = hours.map(|it| it.value).unwrap_or_default();
        let kind = |kind: ApplicantKind, out: &mut String| {
            let id = super::mode::word(kind);
            out.push_str(voice.named(TitleKind::ApplicantKind, id, &id.replace('_', " ")));
        };
        match fact {
            Fact::ApplicantKinds => voice.list(out, self.applicant_kinds(), kind),
            Fact::Mode => match asked {
                Some(asked) => voice.mode(&asked.id, self.mode, out),
                None => out.push_str(voice.nothing()),
            },
            Fact::ModeSystem => or_nothing(voice, out, asked.map(|mode| &mode.system)),
            Fact::ModeApplicants => {
                let kinds = self.mode.into_iter();
                let kinds = kinds.flat_map(|mode| mode.applicants.value.iter().copied());
                voice.list(out, kinds, kind);
            }
            Fact::ModeFreeFor => {
                let kinds = self.mode.into_iter();
                let kinds = kinds.flat_map(|mode| mode.free_for.value.iter().copied());
                voice.list(out, kinds, kind);
            }
            Fact::ModeCountries => {
                let codes = self.mode.and_then(|mode| mode.countries.as_ref());
                let codes = codes.into_iter().flat_map(|it| &it.value);
                let countries = codes.filter_map(|code| self.tables.countries.find(code));
                voice.list(out, countries, |country, out| voice.country(country, out));
            }
            Fact::ModeWhy => {
                let why = self.offer().and_then(|offer| offer.why.as_deref());
                out.push_str(why.map_or(voice.no_reason(), |why| voice.text(why)));
            }
            Fact::ModeHoursLeast => or_nothing(voice, out, hours.least),
            Fact::ModeHoursMost => or_nothing(voice, out, hours.most),
            Fact::ModeHoursTypical => or_nothing(voice, out, hours.typical),
            Fact::ModeMonths => {
                let months = self.mode.and_then(|mode| mode.durations_months.as_ref());
                voice.list(out, months.into_iter().flat_map(|it| &it.value), push);
            }
            Fact::NeedHours => or_nothing(voice, out, need.gpu_hours),
            Fact::NeedMonths => or_nothing(voice, out, need.months),
            Fact::ModeApplicantsSource
            | Fact::ModeCountriesSource
            | Fact::ModeFreeForSource
            | Fact::ModeHoursSource
            | Fact::ModeMonthsSource
            | Fact::ModeOfferSource => self.say_mode_source(fact, voice, out),
            other => self.say_limit(other, voice, out),
        }
    }

    /// Where a value of the mode is from, as its file cites it.
    fn say_mode_source(&self, fact: Fact, voice: Voice<'_>, out: &mut String) {
        let Some(mode) = self.mode else {
            return out.push_str(voice.nothing());
        };
        let source = match fact {
            Fact::ModeApplicantsSource => Some(&mode.applicants.source),
            Fact::ModeFreeForSource => Some(&mode.free_for.source),
            Fact::ModeCountriesSource => mode.countries.as_ref().map(|it| &it.source),
            Fact::ModeHoursSource => mode.gpu_hours.as_ref().map(|it| &it.source),
            Fact::ModeMonthsSource => mode.durations_months.as_ref().map(|it| &it.source),
            _ => return self.say_offer_source(voice, out),
        };
        or_nothing(voice, out, source);
    }

    /// Of the system that is named; where the mode has no hours there, of all that it has them at.
    fn say_offer_source(&self, voice: Voice<'_>, out: &mut String) {
        let all = self.mode.map(|mode| mode.offers_on(self.question.on));
        let here = self.sourced_offer().map(|it| vec![it]);
        let offers = here.or(all).unwrap_or_default();
        let sources: BTreeSet<&str> = offers.iter().map(|it| it.source.as_str()).collect();
        if sources.is_empty() {
            return out.push_str(voice.nothing());
        }
        let sources: Vec<&str> = sources.into_iter().collect();
        out.push_str(&sources.join("; "));
    }

    fn say_country(&self, voice: Voice<'_>, out: &mut String) {
        match self.country {
            Some(country) => voice.country(country, out),
            None => out.push_str(&self.question.organisation.country),
        }
    }

    fn say_first(&self, state: StandingState, voice: Voice<'_>, out: &mut String) {
        match self.standings(state).next() {
            Some(standing) => voice.standing(standing, out),
            None => out.push_str(voice.nothing()),
        }
    }

    /// The standing that ended last is the one people remember.
    fn say_past_standing(&self, voice: Voice<'_>, out: &mut String) {
        let until = |standing: &&Standing| standing.span.until;
        match self.standings(StandingState::Past).max_by_key(until) {
            Some(last) => voice.past_standing(last, out),
            None => out.push_str(voice.nothing()),
        }
    }

    fn say_evidence(
        &self,
        state: EvidenceState,
        question: &str,
        voice: Voice<'_>,
        out: &mut String,
    ) {
        let such = self.evidence.iter().filter(|sorted| sorted.state == state);
        let such = such.filter(|sorted| sorted.kind.shows.iter().any(|shown| shown == question));
        voice.list(out, such, |it: &Sorted<'_>, out| {
            voice.evidence(it.kind, it.fact.issued_on, it.last, out);
        });
    }

    /// The kinds of screening that there is a record of, of the organisation or of the person.
    fn say_screened(&self, voice: Voice<'_>, out: &mut String) {
        let Self { question, .. } = self;
        let of = [
            &question.organisation.screened,
            &question.applicant.screened,
        ];
        let screened: BTreeSet<&String> = of.into_iter().flatten().collect();
        // A question of before it was told says what screening found, and not which.
        if screened.is_empty() {
            return out.push_str(voice.text(UNNAMED_SCREENING));
        }
        let kinds = self.tables.evidence_kinds.all().iter();
        let titles = screened.into_iter().map(|id| {
            let title = { kinds.clone() }.find(|kind| kind.id == *id);
            (id, title.map_or(id.as_str(), |it| it.title.as_str()))
        });
        voice.list(out, titles, |(id, title), out| {
            out.push_str(voice.named(TitleKind::EvidenceKind, id, title));
        });
    }

    fn say_evidence_kinds(&self, question: &str, voice: Voice<'_>, out: &mut String) {
        let on = self.question.on;
        let kinds = self.tables.evidence_kinds.all().iter();
        let accepted = kinds.filter(|kind| kind.is_accepted_for(question, on));
        voice.list(out, accepted, |kind, out| {
            out.push_str(voice.named(TitleKind::EvidenceKind, &kind.id, &kind.title));
        });
    }
}

fn push(fact: impl Display, out: &mut String) {
    let _ = write!(out, "{fact}");
}

fn or_nothing(voice: Voice<'_>, out: &mut String, fact: Option<impl Display>) {
    match fact {
        Some(fact) => push(fact, out),
        None => out.push_str(voice.nothing()),
    }
}

/// Unit-hours to the thousandth, rounded towards zero: nothing is made to look like more.
fn hours(unit_ms: i64, voice: Voice<'_>) -> String {
    let (sign, unit_ms) = (if unit_ms < 0 { "-" } else { "" }, unit_ms.unsigned_abs());
    let per_hour = MS_PER_HOUR.unsigned_abs();
    let (whole, rest) = (unit_ms / per_hour, unit_ms % per_hour);
    match rest / 3_600 {
        0 if rest == 0 => format!("{sign}{whole}"),
        0 if whole == 0 => voice.less_than(&format!("{sign}0.001")),
        thousandths => voice.decimal(&format!("{sign}{whole}.{thousandths:03}")),
    }
}

#[cfg(test)]
mod tests {
    use super::Voice;

    fn hours(unit_ms: i64) -> String {
        super::hours(unit_ms, Voice::ENGLISH)
    }

    #[test]
    fn hours_are_never_made_to_look_like_more() {
        assert_eq!(hours(0), "0");
        assert_eq!(hours(1), "less than 0.001");
        assert_eq!(hours(3_599_999), "0.999");
        assert_eq!(hours(3_600_000), "1");
        assert_eq!(hours(4_500_000_000), "1250");
        assert_eq!(hours(-5_400_000), "-1.500");
        assert_eq!(hours(i64::MIN), "-2562047788015.215");
    }
}
