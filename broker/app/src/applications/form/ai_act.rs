//! What a project may say of itself under the AI Act. All of it may be left out: then nobody has assessed it.

use policy_engine::{Confidence, Engine, Named};

use super::{FormField, joined};

/// Where the act asks, which no row of a table says.
const OF_MODELS: &str = "Regulation (EU) 2024/1689, Art. 51 to 55";
const OF_LISTS: [(&str, &str); 3] = [
    ("prohibited", "Regulation (EU) 2024/1689, Art. 5"),
    (
        "high_risk",
        "Regulation (EU) 2024/1689, Art. 6, 9 and Annex III",
    ),
    (
        "exclusions",
        "Regulation (EU) 2024/1689, Art. 2(6) and 2(8)",
    ),
];

pub(super) fn fields(engine: &Engine) -> Vec<FormField> {
    let of_models = [
        ("gpai", "true or false"),
        (
            "training_exaflop",
            "a whole number, in 10^18 floating-point operations",
        ),
    ];
    let mut fields: Vec<FormField> = { of_models.into_iter() }
        .map(|(name, allowed)| field(name, allowed.to_owned(), (OF_MODELS, false)))
        .collect();
    let rows = [
        engine.ai_act_practices(),
        engine.ai_act_areas(),
        engine.ai_act_exclusions(),
    ];
    let lists = OF_LISTS.into_iter().zip(rows);
    fields.extend(lists.map(|((name, source), rows)| {
        let ids = joined(rows.iter().map(|it| it.id.as_str()));
        field(name, ids, (source, are_certain(rows)))
    }));
    fields
}

fn field(name: &str, allowed: String, (source, certain): (&str, bool)) -> FormField {
    FormField {
        name: format!("project.ai_act.{name}"),
        known: None,
        title: None,
        allowed: Some(allowed),
        source: source.to_owned(),
        certain,
        optional: true,
    }
}

fn are_certain(rows: &[Named]) -> bool {
    rows.iter().all(|it| it.confidence == Confidence::Certain)
}
