//! What a project says of itself under the AI Act: as boxes of a form, and as facts to read.

use broker_model::AiAct;
use policy_engine::{AiActFacts, Named, TitleKind};

use crate::form::Typed;
use crate::organisations::facts::Fact;
use crate::titles::Titles;
use crate::words;

/// The fields of all this begin so.
pub(crate) const FIELDS: &str = "project.ai_act.";
const PROHIBITED: &str = "project.ai_act.prohibited";
const HIGH_RISK: &str = "project.ai_act.high_risk";
const EXCLUSIONS: &str = "project.ai_act.exclusions";

/// One list of which several may be ticked.
pub(crate) struct Boxes {
    /// The name of the field that use cases have for the list.
    pub(crate) name: &'static str,
    pub(crate) legend: &'static str,
    pub(crate) rows: Vec<TickBox>,
}

pub(crate) struct TickBox {
    /// The list, a dot, the id.
    pub(crate) name: String,
    pub(crate) words: String,
}

pub(crate) fn boxes(titles: Titles<'_>) -> Vec<Boxes> {
    let (texts, engine) = (titles.texts, titles.engine);
    let list = |name: &'static str, kind: TitleKind, legend: &'static str, rows: &[Named]| Boxes {
        name,
        legend,
        rows: { rows.iter() }
            .map(|row| TickBox {
                name: format!("{name}.{}", row.id),
                words: titles.of(kind, &row.id),
            })
            .collect(),
    };
    let (practices, areas) = (engine.ai_act_practices(), engine.ai_act_areas());
    let exclusions = engine.ai_act_exclusions();
    vec![
        list(
            PROHIBITED,
            TitleKind::AiPractice,
            texts.of("ai.prohibited"),
            practices,
        ),
        list(
            HIGH_RISK,
            TitleKind::AiArea,
            texts.of("ai.high_risk"),
            areas,
        ),
        list(
            EXCLUSIONS,
            TitleKind::AiExclusion,
            texts.of("ai.exclusions"),
            exclusions,
        ),
    ]
}

/// None where nobody has assessed it. Whoever says anything has.
pub(crate) fn read(typed: &mut Typed) -> Option<AiAct> {
    let said = AiAct {
        exclusions: typed.ticked(EXCLUSIONS),
        gpai: typed.yes_or_no("project.ai_act.gpai"),
        high_risk: typed.ticked(HIGH_RISK),
        prohibited: typed.ticked(PROHIBITED),
        training_exaflop: typed.read(
            "project.ai_act.training_exaflop",
            "a whole number, in 10^18 floating-point operations",
        ),
    };
    let is_assessed = typed.is("project.ai_act.assessed", "yes") || said != AiAct::default();
    is_assessed.then_some(said)
}

pub(crate) fn as_facts(said: AiAct) -> AiActFacts {
    AiActFacts {
        exclusions: said.exclusions,
        gpai: said.gpai,
        high_risk: said.high_risk,
        prohibited: said.prohibited,
        training_exaflop: said.training_exaflop,
    }
}

/// To read, with what was looked at and found to be none.
pub(crate) fn facts(titles: Titles<'_>, said: Option<&AiAct>) -> Vec<Fact> {
    let texts = titles.texts;
    let Some(said) = said else {
        return vec![Fact {
            label: texts.of("ai.title"),
            words: texts.of("ai.unassessed").to_owned(),
        }];
    };
    let listed = |kind, ids: &[String]| match ids {
        [] => texts.of("ai.none").to_owned(),
        ids => titles.joined(kind, ids),
    };
    let gpai = match said.gpai {
        Some(true) => texts.of("form.yes"),
        Some(false) => texts.of("form.no"),
        None => texts.of("form.unsaid"),
    };
    let training = said.training_exaflop.map_or_else(
        || texts.of("form.unsaid").to_owned(),
        |it| texts.with("ai.flop", &[("count", &words::count(it))]),
    );
    let facts = [
        (
            "ai.prohibited",
            listed(TitleKind::AiPractice, &said.prohibited),
        ),
        ("ai.high_risk", listed(TitleKind::AiArea, &said.high_risk)),
        (
            "ai.exclusions",
            listed(TitleKind::AiExclusion, &said.exclusions),
        ),
        ("ai.gpai", gpai.to_owned()),
        ("ai.training", training),
    ];
    { facts.into_iter() }
        .map(|(key, words)| Fact {
            label: texts.of(key),
            words,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;

    fn said(text: &[u8]) -> Option<AiAct> {
        read(&mut Typed::from(Fields::parse(text)))
    }

    #[test]
    fn not_assessed_is_another_answer_than_nothing_found() {
        assert_eq!(said(b"project.ai_act.gpai="), None);
        let assessed = said(b"project.ai_act.assessed=yes");
        assert_eq!(assessed, Some(AiAct::default()));
    }

    #[test]
    fn what_is_ticked_is_said_even_where_nobody_ticked_assessed() {
        let ticked = b"project.ai_act.prohibited.social_scoring=yes\
            &project.ai_act.prohibited.mind_reading=yes&project.ai_act.training_exaflop=12";
        let said = said(ticked).unwrap();
        assert_eq!(said.prohibited, ["mind_reading", "social_scoring"]);
        assert_eq!((said.training_exaflop, said.gpai), (Some(12), None));
    }
}
