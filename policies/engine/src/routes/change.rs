use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::decision::Outcome;
use crate::engine::Engine;
use crate::modes::{AccessMode, ApplicantKind};
use crate::question::{EvidenceFact, NeedFacts, Question};

/// One fact that could be otherwise.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `need.gpu_hours`, `need.months`, `project.civilian`, `project.eu_project`, `organisation.kind`, or
    /// `evidence`, to which one of this kind is added, checked.
    pub field: String,
    pub to: Value,
}

impl Engine {
    /// What would make the answer a yes: each change that does so alone, or else all that are open to the applicant
    /// together. Every one was decided again; what no change mends has none.
    pub(super) fn changes(&self, question: &Question, mode: &AccessMode) -> Vec<Vec<Change>> {
        let candidates = self.candidates(question, mode);
        let helps = |changes: &[&Change]| {
            let changed = changes
                .iter()
                .fold(question.clone(), |it, change| change.applied_to(it));
            self.decide(&changed).result == Outcome::Eligible
        };
        let alone = candidates.iter().filter(|change| helps(&[change]));
        let alone: Vec<Vec<Change>> = alone.map(|change| vec![change.clone()]).collect();
        if !alone.is_empty() {
            return alone;
        }
        // Of several for one field the first.
        let mut together: Vec<&Change> = Vec::new();
        for change in &candidates {
            if together.iter().all(|earlier| earlier.field != change.field) {
                together.push(change);
            }
        }
        if !helps(&together) {
            return Vec::new();
        }
        // What it does without is not asked of anybody.
        for at in (0..together.len()).rev() {
            let left = { together.iter().enumerate() }.filter(|(other, _)| *other != at);
            let left: Vec<&Change> = left.map(|(_, change)| *change).collect();
            if helps(&left) {
                together = left;
            }
        }
        vec![together.into_iter().cloned().collect()]
    }

    /// Facts that an applicant may bring, or ask for otherwise. Where it is established and how large it is are
    /// not among them.
    fn candidates(&self, question: &Question, mode: &AccessMode) -> Vec<Change> {
        let change = |field: &str, to: Value| Change {
            field: field.to_owned(),
            to,
        };
        let mut found = Vec::new();
        let NeedFacts { gpu_hours, months } = question.need.unwrap_or_default();
        let hours = mode
            .gpu_hours
            .as_ref()
            .map(|it| it.value)
            .unwrap_or_default();
        let (least, most) = (hours.least.unwrap_or(0), hours.most.unwrap_or(u64::MAX));
        if let Some(asked) = gpu_hours.map(u64::from)
            && !(least..=most).contains(&asked)
        {
            found.push(change("need.gpu_hours", json!(asked.clamp(least, most))));
        }
        let durations = mode.durations_months.iter().flat_map(|it| &it.value);
        if let Some(asked) = months {
            let other = durations.filter(|it| **it != asked);
            found.extend(other.map(|it| change("need.months", json!(it))));
        }
        if question.project.civilian.is_none() {
            found.push(change("project.civilian", json!(true)));
        }
        if question.organisation.kind.is_none() {
            let kinds = ["company", "research", "public_sector"];
            found.extend(kinds.map(|kind| change("organisation.kind", json!(kind))));
        }
        let takes_projects = mode
            .applicants
            .value
            .contains(&ApplicantKind::IndustryInEuProject);
        if takes_projects && question.project.eu_project.is_none() {
            found.push(change("project.eu_project", json!(true)));
        }
        let kinds = self.evidence_kinds().iter();
        let accepted = kinds.filter(|kind| kind.is_accepted_for("ethics", question.on));
        found.extend(accepted.map(|kind| change("evidence", json!(kind.id))));
        found
    }
}

impl Change {
    fn applied_to(&self, mut question: Question) -> Question {
        let number = || self.to.as_u64().and_then(|it| u32::try_from(it).ok());
        let need = question.need.unwrap_or_default();
        match self.field.as_str() {
            "need.gpu_hours" => {
                let gpu_hours = number();
                question.need = Some(NeedFacts { gpu_hours, ..need });
            }
            "need.months" => {
                let months = number();
                question.need = Some(NeedFacts { months, ..need });
            }
            "project.civilian" => question.project.civilian = self.to.as_bool(),
            "project.eu_project" => question.project.eu_project = self.to.as_bool(),
            "organisation.kind" => {
                question.organisation.kind = self.to.as_str().map(str::to_owned);
            }
            _ => question.evidence.push(EvidenceFact {
                checked: true,
                expires_on: None,
                issued_on: question.on,
                kind: self.to.as_str().unwrap_or_default().to_owned(),
            }),
        }
        question
    }
}
