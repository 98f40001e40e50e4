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

    /// What its braces name, in the order they stand in.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &F> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Fact(fact) => Some(fact),
        })
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

/// What the words and the source of a rule may name.
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
    Screened,
    AllocationFirstDay,
    AllocationLastDay,
    Unspent,
    UnspentUnit,
    IdentityAssurance,
    SecondFactor,
    ApplicantKinds,
    Mode,
    ModeApplicants,
    ModeCountries,
    ModeSystem,
    ModeWhy,
    ModeHoursLeast,
    ModeHoursMost,
    ModeHoursTypical,
    ModeMonths,
    NeedHours,
    NeedMonths,
    AiPractices,
    AiAreas,
    TrainingCompute,
    GpaiIndicative,
    GpaiSystemic,
    UnionUsed,
    UnionCeiling,
    CommercialUsed,
    CommercialCeiling,
    AidGranted,
    AidAsked,
    AidCeiling,
    OverdueCount,
    OverdueOldest,
    OpenApplications,
    OpenApplicationsMost,
    ActiveAllocations,
    ActiveAllocationsMost,
    OpenApplicationsWhere,
    ActiveAllocationsWhere,
    VetoReason,
    ModeFreeFor,
    ModeApplicantsSource,
    ModeCountriesSource,
    ModeFreeForSource,
    ModeHoursSource,
    ModeMonthsSource,
    ModeOfferSource,
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
            "screened" => Self::Screened,
            "allocation_first_day" => Self::AllocationFirstDay,
            "allocation_last_day" => Self::AllocationLastDay,
            "unspent" => Self::Unspent,
            "unspent_unit" => Self::UnspentUnit,
            "identity_assurance" => Self::IdentityAssurance,
            "second_factor" => Self::SecondFactor,
            "applicant_kinds" => Self::ApplicantKinds,
            "mode" => Self::Mode,
            "mode_applicants" => Self::ModeApplicants,
            "mode_countries" => Self::ModeCountries,
            "mode_system" => Self::ModeSystem,
            "mode_why" => Self::ModeWhy,
            "mode_hours_least" => Self::ModeHoursLeast,
            "mode_hours_most" => Self::ModeHoursMost,
            "mode_hours_typical" => Self::ModeHoursTypical,
            "mode_months" => Self::ModeMonths,
            "need_hours" => Self::NeedHours,
            "need_months" => Self::NeedMonths,
            "ai_practices" => Self::AiPractices,
            "ai_areas" => Self::AiAreas,
            "training_compute" => Self::TrainingCompute,
            "gpai_indicative" => Self::GpaiIndicative,
            "gpai_systemic" => Self::GpaiSystemic,
            "union_used" => Self::UnionUsed,
            "union_ceiling" => Self::UnionCeiling,
            "commercial_used" => Self::CommercialUsed,
            "commercial_ceiling" => Self::CommercialCeiling,
            "aid_granted" => Self::AidGranted,
            "aid_asked" => Self::AidAsked,
            "aid_ceiling" => Self::AidCeiling,
            "overdue_count" => Self::OverdueCount,
            "overdue_oldest" => Self::OverdueOldest,
            "open_applications" => Self::OpenApplications,
            "open_applications_most" => Self::OpenApplicationsMost,
            "active_allocations" => Self::ActiveAllocations,
            "active_allocations_most" => Self::ActiveAllocationsMost,
            "open_applications_where" => Self::OpenApplicationsWhere,
            "active_allocations_where" => Self::ActiveAllocationsWhere,
            "veto_reason" => Self::VetoReason,
            "mode_free_for" => Self::ModeFreeFor,
            "mode_applicants_source" => Self::ModeApplicantsSource,
            "mode_countries_source" => Self::ModeCountriesSource,
            "mode_free_for_source" => Self::ModeFreeForSource,
            "mode_hours_source" => Self::ModeHoursSource,
            "mode_months_source" => Self::ModeMonthsSource,
            "mode_offer_source" => Self::ModeOfferSource,
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
