//! What an application has to say: only what the mode asks for and nobody has said yet.

mod ai_act;

use broker_model::{Organisation, OrganisationId, OrganisationKind, SizeClass};
use jiff::civil::Date;
use policy_engine::{
    AccessMode, ApplicantKind, Confidence, Engine, GpuHours, ModeFacts, OfferState, TitleKind,
    day_in_brussels,
};
use serde::Serialize;

use super::find_mode;
use crate::{Broker, Caller, Directory, Error, Result};

/// The fields of an application to one mode at one system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApplicationForm {
    pub mode: String,
    pub system: String,
    /// Where nothing can be had there today: an application would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<FormClosed>,
    /// See [`crate::ModeToday::no_cut_off_after`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_cut_off_after: Option<Date>,
    pub fields: Vec<FormField>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormClosed {
    /// In the language that was asked for, where the policy has it; none where nobody noted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormField {
    /// Where it goes in what is handed in: `project.name`, `answers.benchmark_evidence`.
    pub name: String,
    /// What is known already, and need not be said again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// What it is, where its name is a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is taken there, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// Who asks for it.
    pub source: String,
    /// Whether that was read with certainty.
    pub certain: bool,
    /// Whether it may be left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// Kinds of documents that other fields of an application, or the description of the organisation, are.
const SAID_ELSEWHERE: [(&str, &str); 3] = [
    ("legal_entity", "organisation"),
    ("project_page", "project.purpose"),
    ("compute_estimate", "need"),
];

/// What a factory is to give beside compute.
const BESIDE_COMPUTE: &str =
    "L'Usine Digitale, 2024-09 (000): data, compute and storage; Euractiv, 2024-01 (002): support";

impl Broker {
    /// What this organisation would have to say in an application; titles in `language` where the policy has it.
    pub async fn application_form(
        &self,
        caller: &Caller,
        (of, mode, system): (OrganisationId, &str, &str),
        language: &str,
    ) -> Result<ApplicationForm> {
        let organisation = self.represented(caller, of).await?;
        let engine = self.policy();
        let mode = find_mode(&engine, mode).ok_or(Error::NotFound("access mode"))?;
        let mut fields = own_fields(&organisation);
        fields.extend(eu_project_field(&organisation, mode));
        if self
            .may_be_aid(caller, (&organisation, (&mode.id, system)))
            .await?
        {
            fields.extend(aid_fields());
        }
        fields.extend(ai_act::fields(&engine));
        let documents = mode.documents.iter();
        fields.extend(documents.filter(|it| !is_elsewhere(&it.value)).map(|it| {
            FormField {
                name: format!("answers.{}", it.value),
                known: None,
                title: Some(
                    engine
                        .title(TitleKind::Document, &it.value, language)
                        .to_owned(),
                ),
                allowed: None,
                source: it.source.clone(),
                certain: it.confidence == Confidence::Certain,
                optional: false,
            }
        }));
        let directory = self.directory();
        for field in &mut fields {
            let known = allowed(&field.name, mode, &directory);
            field.allowed = known.or(field.allowed.take());
        }
        Ok(ApplicationForm {
            mode: mode.id.clone(),
            system: system.to_owned(),
            closed: self.closed_form((&engine, mode), system, language),
            no_cut_off_after: { mode.cut_offs.as_ref() }
                .and_then(|it| it.value.none_after(self.inner.clock.now())),
            fields,
        })
    }

    /// That the mode is not open at the system today.
    fn closed_form(
        &self,
        (engine, mode): (&Engine, &AccessMode),
        system: &str,
        language: &str,
    ) -> Option<FormClosed> {
        let today = day_in_brussels(self.inner.clock.now());
        let offers = mode.offers_on(today);
        let offer = offers.into_iter().find(|it| it.value.system == system);
        if offer.is_some_and(|it| it.value.state == OfferState::Open) {
            return None;
        }
        let why = offer.and_then(|it| it.value.why.as_deref());
        let why = why.map(|it| engine.text(it, language).to_owned());
        Some(FormClosed { why })
    }

    /// Whether the rules would ask what aid there was, whoever pays for the project.
    async fn may_be_aid(
        &self,
        caller: &Caller,
        (organisation, (mode, system)): (&Organisation, (&str, &str)),
    ) -> Result<bool> {
        let applicant = (caller.into(), caller.person);
        let mut question = self.question_of(applicant, organisation).await?;
        question.mode = Some(ModeFacts {
            id: mode.to_owned(),
            system: system.to_owned(),
        });
        let engine = self.policy();
        Ok([None, Some(true)].into_iter().any(|eu_project| {
            question.project.eu_project = eu_project;
            engine.is_aid(&question)
        }))
    }
}

fn own_fields(organisation: &Organisation) -> Vec<FormField> {
    let size = (organisation.size != SizeClass::Unclear).then(|| word(organisation.size));
    let kind = organisation.kind.map(|it| it.as_str().to_owned());
    let described = |name: &str, known| FormField {
        name: name.to_owned(),
        known,
        title: None,
        allowed: None,
        source: "Regulation (EU) 2021/1173, Art. 16(2) and 17(6)".to_owned(),
        certain: true,
        optional: false,
    };
    let mut fields = vec![
        described("organisation.country", Some(organisation.country.clone())),
        described("organisation.kind", kind),
        described("organisation.size", size),
    ];
    let asked = ["project.name", "project.purpose", "project.sectors"];
    fields.extend(asked.map(|name| described(name, None)));
    fields.push(FormField {
        source: "Regulation (EU) 2021/1173, Art. 16(1)".to_owned(),
        ..described("project.civilian", None)
    });
    fields.extend(["need.gpu_hours", "need.months"].map(|name| described(name, None)));
    let more = ["need.storage_tib", "need.data", "need.support"];
    fields.extend(more.map(|name| FormField {
        name: name.to_owned(),
        known: None,
        title: None,
        allowed: None,
        source: BESIDE_COMPUTE.to_owned(),
        certain: false,
        optional: true,
    }));
    fields
}

/// What an application is checked for, and what the mode is known to give.
fn allowed(name: &str, mode: &AccessMode, directory: &Directory) -> Option<String> {
    match name {
        "project.sectors" => {
            let codes = directory.sectors().iter().map(|it| it.code.as_str());
            Some(joined(codes))
        }
        "need.support" => {
            let kinds = directory.services().iter().map(|it| it.kind.as_str());
            Some(joined(kinds))
        }
        "need.gpu_hours" => {
            let of_mode = mode.gpu_hours.as_ref()?;
            Some(doubted(hours(of_mode.value)?, of_mode.confidence))
        }
        "need.months" => {
            let of_mode = mode.durations_months.as_ref()?;
            let months: Vec<String> = of_mode.value.iter().map(u32::to_string).collect();
            Some(doubted(months.join(", "), of_mode.confidence))
        }
        _ => None,
    }
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn hours(of_mode: GpuHours) -> Option<String> {
    match (of_mode.least, of_mode.most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (None, Some(most)) => Some(format!("up to {most}")),
        (Some(least), None) => Some(format!("from {least}")),
        (None, None) => {
            let typical = of_mode.typical?;
            Some(format!(
                "no bound is known; about {typical} were given before"
            ))
        }
    }
}

fn doubted(words: String, confidence: Confidence) -> String {
    match confidence {
        Confidence::Certain => words,
        Confidence::Uncertain => format!("{words} (not read with certainty)"),
    }
}

/// What opens some modes to companies, or makes them free.
fn eu_project_field(organisation: &Organisation, mode: &AccessMode) -> Option<FormField> {
    let [whom, free] = [&mode.applicants, &mode.free_for];
    let hangs_on_it = [whom, free]
        .iter()
        .any(|it| it.value.contains(&ApplicantKind::IndustryInEuProject));
    let is_company = organisation.kind == Some(OrganisationKind::Company);
    (hangs_on_it && is_company).then(|| FormField {
        name: "project.eu_project".to_owned(),
        known: None,
        title: None,
        allowed: None,
        source: whom.source.clone(),
        certain: whom.confidence == Confidence::Certain,
        optional: false,
    })
}

/// A company that gets a state's hours for nothing declares what aid it had. What they are worth is the word of whoever
/// gives them, where the company does not know.
fn aid_fields() -> [FormField; 2] {
    let field = |name: &str, optional| FormField {
        name: name.to_owned(),
        known: None,
        title: None,
        allowed: None,
        source: "Regulation (EU) 2023/2831, Art. 3(2) and 7(4)".to_owned(),
        certain: false,
        optional,
    };
    [
        field("aid.received_eur", false),
        field("aid.worth_eur", true),
    ]
}

fn word(size: SizeClass) -> String {
    crate::eligibility::size_name(size).to_owned()
}

fn is_elsewhere(document: &str) -> bool {
    SAID_ELSEWHERE.iter().any(|(kind, _)| *kind == document)
}

/// The kinds of documents that `answers` must have for this mode.
pub(super) fn answers_of(mode: &AccessMode) -> Vec<&str> {
    let documents = mode.documents.iter().map(|it| it.value.as_str());
    documents.filter(|kind| !is_elsewhere(kind)).collect()
}
