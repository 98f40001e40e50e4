use super::{EvidenceState, Facts, Value, record, strings, whole};
use crate::modes::{AccessMode, ApplicantKind, Offer, OfferState, Sourced};
use crate::question::{NeedFacts, Question};
use crate::tables::Tables;

pub(super) fn find<'t>(question: &Question, tables: &'t Tables) -> Option<&'t AccessMode> {
    let asked = question.mode.as_ref()?;
    tables.modes.iter().find(|mode| mode.id == asked.id)
}

/// As the calls and `modes/` write it.
pub(super) const fn word(kind: ApplicantKind) -> &'static str {
    match kind {
        ApplicantKind::Startup => "startup",
        ApplicantKind::Sme => "sme",
        ApplicantKind::Industry => "industry",
        ApplicantKind::Research => "research",
        ApplicantKind::PublicSector => "public_sector",
        ApplicantKind::IndustryInEuProject => "industry_in_eu_project",
    }
}

impl<'a> Facts<'a> {
    /// What the organisation is to those who sort applicants; nothing while its kind is not declared.
    pub(crate) fn applicant_kinds(&self) -> impl Iterator<Item = ApplicantKind> {
        let organisation = &self.question.organisation;
        let size = organisation.size.as_str();
        let is_small = ["micro", "small", "medium"].contains(&size)
            || (size == "unclear" && self.has_signed());
        let is_large = organisation.size == "large";
        let startup = organisation.startup == Some(true) && !is_large;
        let in_eu_project = self.question.project.eu_project == Some(true);
        let company = [
            Some(ApplicantKind::Industry),
            is_small.then_some(ApplicantKind::Sme),
            startup.then_some(ApplicantKind::Startup),
            in_eu_project.then_some(ApplicantKind::IndustryInEuProject),
        ];
        let one = |kind| [Some(kind), None, None, None];
        let kinds = match organisation.kind.as_deref() {
            Some("company") => company,
            Some("research") => one(ApplicantKind::Research),
            Some("public_sector") => one(ApplicantKind::PublicSector),
            _ => [None; 4],
        };
        kinds.into_iter().flatten()
    }

    /// To be an SME, and a person has checked it.
    fn has_signed(&self) -> bool {
        let mut shown = self
            .evidence
            .iter()
            .filter(|it| it.state == EvidenceState::Shown);
        shown.any(|it| it.shows("size"))
    }

    /// Whether what a company pays in the mode hangs on its size, as `mode.size_unclear` has it: the mode is free for
    /// small ones, and for this one by nothing else.
    pub(super) fn hangs_on_size(&self) -> bool {
        let free = self.mode.map_or(&[][..], |mode| &mode.free_for.value);
        let is_free = |kind| free.contains(&kind) && self.applicant_kinds().any(|it| it == kind);
        let is_company = self
            .applicant_kinds()
            .any(|it| it == ApplicantKind::Industry);
        is_company
            && (free.contains(&ApplicantKind::Sme) || is_free(ApplicantKind::Startup))
            && !is_free(ApplicantKind::Industry)
            && !is_free(ApplicantKind::IndustryInEuProject)
    }

    pub(super) fn mode_record(&self) -> Value {
        let applicants = self
            .mode
            .into_iter()
            .flat_map(|mode| &mode.applicants.value);
        let free_for = self.mode.into_iter().flat_map(|mode| &mode.free_for.value);
        let countries = self.mode.and_then(|mode| mode.countries.as_ref());
        let hours = self
            .mode
            .and_then(|mode| mode.gpu_hours.as_ref())
            .map(|it| it.value);
        let months = self.mode.and_then(|mode| mode.durations_months.as_ref());
        let months = months.into_iter().flat_map(|it| &it.value);
        let bound = |name, hours: Option<u64>| hours.map(|it| (name, whole(it)));
        let fields = [
            Some(("known", Value::new_bool(self.mode.is_some()))),
            Some(("applicants", strings(applicants.map(|kind| word(*kind))))),
            Some(("free_for", strings(free_for.map(|kind| word(*kind))))),
            Some(("state", Value::new_string(self.mode_state().to_owned()))),
            countries.map(|it| ("countries", strings(it.value.iter().map(String::as_str)))),
            bound("hours_least", hours.and_then(|it| it.least)),
            bound("hours_most", hours.and_then(|it| it.most)),
            bound(
                "hours_typical",
                hours
                    .filter(|it| it.most.is_none())
                    .and_then(|it| it.typical),
            ),
            Some((
                "months",
                Value::new_set(months.map(|it| whole(u64::from(*it)))),
            )),
        ];
        record(fields.into_iter().flatten())
    }

    pub(super) fn need_record(&self) -> Value {
        let NeedFacts { gpu_hours, months } = self.question.need.unwrap_or_default();
        let field = |name, value: Option<u32>| value.map(|it| (name, whole(u64::from(it))));
        record(
            [field("gpu_hours", gpu_hours), field("months", months)]
                .into_iter()
                .flatten(),
        )
    }

    /// What holds of the mode at the system that is named.
    pub(super) fn offer(&self) -> Option<&'a Offer> {
        self.sourced_offer().map(|it| &it.value)
    }

    pub(super) fn sourced_offer(&self) -> Option<&'a Sourced<Offer>> {
        let asked = self.question.mode.as_ref()?;
        let mut offers = self.mode?.offers_on(self.question.on).into_iter();
        offers.find(|it| it.value.system == asked.system)
    }

    fn mode_state(&self) -> &'static str {
        match self.offer().map(|offer| offer.state) {
            Some(OfferState::Open) => "open",
            Some(OfferState::Closed) => "closed",
            None => "not_offered",
        }
    }
}
