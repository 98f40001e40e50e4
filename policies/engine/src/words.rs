//! Sentences with facts in braces: `established in {country}, {standing}`.

use crate::error::Fault;

/// A sentence whose braces name facts of the kind `F`.
#[derive(Debug, Clone)]
pub(crate) struct Template<F>(Vec<Part<F>>);

#[derive(Debug, Clone)]
enum Part<F> {
    Text(String),
    Fact(F),
}

impl<F> Template<F> {
    /// Reads a sentence; `named` knows the facts.
    pub(crate) fn parse(text: &str, named: impl Fn(&str) -> Option<F>) -> Result<Self, Fault> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or(Fault::LooseBrace)?;
            let fact = named(name).ok_or_else(|| Fault::UnknownFact(name.to_owned()))?;
            parts.extend([plain(before)?, Part::Fact(fact)]);
            rest = behind;
        }
        parts.push(plain(rest)?);
        Ok(Self(parts))
    }

    /// The sentence, with each fact written by `write`.
    pub(crate) fn render(&self, mut write: impl FnMut(&F, &mut String)) -> String {
        let mut sentence = String::with_capacity(96);
        for part in &self.0 {
            match part {
                Part::Text(text) => sentence.push_str(text),
                Part::Fact(fact) => write(fact, &mut sentence),
            }
        }
        sentence
    }
}

fn plain<F>(text: &str) -> Result<Part<F>, Fault> {
    if text.contains('}') {
        return Err(Fault::LooseBrace);
    }
    Ok(Part::Text(text.to_owned()))
}

/// What the words of a rule may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    On,
    Country,
    Standing,
    UncertainStanding,
    PastStanding,
    EvidenceShown,
    EvidenceUnchecked,
    EvidenceExpired,
    EvidenceKinds,
    Sectors,
    AllocationFirstDay,
    AllocationLastDay,
    Unspent,
    IdentityAssurance,
    SecondFactor,
    ApplicantKinds,
    Mode,
    ModeApplicants,
    ModeSystem,
    ModeWhy,
    ModeHoursLeast,
    ModeHoursMost,
    ModeMonths,
    NeedHours,
    NeedMonths,
}

impl Fact {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "on" => Self::On,
            "country" => Self::Country,
            "standing" => Self::Standing,
            "uncertain_standing" => Self::UncertainStanding,
            "past_standing" => Self::PastStanding,
            "evidence_shown" => Self::EvidenceShown,
            "evidence_unchecked" => Self::EvidenceUnchecked,
            "evidence_expired" => Self::EvidenceExpired,
            "evidence_kinds" => Self::EvidenceKinds,
            "sectors" => Self::Sectors,
            "allocation_first_day" => Self::AllocationFirstDay,
            "allocation_last_day" => Self::AllocationLastDay,
            "unspent" => Self::Unspent,
            "identity_assurance" => Self::IdentityAssurance,
            "second_factor" => Self::SecondFactor,
            "applicant_kinds" => Self::ApplicantKinds,
            "mode" => Self::Mode,
            "mode_applicants" => Self::ModeApplicants,
            "mode_system" => Self::ModeSystem,
            "mode_why" => Self::ModeWhy,
            "mode_hours_least" => Self::ModeHoursLeast,
            "mode_hours_most" => Self::ModeHoursMost,
            "mode_months" => Self::ModeMonths,
            "need_hours" => Self::NeedHours,
            "need_months" => Self::NeedMonths,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn braces_give_way_to_facts() {
        let template = Template::parse("on {on}, {country}", Fact::named).unwrap();
        let sentence = template.render(|fact, out| write!(out, "<{fact:?}>").unwrap());
        assert_eq!(sentence, "on <On>, <Country>");
    }

    #[test]
    fn a_loose_brace_or_a_strange_fact_is_told() {
        let fault = |text| Template::parse(text, Fact::named).unwrap_err();
        assert!(matches!(fault("on {on"), Fault::LooseBrace));
        assert!(matches!(fault("on on}"), Fault::LooseBrace));
        assert!(matches!(fault("{on} on}"), Fault::LooseBrace));
        assert!(matches!(fault("{land}"), Fault::UnknownFact(name) if name == "land"));
    }
}
