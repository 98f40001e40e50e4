use std::fmt::{Display, Write as _};

use super::{EvidenceState, Facts, Sorted, StandingState};
use crate::modes::ApplicantKind;
use crate::tables::Standing;
use crate::words::Fact;

const MS_PER_HOUR: i64 = 3_600_000;

impl Facts<'_> {
    /// Writes a fact the way a person reads it, for a rule about `question`.
    pub(crate) fn say(&self, fact: Fact, question: &str, out: &mut String) {
        match fact {
            Fact::On => push(out, self.question.on),
            Fact::Country => self.say_country(out),
            Fact::Standing => push(out, self.first(StandingState::Current, |s| &s.words)),
            Fact::UncertainStanding => {
                push(out, self.first(StandingState::Uncertain, |s| &s.words));
            }
            Fact::PastStanding => self.say_past_standing(out),
            Fact::EvidenceShown => self.say_evidence(EvidenceState::Shown, question, out),
            Fact::EvidenceUnchecked => self.say_evidence(EvidenceState::Unchecked, question, out),
            Fact::EvidenceExpired => self.say_evidence(EvidenceState::Expired, question, out),
            Fact::EvidenceKinds => self.say_evidence_kinds(question, out),
            Fact::Sectors => list(out, self.question.project.sectors.iter()),
            Fact::AllocationFirstDay => {
                or_nothing(
                    out,
                    self.question
                        .allocation
                        .as_ref()
                        .map(|held| held.valid_from),
                );
            }
            Fact::AllocationLastDay => {
                let allocation = self.question.allocation.as_ref();
                or_nothing(
                    out,
                    allocation.and_then(|held| held.valid_until.yesterday().ok()),
                );
            }
            Fact::Unspent => {
                let allocation = self.question.allocation.as_ref();
                or_nothing(out, allocation.map(|held| hours(held.unspent_unit_ms)));
            }
            Fact::IdentityAssurance => push(out, &self.question.applicant.identity_assurance),
            Fact::SecondFactor if self.question.applicant.multi_factor => {
                out.push_str("with a second factor");
            }
            Fact::SecondFactor => out.push_str("without a second factor"),
            other => self.say_mode(other, out),
        }
    }

    /// What is asked about an access mode.
    fn say_mode(&self, fact: Fact, out: &mut String) {
        let asked = self.question.mode.as_ref();
        let need = self.question.need.unwrap_or_default();
        let hours = self.mode.and_then(|mode| mode.gpu_hours.as_ref());
        let hours = hours.map(|it| it.value).unwrap_or_default();
        match fact {
            Fact::ApplicantKinds => list(out, self.applicant_kinds().map(spaced)),
            Fact::Mode => or_nothing(out, asked.map(|mode| &mode.id)),
            Fact::ModeSystem => or_nothing(out, asked.map(|mode| &mode.system)),
            Fact::ModeApplicants => {
                let kinds = self
                    .mode
                    .into_iter()
                    .flat_map(|mode| &mode.applicants.value);
                list(out, kinds.map(|kind| spaced(*kind)));
            }
            Fact::ModeWhy => {
                let why = self.offer().and_then(|offer| offer.why.as_deref());
                push(out, why.unwrap_or("no reason was read"));
            }
            Fact::ModeHoursLeast => or_nothing(out, hours.least),
            Fact::ModeHoursMost => or_nothing(out, hours.most),
            Fact::ModeMonths => {
                let months = self.mode.and_then(|mode| mode.durations_months.as_ref());
                list(out, months.into_iter().flat_map(|it| &it.value));
            }
            Fact::NeedHours => or_nothing(out, need.gpu_hours),
            Fact::NeedMonths => or_nothing(out, need.months),
            _ => {}
        }
    }

    fn say_country(&self, out: &mut String) {
        push(
            out,
            self.country
                .map_or(&self.question.organisation.country, |found| &found.code),
        );
        if let Some(country) = self.country {
            let _ = write!(out, " ({})", country.name);
        }
    }

    fn first(&self, state: StandingState, words: impl Fn(&Standing) -> &str) -> &str {
        self.standings(state).next().map_or("nothing", words)
    }

    /// The standing that ended last is the one people remember.
    fn say_past_standing(&self, out: &mut String) {
        let last = self
            .standings(StandingState::Past)
            .max_by_key(|standing| standing.span.until);
        or_nothing(out, last.map(|standing| &standing.words_past));
    }

    fn say_evidence(&self, state: EvidenceState, question: &str, out: &mut String) {
        let such = self.evidence.iter().filter(|sorted| sorted.state == state);
        list(
            out,
            such.filter(|sorted| sorted.kind.shows.iter().any(|shown| shown == question)),
        );
    }

    fn say_evidence_kinds(&self, question: &str, out: &mut String) {
        let on = self.question.on;
        let kinds = self.tables.evidence_kinds.all().iter();
        list(
            out,
            kinds
                .filter(|kind| kind.is_accepted_for(question, on))
                .map(|kind| &kind.title),
        );
    }
}

impl Display for Sorted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.kind.title, self.fact.issued_on)?;
        match self.fact.expires_on {
            Some(last) => write!(f, " (until {last})"),
            None => Ok(()),
        }
    }
}

fn spaced(kind: ApplicantKind) -> String {
    super::mode::word(kind).replace('_', " ")
}

fn push(out: &mut String, fact: impl Display) {
    let _ = write!(out, "{fact}");
}

fn or_nothing(out: &mut String, fact: Option<impl Display>) {
    match fact {
        Some(fact) => push(out, fact),
        None => out.push_str("nothing"),
    }
}

fn list(out: &mut String, facts: impl Iterator<Item = impl Display>) {
    let before = out.len();
    for fact in facts {
        if out.len() > before {
            out.push_str(", ");
        }
        push(out, fact);
    }
    if out.len() == before {
        out.push_str("nothing");
    }
}

/// Unit-hours to the thousandth, rounded towards zero: nothing is made to look like more.
fn hours(unit_ms: i64) -> String {
    let (sign, unit_ms) = (if unit_ms < 0 { "-" } else { "" }, unit_ms.unsigned_abs());
    let per_hour = MS_PER_HOUR.unsigned_abs();
    let (whole, rest) = (unit_ms / per_hour, unit_ms % per_hour);
    match rest / 3_600 {
        0 if rest == 0 => format!("{sign}{whole}"),
        0 if whole == 0 => format!("less than {sign}0.001"),
        thousandths => format!("{sign}{whole}.{thousandths:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::hours;

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
