use broker_model::OrganisationDraft;

use super::*;

#[test]
fn a_field_is_found_at_its_line_however_it_is_written() {
    let text =
        "name = \"x\"\n[resources]\nnodes = 1\n\n[variants.\"x86_64+cuda\"]\nscript = \"\"\n";
    for (field, line) in [
        ("name", Some(1)),
        ("resources.nodes", Some(3)),
        ("variants.\"x86_64+cuda\".script", Some(6)),
        ("resources.gpus_per_node", Some(2)),
        ("nothing", None),
    ] {
        assert_eq!(line_of(text, field), line, "{field}");
    }
    assert_eq!(
        keys("variants.\"a.b\".script").collect::<Vec<_>>(),
        ["variants", "a.b", "script"]
    );
}

fn written(name: &str, text: &str) -> Written {
    Written {
        name: name.to_owned(),
        text: text.to_owned(),
        is_json: false,
    }
}

#[test]
fn a_day_may_stand_bare_or_in_quotes_also_deep_in_a_file() {
    let head = "name = \"Pléione\"\ncountry = \"FR\"\nkind = \"company\"\n";
    for day in ["2024-02-29", "\"2024-02-29\""] {
        let text = format!(
            "{head}founded_on = {day}\n[size_facts]\nperiods = [{{ last_day = {day}, awu = 3 }}]\n"
        );
        let draft: OrganisationDraft = written("a.toml", &text).read().unwrap();
        assert_eq!(draft.founded_on.unwrap().to_string(), "2024-02-29");
        let facts = draft.size_facts.unwrap();
        assert_eq!(facts["periods"][0]["last_day"], "2024-02-29");
    }
}

#[test]
fn a_day_that_is_none_is_shown_in_its_line() {
    let head = "name = \"P\"\ncountry = \"FR\"\nkind = \"company\"\n";
    for day in ["2024-02-30", "\"last year\"", "2024"] {
        let text = format!("{head}founded_on = {day}\n");
        let error = written("a.toml", &text).read::<OrganisationDraft>();
        let words = error.unwrap_err().to_string();
        assert!(
            words.starts_with("a.toml: TOML parse error at line 4"),
            "{words}"
        );
    }
}
