//! A form as a TOML file: what is known as comments, what is asked as keys.

use std::io::Write;

use broker_client::wire::{ApplicationForm, FormField};
use broker_model::OrganisationId;

use super::super::modes;
use crate::words::{fill, say};

const AI_ACT: &str = "ai_act.";
const TABLES: [&str; 4] = ["project", "need", "aid", "answers"];

pub(super) fn write(
    form: &ApplicationForm,
    of: OrganisationId,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (mode, system) = (one_line(&form.mode), one_line(&form.system));
    writeln!(
        out,
        "{}",
        fill("# {of} applies for {mode} at {system}. Fill in, and hand in with")
            .with("of", of)
            .with("mode", &mode)
            .with("system", &system)
    )?;
    writeln!(
        out,
        "# alcyone apply {mode} {system} FILE --organisation {of}"
    )?;
    for line in closed(form) {
        writeln!(out, "# {line}")?;
    }
    for field in &form.fields {
        known(field, out)?;
    }
    for table in TABLES {
        let asked = form.fields.iter().filter(|it| it.known.is_none());
        let asked =
            asked.filter_map(|it| Some((it.name.strip_prefix(table)?.strip_prefix('.')?, it)));
        let mut asked = asked.peekable();
        if asked.peek().is_some() {
            writeln!(out, "\n[{table}]")?;
        }
        for (key, field) in asked {
            for line in words_of(field) {
                writeln!(out, "# {line}")?;
            }
            let left_out = if field.optional { "# " } else { "" };
            writeln!(out, "{left_out}{}", blank(table, key))?;
        }
    }
    Ok(())
}

/// What to know before filling in anything.
fn closed(form: &ApplicationForm) -> Vec<String> {
    let (mode, system) = (one_line(&form.mode), one_line(&form.system));
    let told = form.closed.as_ref().map(|it| {
        let why = { it.why.as_deref() }.map_or_else(String::new, |it| format!(": {}", one_line(it)));
        fill("CLOSED: {mode} is not open at {system} now{why}. What is handed in is refused until it opens")
            .with("mode", &mode)
            .with("system", &system)
            .with("why", why)
            .to_string()
    });
    let no_cut_off = form.no_cut_off_after.map(modes::no_cut_off_after);
    told.into_iter().chain(no_cut_off).collect()
}

/// What to write there, and who asks for it.
fn words_of(field: &FormField) -> Vec<String> {
    let mut lines: Vec<String> = { field.title.iter() }.map(|it| one_line(it)).collect();
    let allowed = field.allowed.iter();
    lines.extend(allowed.map(|it| {
        fill("allowed: {said}")
            .with("said", one_line(it))
            .to_string()
    }));
    lines.push(
        fill("asked for by: {source}")
            .with("source", source(field))
            .to_string(),
    );
    lines
}

/// What is known, and what is not and has its place elsewhere.
fn known(field: &FormField, out: &mut impl Write) -> anyhow::Result<()> {
    let name = one_line(&field.name);
    let has_table =
        { TABLES.iter() }.any(|it| name.strip_prefix(it).is_some_and(|it| it.starts_with('.')));
    match &field.known {
        Some(known) => writeln!(
            out,
            "{}",
            fill("# known: {name} = {said} ({source})")
                .with("name", &name)
                .with("said", one_line(known))
                .with("source", source(field))
        )?,
        None if has_table => {}
        None => writeln!(
            out,
            "{}",
            fill("# not known yet: {name} ({source}); `alcyone organisation describe` says it")
                .with("name", &name)
                .with("source", source(field))
        )?,
    }
    Ok(())
}

fn source(field: &FormField) -> String {
    let unsure = if field.certain {
        ""
    } else {
        say("; not read with certainty")
    };
    format!("{}{unsure}", one_line(&field.source))
}

/// A value that says nothing yet: the broker does not take it for an answer.
fn blank(table: &str, key: &str) -> String {
    match (table, key) {
        ("project", "sectors") => "sectors = []".to_owned(),
        ("project", "civilian" | "eu_project") => {
            fill("# {key} = true or false").with("key", key).to_string()
        }
        ("need", "gpu_hours") => say("gpu_hours = 0 # physical GPU-hours").to_owned(),
        ("project", key) if key.starts_with(AI_ACT) => under_the_act(key),
        // 0 would be an answer.
        ("aid", "received_eur") => {
            say("# received_eur = 0 # in three years, from that state").to_owned()
        }
        ("aid", "worth_eur") => say("worth_eur = 0 # EUR, where that is known").to_owned(),
        ("need", "storage_tib") => {
            say("storage_tib = 0 # beyond what every project has").to_owned()
        }
        ("need", "data") => {
            say("data = [] # data spaces and data sets, by address or identifier").to_owned()
        }
        ("need", "support") => {
            say("support = [] # services, as `alcyone centres` names them").to_owned()
        }
        ("need", _) => format!("{} = 0", name(key)),
        _ => format!("{} = \"\"", name(key)),
    }
}

/// What it declares of a list, or of one thing.
fn under_the_act(key: &str) -> String {
    let value = match key.strip_prefix(AI_ACT) {
        Some("gpai") => "true or false",
        Some("training_exaflop") => "0",
        _ => "[]",
    };
    let names: Vec<String> = key.split('.').map(name).collect();
    format!("{} = {value}", names.join("."))
}

fn name(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(is_bare) {
        return key.to_owned();
    }
    // JSON's quotes and escapes are TOML's, too, and never span lines.
    serde_json::Value::String(one_line(key)).to_string()
}

/// A line break would end a comment.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use broker_client::wire::FormClosed;

    use super::*;

    fn field(name: &str, known: Option<&str>, certain: bool) -> FormField {
        FormField {
            name: name.to_owned(),
            known: known.map(str::to_owned),
            title: None,
            allowed: None,
            source: "an\nact".to_owned(),
            certain,
            optional: false,
        }
    }

    #[test]
    fn a_form_asks_what_is_not_known_and_is_toml_whatever_the_broker_says() {
        let form = ApplicationForm {
            mode: "m".to_owned(),
            system: "s/s".to_owned(),
            closed: Some(FormClosed {
                why: Some("too\nmany".to_owned()),
            }),
            no_cut_off_after: "2026-10-26".parse().ok(),
            fields: vec![
                field("organisation.country", Some("FR"), true),
                field("organisation.size", None, true),
                field("project.name", None, true),
                field("project.civilian", None, true),
                FormField {
                    title: Some("how\nlong".to_owned()),
                    allowed: Some("1, 2, 3".to_owned()),
                    ..field("need.months", None, true)
                },
                FormField {
                    optional: true,
                    ..field("need.data", None, false)
                },
                field("aid.received_eur", None, false),
                FormField {
                    optional: true,
                    ..field("aid.worth_eur", None, false)
                },
                FormField {
                    optional: true,
                    ..field("project.ai_act.high_risk", None, false)
                },
                FormField {
                    optional: true,
                    ..field("project.ai_act.gpai", None, false)
                },
                field("answers.a \"b\"\n[need]", None, false),
            ],
        };
        let of = "org_0192f0c1d2e37abc8def0123456789ab".parse().unwrap();
        let mut out = Vec::new();
        write(&form, of, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        insta::assert_snapshot!(text, @r#"
        # org_0192f0c1d2e37abc8def0123456789ab applies for m at s/s. Fill in, and hand in with
        # alcyone apply m s/s FILE --organisation org_0192f0c1d2e37abc8def0123456789ab
        # CLOSED: m is not open at s/s now: too many. What is handed in is refused until it opens
        # no cut-off after 2026-10-26 is known
        # known: organisation.country = FR (an act)
        # not known yet: organisation.size (an act); `alcyone organisation describe` says it

        [project]
        # asked for by: an act
        name = ""
        # asked for by: an act
        # civilian = true or false
        # asked for by: an act; not read with certainty
        # ai_act.high_risk = []
        # asked for by: an act; not read with certainty
        # ai_act.gpai = true or false

        [need]
        # how long
        # allowed: 1, 2, 3
        # asked for by: an act
        months = 0
        # asked for by: an act; not read with certainty
        # data = [] # data spaces and data sets, by address or identifier

        [aid]
        # asked for by: an act; not read with certainty
        # received_eur = 0 # in three years, from that state
        # asked for by: an act; not read with certainty
        # worth_eur = 0 # EUR, where that is known

        [answers]
        # asked for by: an act; not read with certainty
        "a \"b\" [need]" = ""
        "#);
        let read: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(read["answers"].as_table().unwrap().len(), 1);
    }
}
