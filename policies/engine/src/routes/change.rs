use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::decision::{Effect, Spoken};
use crate::engine::Engine;
use crate::facts::Facts;
use crate::modes::{AccessMode, ApplicantKind};
use crate::question::{AidFacts, EvidenceFact, NeedFacts, Question};

/// One fact that could be otherwise.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `need.gpu_hours`, `need.months`, `project.civilian`, `project.eu_project`, `organisation.kind`,
    /// `aid.received_eur` beside what a register has, `aid.worth_eur`, which may be less, too, or `evidence`, to which
    /// one of this kind is added, checked.
    pub field: String,
    pub to: Value,
}

/// So many ways are told of one route; more of them help nobody to choose.
const MOST_TOLD: usize = 12;
const EVIDENCE_FIELD: &str = "evidence";
const KIND_FIELD: &str = "organisation.kind";

/// What an applicant may show by handing something in.
const EVIDENCE: [&str; 4] = ["ethics", "risk_plan", "de_minimis", "size"];

impl Engine {
    /// What would make the answer a yes: each change that does so alone, or else the fewest that do together, and that
    /// again with each other evidence of the same thing. Every one was decided again; what no change mends has none.
    pub(super) fn changes(
        &self,
        question: &Question,
        mode: &AccessMode,
        said: &[Spoken],
        is_eligible: impl Fn(&Question, &[&'static str]) -> bool,
    ) -> Vec<Vec<Change>> {
        let candidates = self.candidates(question, mode);
        let objections = self.read_by_objections(said);
        let helps = |changes: &[&Change]| {
            let touched = changes.iter().flat_map(|it| self.touched_by(it));
            let touched: Vec<&'static str> = touched.copied().collect();
            // A rule that looks at nothing of this would object again.
            let is_touched =
                |reads: &&BTreeSet<String>| touched.iter().any(|name| reads.contains(*name));
            if !objections.iter().all(is_touched) {
                return false;
            }
            let changed = changes
                .iter()
                .fold(question.clone(), |it, change| change.applied_to(it));
            is_eligible(&changed, &touched)
        };
        let alone = candidates.iter().filter(|change| helps(&[change]));
        let alone: Vec<Vec<Change>> = alone.map(|change| vec![change.clone()]).collect();
        let mut ways = if alone.is_empty() {
            self.together(&candidates, &helps)
        } else {
            alone
        };
        ways.truncate(MOST_TOLD);
        ways
    }

    /// For each kind of organisation that a mode may be for the fewest that help together, fewest first; and then those
    /// again with each other evidence of the same thing.
    fn together(
        &self,
        candidates: &[Change],
        helps: &impl Fn(&[&Change]) -> bool,
    ) -> Vec<Vec<Change>> {
        let kinds = candidates.iter().filter(|it| it.field == KIND_FIELD);
        let mut kinds: Vec<Option<&Change>> = kinds.map(Some).collect();
        if kinds.is_empty() {
            kinds.push(None);
        }
        let all = { kinds.into_iter() }.map(|kind| self.one_of_each(candidates, kind));
        let mut ways: Vec<Vec<&Change>> = Vec::new();
        for mut way in all.filter(|changes| helps(changes)) {
            // What it does without is not asked of anybody.
            for at in (0..way.len()).rev() {
                let mut left = way.clone();
                left.remove(at);
                if helps(&left) {
                    way = left;
                }
            }
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways.sort_by_key(Vec::len);
        for fewest in ways.clone() {
            for (at, change) in fewest.iter().enumerate() {
                let others = candidates.iter().filter(|it| self.may_replace(it, change));
                let others = others.map(|other| {
                    let mut way = fewest.clone();
                    way.splice(at..=at, [other]);
                    way
                });
                let room = MOST_TOLD.saturating_sub(ways.len());
                let others = others.filter(|way| helps(way)).take(room);
                ways.extend(others.collect::<Vec<_>>());
            }
        }
        let ways = ways.into_iter();
        ways.map(|way| way.into_iter().cloned().collect()).collect()
    }

    /// Of several for one field, or of evidence of one thing, the first; of kinds of organisation this one.
    fn one_of_each<'c>(
        &self,
        candidates: &'c [Change],
        kind: Option<&'c Change>,
    ) -> Vec<&'c Change> {
        let mut found: Vec<&Change> = Vec::new();
        for change in candidates {
            let is_other_kind = change.field == KIND_FIELD && Some(change) != kind;
            let topic = self.topic(change);
            if !is_other_kind && found.iter().all(|earlier| self.topic(earlier) != topic) {
                found.push(change);
            }
        }
        found
    }

    fn may_replace(&self, other: &Change, change: &Change) -> bool {
        other.field == EVIDENCE_FIELD && other != change && self.topic(other) == self.topic(change)
    }

    /// What each rule that objects looks at, where that is known.
    fn read_by_objections(&self, said: &[Spoken]) -> Vec<&BTreeSet<String>> {
        let objections = said.iter().filter(|it| it.effect != Effect::Satisfied);
        let rules = objections.filter_map(|it| self.rulebook.rule(&it.rule)?.reads.as_ref());
        rules.collect()
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
        // Where no most is known, as much as was given before.
        let most = hours.most.or(hours.typical).unwrap_or(u64::MAX);
        let least = hours.least.unwrap_or(0);
        if let Some(asked) = gpu_hours.map(u64::from)
            && !(least..=most).contains(&asked)
        {
            found.push(change("need.gpu_hours", json!(asked.clamp(least, most))));
        }
        let durations = mode.durations_months.iter().flat_map(|it| &it.value);
        if let Some(asked) = months {
            let mut others: Vec<u32> = durations.copied().filter(|it| *it != asked).collect();
            others.sort_by_key(|it| it.abs_diff(asked));
            found.extend(
                others
                    .into_iter()
                    .map(|it| change("need.months", json!(it))),
            );
        }
        if question.project.civilian.is_none() {
            found.push(change("project.civilian", json!(true)));
        }
        if question.organisation.kind.is_none() {
            let kinds = ["company", "research", "public_sector"];
            found.extend(kinds.map(|kind| change(KIND_FIELD, json!(kind))));
        }
        let takes_projects = mode
            .applicants
            .value
            .contains(&ApplicantKind::IndustryInEuProject);
        if takes_projects && question.project.eu_project.is_none() {
            found.push(change("project.eu_project", json!(true)));
        }
        // Nothing else is aid of a state, and laying the facts out takes its time.
        if mode.is_national() {
            found.extend(self.of_aid(question));
        }
        let is_unclear = question.organisation.size == "unclear";
        let may_show = |shown: &&str| is_unclear || *shown != "size";
        for shown in EVIDENCE.into_iter().filter(may_show) {
            let kinds = self.evidence_kinds().iter();
            let accepted = kinds.filter(|kind| kind.is_accepted_for(shown, question.on));
            found.extend(accepted.map(|kind| change(EVIDENCE_FIELD, json!(kind.id))));
        }
        found
    }

    /// That there was no aid but what a register has, and the most that the hours may be worth then.
    fn of_aid(&self, question: &Question) -> Vec<Change> {
        let facts = Facts::gather(question, self.tables());
        if !facts.has("aid") {
            return Vec::new();
        }
        let (granted, asked, ceiling) = facts.aid();
        let change = |field: &str, to: u64| Change {
            field: format!("aid.{field}"),
            to: json!(to),
        };
        let aid = question.aid.unwrap_or_default();
        let had = granted.unwrap_or_else(|| aid.registered_eur.unwrap_or(0).into());
        let left = ceiling.and_then(|it| it.checked_sub(had));
        let worth = left.filter(|left| asked.is_none_or(|it| it > *left));
        let received = granted.is_none().then(|| change("received_eur", 0));
        let worth = worth.map(|it| change("worth_eur", it));
        received.into_iter().chain(worth).collect()
    }

    /// What a change is about: two of one topic are not asked for together.
    fn topic<'c>(&'c self, change: &'c Change) -> Vec<&'c str> {
        let mut kinds = self.evidence_kinds().iter();
        match kinds.find(|kind| change.field == EVIDENCE_FIELD && change.to == kind.id) {
            Some(kind) => kind.shows.iter().map(String::as_str).collect(),
            None => vec![change.field.as_str()],
        }
    }
}

impl Engine {
    /// The attributes of `facts.cedarschema` that follow from what is changed.
    fn touched_by(&self, change: &Change) -> &'static [&'static str] {
        match change.field.as_str() {
            "need.gpu_hours" | "need.months" => &["need"],
            "project.civilian" => &["project"],
            "aid.received_eur" | "aid.worth_eur" => &["aid"],
            "project.eu_project" => &["project", "organisation", "aid", "size_declaration"],
            "organisation.kind" => &["organisation", "aid", "size_declaration"],
            _ if self.topic(change).contains(&"size") => {
                &["evidence", "organisation", "aid", "size_declaration"]
            }
            _ => &["evidence"],
        }
    }
}

impl Change {
    /// The question with this fact otherwise.
    pub fn applied_to(&self, mut question: Question) -> Question {
        let number = || self.to.as_u64().and_then(|it| u32::try_from(it).ok());
        let need = question.need.unwrap_or_default();
        let aid = question.aid.unwrap_or_default();
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
            "aid.received_eur" => {
                let known = aid.registered_eur.unwrap_or(0);
                let granted_eur_three_years = number().map(|it| it.saturating_add(known));
                question.aid = Some(AidFacts {
                    granted_eur_three_years,
                    ..aid
                });
            }
            "aid.worth_eur" => {
                let asked_eur = number();
                question.aid = Some(AidFacts { asked_eur, ..aid });
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
