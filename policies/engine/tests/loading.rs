//! A policy that is wrong is refused when it is loaded, and the message leads to the place.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod folder;

use std::fs;

use policy_engine::Engine;

use crate::folder::Folder;

const SHARE: &str = "rules/share.cedar";
const COUNTRIES: &str = "tables/countries.toml";
const KINDS: &str = "tables/evidence_kinds.toml";

#[test]
fn a_copy_of_the_shipped_policy_is_the_shipped_policy() {
    let copy = Folder::new().load().unwrap();
    assert_eq!(copy.digest(), Engine::shipped().unwrap().digest());
    assert!(copy.digest().starts_with("sha256:") && copy.digest().len() == 71);
}

#[test]
fn any_change_to_any_file_is_another_policy() {
    let shipped = Engine::shipped().unwrap();
    for name in [
        SHARE,
        COUNTRIES,
        KINDS,
        "modes/aif_playground.toml",
        "tables/holidays.toml",
    ] {
        let text = fs::read_to_string(Folder::new().path(name)).unwrap();
        let comment = if name == SHARE {
            "// seen\n"
        } else {
            "# seen\n"
        };
        let changed = Folder::new().write(name, &(text + comment)).load().unwrap();
        assert_ne!(changed.digest(), shipped.digest(), "{name}");
    }
}

#[test]
fn a_missing_annotation_is_named() {
    for annotation in ["title", "source", "effective", "effect", "words"] {
        let text = fs::read_to_string(Folder::new().path(SHARE)).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("@{annotation}(")))
            .unwrap();
        let complaint = Folder::new()
            .edit(SHARE, &format!("{line}\n"), "")
            .complaint();
        let expected = format!(
            "rules/share.cedar:3: rule `share.left`: the annotation `@{annotation}` is missing; add it"
        );
        assert_eq!(complaint, expected);
    }
}

#[test]
fn a_rule_that_nobody_dated_is_refused_with_what_to_write() {
    let dated = "@checked_on(\"2026-11-20\")\n";
    let undated = Folder::new().edit(SHARE, dated, "").complaint();
    assert_eq!(
        undated,
        "rules/share.cedar:3: rule `share.left`: the annotation `@checked_on` is missing; add the day on which \
         somebody last held the rule against its source, as @checked_on(\"2026-11-20\")"
    );
    let other = "@checked_on(\"20 November\")\n";
    let no_day = Folder::new().edit(SHARE, dated, other).complaint();
    assert_eq!(
        no_day,
        "rules/share.cedar:3: rule `share.left`: `@checked_on` is `20 November`, which is no date; \
         write a date as 2026-11-20"
    );
}

#[test]
fn a_source_may_name_facts_and_only_facts() {
    let source = |to: &str| {
        let from = "@source(\"Regulation (EU) 2021/1173, Art. 17\")";
        Folder::new().edit(SHARE, from, &format!("@source(\"{to}\")"))
    };
    source("as {mode_offer_source} has it").load().unwrap();
    for (to, said) in [
        ("{page}", "`@source` names `{page}`, which is no fact"),
        ("{page", "`@source` has a brace without its partner"),
    ] {
        let complaint = source(to).complaint();
        assert!(complaint.contains(said), "{complaint}");
        assert!(complaint.contains("rule `share.left`"), "{complaint}");
    }
}

#[test]
fn an_annotation_nobody_reads_is_a_slip_of_the_pen() {
    let complaint = Folder::new().edit(SHARE, "@remedy(", "@remdy(").complaint();
    assert!(
        complaint.contains("rule `share.exhausted`: the annotation `@remdy`"),
        "{complaint}"
    );
}

#[test]
fn a_rule_without_an_id_is_found_by_its_place() {
    let folder = Folder::new().edit(SHARE, "@id(\"share.exhausted\")\n", "");
    assert_eq!(
        folder.complaint(),
        "rules/share.cedar: rule `number 2`: the annotation `@id` is missing; add it"
    );
}

#[test]
fn an_objection_without_a_remedy_is_refused() {
    let remedy = "@remedy(\"The project's lead declares its purpose\")\n";
    let complaint = Folder::new()
        .edit("rules/civilian.cedar", remedy, "")
        .complaint();
    assert!(
        complaint.contains("rule `civilian.undeclared`: the annotation `@remedy`"),
        "{complaint}"
    );
}

#[test]
fn an_id_stands_once_and_begins_with_its_file() {
    let twice = Folder::new()
        .edit(SHARE, "share.exhausted", "share.left")
        .complaint();
    assert!(
        twice.starts_with("rules/share.cedar:13: rule `share.left`: an earlier rule"),
        "{twice}"
    );
    let foreign = Folder::new()
        .edit(SHARE, "share.left", "sharing.left")
        .complaint();
    assert!(
        foreign.contains("does not begin with `share.`"),
        "{foreign}"
    );
}

#[test]
fn a_date_that_is_none_is_quoted() {
    let complaint = Folder::new()
        .edit(SHARE, "2021-08-08", "8.8.2021")
        .complaint();
    assert_eq!(
        complaint,
        "rules/share.cedar:3: rule `share.left`: `@effective` is `8.8.2021`, which is no date; \
         write a date as 2026-11-20"
    );
    let backwards = "@effective(\"2021-08-08\")\n@until(\"2021-08-08\")";
    let complaint = Folder::new()
        .edit(SHARE, "@effective(\"2021-08-08\")", backwards)
        .complaint();
    assert!(
        complaint.contains("`@until` is not after its `@effective`"),
        "{complaint}"
    );
}

#[test]
fn effect_and_keyword_must_agree() {
    let complaint = Folder::new()
        .edit(SHARE, "(\"satisfied\")", "(\"refused\")")
        .complaint();
    assert!(
        complaint.contains("`@effect` is `refused` on a `permit`"),
        "{complaint}"
    );
    let complaint = Folder::new()
        .edit(SHARE, "(\"satisfied\")", "(\"granted\")")
        .complaint();
    assert!(complaint.contains("`@effect` is `granted`"), "{complaint}");
}

#[test]
fn an_attribute_outside_the_schema_is_refused() {
    let complaint = Folder::new()
        .edit(SHARE, "unspent_unit_ms >", "unspent_hours >")
        .complaint();
    assert!(
        complaint.starts_with("rules/share.cedar:3: rule `share.left`: "),
        "{complaint}"
    );
    assert!(complaint.contains("unspent_hours"), "{complaint}");
    assert!(complaint.contains("facts.cedarschema"), "{complaint}");
}

#[test]
fn an_absent_fact_must_be_asked_for_first() {
    let complaint = Folder::new()
        .edit(SHARE, "context has allocation && ", "")
        .complaint();
    assert!(
        complaint.contains("rule `share.left`") && complaint.contains("allocation"),
        "{complaint}"
    );
}

#[test]
fn a_comparison_of_a_day_with_a_text_is_refused() {
    let complaint = Folder::new()
        .edit(SHARE, "ms > 0", "ms > \"0\"")
        .complaint();
    assert!(complaint.contains("rule `share.left`"), "{complaint}");
}

#[test]
fn a_rule_that_can_never_speak_is_refused() {
    let complaint = Folder::new().edit(SHARE, "permit (principal,", "permit (principal is Case,");
    assert!(
        complaint.complaint().contains("rule `share.left`"),
        "{}",
        complaint.complaint()
    );
}

#[test]
fn an_unknown_action_is_refused() {
    let complaint = Folder::new()
        .edit(SHARE, "submit_job", "submit_jobs")
        .complaint();
    assert!(
        complaint.contains("rule `share.left`") && complaint.contains("submit_jobs"),
        "{complaint}"
    );
}

#[test]
fn broken_syntax_is_told_with_its_line() {
    let complaint = Folder::new().edit(SHARE, "> 0 };", "> 0 ;").complaint();
    assert!(
        complaint.starts_with("rules/share.cedar:11: "),
        "{complaint}"
    );
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

#[test]
fn words_name_known_facts() {
    let complaint = Folder::new().edit(SHARE, "{unspent}", "{rest}").complaint();
    assert!(complaint.contains("`@words` names `{rest}`"), "{complaint}");
}

#[test]
fn a_question_nobody_can_satisfy_is_refused() {
    let later = Folder::new()
        .edit(SHARE, "2021-08-08", "2022-01-01")
        .complaint();
    assert!(
        later.starts_with("rules/share.cedar: on 2021-08-08 rules of this file"),
        "{later}"
    );
}

#[test]
fn a_question_is_asked_of_a_fact_that_may_be_absent_by_all_its_rules() {
    let veto = "rules/veto.cedar";
    let strange = Folder::new()
        .edit(veto, "(\"veto\")", "(\"mood\")")
        .complaint();
    assert!(
        strange.contains("rule `veto.site`: `@asked_of` is `mood`"),
        "{strange}"
    );
    let gpai = "rules/gpai.cedar";
    let mixed = Folder::new()
        .edit(gpai, "@asked_of(\"gpai\")\n", "")
        .complaint();
    assert!(
        mixed.contains("`@asked_of` is `gpai`, which no question lacks or another"),
        "{mixed}"
    );
    let objection = Folder::new()
        .edit(veto, "@asked_of(\"veto\")\n", "")
        .complaint();
    assert!(
        objection.contains("rules of this file can object but none"),
        "{objection}"
    );
}

#[test]
fn a_question_that_is_put_and_not_answered_goes_to_a_person() {
    let engine = Folder::new()
        .edit(
            "rules/fair_access.cedar",
            "context has fair_access &&\n  !(",
            "context has fair_access && false &&\n  !(",
        )
        .load();
    // Cedar's validator finds that the rule can never speak.
    assert!(engine.is_err());
    let text = fs::read_to_string(Folder::new().path("rules/gpai.cedar")).unwrap();
    let later = text.replace("2025-08-02", "2026-08-02");
    let table = fs::read_to_string(Folder::new().path("tables/ai_act.toml")).unwrap();
    let ended = table.replace(
        "value = 10_000_000\n",
        "value = 10_000_000\nuntil = \"2026-10-01\"\n",
    );
    let folder = Folder::new()
        .write("rules/gpai.cedar", &later)
        .write("tables/ai_act.toml", &ended);
    let question = serde_json::json!({
        "action": "apply_for_access", "allocation": null, "on": "2026-11-20",
        "organisation": {"country": "FR", "size": "small"},
        "evidence": [{"kind": "site_ethics_board", "issued_on": "2026-01-15", "expires_on": null, "checked": true}],
        "project": {"civilian": true, "sectors": [], "ai_act": {"training_exaflop": 200_000}},
        "applicant": {"identity_assurance": "medium", "multi_factor": true},
    });
    let decision = folder
        .load()
        .unwrap()
        .decide(&serde_json::from_value(question).unwrap());
    assert_eq!(decision.result, policy_engine::Outcome::NeedsReview);
    let gap = decision.rules.last().unwrap();
    assert_eq!(gap.words, "no rule of `gpai` answers this case");
}

#[test]
fn a_row_of_limits_that_stands_twice_or_never_is_refused() {
    let shares = "tables/shares.toml";
    let twice = Folder::new()
        .edit(shares, "class = \"ai_optimised\"", "class = \"high_end\"")
        .complaint();
    assert!(
        twice.contains("`union_share high_end` stands twice"),
        "{twice}"
    );
    let never = Folder::new().edit(
        "tables/aid.toml",
        "until = \"2031-01-01\"",
        "until = \"2023-01-01\"",
    );
    assert!(
        never
            .complaint()
            .contains("`de_minimis` ends before it begins")
    );
    let slip = Folder::new()
        .edit("tables/caps.toml", "value = 1\n", "valeu = 1\n")
        .complaint();
    assert!(
        slip.contains("tables/caps.toml:") && slip.contains("valeu"),
        "{slip}"
    );
}

#[test]
fn a_slot_is_refused() {
    let complaint = Folder::new()
        .edit(SHARE, "(principal,", "(principal == ?principal,")
        .complaint();
    assert!(complaint.contains("slots"), "{complaint}");
}

#[test]
fn an_unknown_key_in_a_table_is_told_with_its_line() {
    let complaint = Folder::new()
        .edit(KINDS, "title = ", "titel = ")
        .complaint();
    assert!(
        complaint.starts_with("tables/evidence_kinds.toml:7: unknown field `titel`"),
        "{complaint}"
    );
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    let complaint = Folder::new().edit(
        COUNTRIES,
        "confidence = \"certain\"",
        "confidence = \"so-so\"",
    );
    assert!(
        complaint.complaint().contains("`so-so`"),
        "{}",
        complaint.complaint()
    );
}

#[test]
fn a_row_without_source_or_date_of_checking_is_refused() {
    for key in ["source", "checked_on", "confidence"] {
        let text = fs::read_to_string(Folder::new().path(COUNTRIES)).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{key} =")))
            .unwrap();
        let complaint = Folder::new()
            .edit(COUNTRIES, &format!("{line}\n"), "")
            .complaint();
        assert!(
            complaint.contains(&format!("missing field `{key}`")),
            "{complaint}"
        );
    }
}

#[test]
fn a_country_stands_once_under_two_capitals() {
    let twice = Folder::new()
        .edit(COUNTRIES, "code = \"BE\"", "code = \"AT\"")
        .complaint();
    assert!(twice.contains("country `AT` stands twice"), "{twice}");
    let small = Folder::new()
        .edit(COUNTRIES, "code = \"BE\"", "code = \"be\"")
        .complaint();
    assert!(
        small.contains("country `be` is not two capital letters"),
        "{small}"
    );
    let kind = Folder::new()
        .edit(COUNTRIES, "kind = \"eu\"", "kind = \"efta\"")
        .complaint();
    assert!(
        kind.contains("standing of kind `efta`, which is not listed"),
        "{kind}"
    );
    let span = Folder::new().edit(
        COUNTRIES,
        "until = \"2028-01-01\"",
        "until = \"2018-01-01\"",
    );
    assert!(
        span.complaint().contains("ends before it begins"),
        "{}",
        span.complaint()
    );
}

#[test]
fn a_table_nobody_reads_or_that_is_missing_is_told() {
    let strange = Folder::new().write("tables/sectors.toml", "").complaint();
    assert!(
        strange.starts_with("tables/sectors.toml: no table of this name"),
        "{strange}"
    );
    let folder = Folder::new();
    fs::remove_file(folder.path(COUNTRIES)).unwrap();
    assert!(
        folder
            .complaint()
            .starts_with("tables/countries.toml: it cannot be read")
    );
    assert!(Engine::from_dir(&folder.path("nowhere")).is_err());
}

/// The table of evidence kinds but for its first row, which is the pledge.
fn without_the_pledge(folder: &Folder) -> String {
    let text = fs::read_to_string(folder.path(KINDS)).unwrap();
    let (head, rows) = text.split_once("[[kind]]").unwrap();
    let (pledge, others) = rows.split_once("[[kind]]").unwrap();
    assert!(pledge.contains("ai_pact_pledge"));
    format!("{head}[[kind]]{others}")
}

#[test]
fn the_pledge_may_not_be_the_only_evidence() {
    let folder = Folder::new();
    let text = fs::read_to_string(folder.path(KINDS)).unwrap();
    let alone: String = text
        .split("[[kind]]")
        .take(2)
        .collect::<Vec<_>>()
        .join("[[kind]]");
    assert_eq!(
        folder.write(KINDS, &alone).complaint(),
        "tables/evidence_kinds.toml: on 2024-09-25 the AI Pact pledge would be the only evidence \
         of ethics; accept another kind of evidence on that day"
    );
}

#[test]
fn the_pledge_may_not_become_the_only_evidence_later() {
    let folder = Folder::new();
    let text = fs::read_to_string(folder.path(KINDS)).unwrap();
    let (pledge, others) = text.split_at(text.find("id = \"ai_act_self_assessment\"").unwrap());
    let ending = others.replace("\nconfidence", "\nuntil = \"2027-06-01\"\nconfidence");
    let complaint = folder
        .write(KINDS, &format!("{pledge}{ending}"))
        .complaint();
    assert!(
        complaint.contains("on 2027-06-01 the AI Pact pledge"),
        "{complaint}"
    );
}

#[test]
fn without_the_pledge_everybody_else_is_served_as_before() {
    let folder = Folder::new();
    let text = without_the_pledge(&folder);
    let (engine, shipped) = (
        folder.write(KINDS, &text).load().unwrap(),
        Engine::shipped().unwrap(),
    );
    assert_eq!(
        engine.evidence_kinds().len() + 1,
        shipped.evidence_kinds().len()
    );
    let all = engine.evidence_kinds().iter();
    for kind in all.filter(|it| it.shows == ["ethics"]) {
        let question = serde_json::json!({
            "action": "submit_job", "on": "2026-11-20",
            "organisation": {"country": "FR", "size": "small"},
            "evidence": [{"kind": kind.id, "issued_on": "2026-01-15", "checked": true}],
            "project": {"civilian": true, "sectors": []},
            "allocation": {"valid_from": "2026-09-01", "valid_until": "2027-03-01",
                "begun": true, "ended": false, "suspended": false, "unspent_unit_ms": 1},
            "applicant": {"identity_assurance": "medium", "multi_factor": true},
        });
        let decision = engine.decide(&serde_json::from_value(question).unwrap());
        assert_eq!(
            decision.result,
            policy_engine::Outcome::Eligible,
            "{}",
            kind.id
        );
    }
}

#[test]
fn a_kind_that_shows_what_nobody_asks_is_refused() {
    let complaint = Folder::new()
        .edit(KINDS, "[\"ethics\"]", "[\"ethic\"]")
        .complaint();
    assert!(
        complaint.contains("`ai_pact_pledge` shows `ethic`"),
        "{complaint}"
    );
}

#[test]
fn a_rule_in_two_versions_changes_on_its_day() {
    let text = fs::read_to_string(Folder::new().path(SHARE)).unwrap();
    let next = text
        .replace("share.", "share.next_")
        .replace("2021-08-08", "2027-01-01");
    let ended = "@effective(\"2021-08-08\")\n@until(\"2027-01-01\")";
    let both = text.replace("@effective(\"2021-08-08\")", ended) + &next;
    let engine = Folder::new().write(SHARE, &both).load().unwrap();
    let question = |on: &str| {
        serde_json::from_value(serde_json::json!({
            "action": "submit_job", "on": on, "organisation": {"country": "FR", "size": "small"},
            "evidence": [], "project": {"civilian": true, "sectors": []},
            "allocation": {"valid_from": "2026-09-01", "valid_until": "2027-03-01",
                "begun": true, "ended": false, "suspended": false, "unspent_unit_ms": 1},
            "applicant": {"identity_assurance": "medium", "multi_factor": true},
        }))
        .unwrap()
    };
    let speaks = |on, id: &str| {
        engine
            .decide(&question(on))
            .rules
            .iter()
            .any(|rule| rule.rule == id)
    };
    assert!(speaks("2026-12-31", "share.left") && !speaks("2026-12-31", "share.next_left"));
    assert!(!speaks("2027-01-01", "share.left") && speaks("2027-01-01", "share.next_left"));
}

const FOLLOW_UPS: &str = "tables/follow_ups.toml";

#[test]
fn the_days_of_reminders_are_those_of_the_table_on_the_day() {
    let (today, later) = ("2026-11-22".parse().unwrap(), "2027-01-01".parse().unwrap());
    let engine = Engine::shipped().unwrap();
    assert_eq!(engine.reminders(today), [30, 7, 0]);
    assert_eq!(engine.reminders("2025-03-31".parse().unwrap()), [0; 0]);
    let ended = "days_before = 7\nuntil = \"2027-01-01\"";
    let engine = Folder::new().edit(FOLLOW_UPS, "days_before = 7", ended);
    let engine = engine.load().unwrap();
    assert_eq!(engine.reminders(today), [30, 7, 0]);
    assert_eq!(engine.reminders(later), [30, 0]);
    let twice = Folder::new().edit(FOLLOW_UPS, "days_before = 7", "days_before = 30");
    assert!(
        twice.complaint().contains("`30` stands twice"),
        "{}",
        twice.complaint()
    );
}

#[test]
fn a_last_day_is_moved_by_as_many_months_as_the_table_has_and_by_any_where_it_has_none() {
    let (first, before) = ("2025-04-01".parse().unwrap(), "2025-03-31".parse().unwrap());
    let engine = Engine::shipped().unwrap();
    assert_eq!(engine.months_postponed_at_most(first), Some(24));
    assert_eq!(engine.months_postponed_at_most(before), None);
    let fewer = Folder::new().edit(FOLLOW_UPS, "months_at_most = 24", "months_at_most = 6");
    let fewer = fewer.load().unwrap();
    assert_eq!(fewer.months_postponed_at_most(first), Some(6));
}

#[test]
fn what_hours_by_an_unknown_mode_owe_is_a_kind_of_the_table_with_one_day() {
    let engine = Engine::shipped().unwrap();
    let duties: Vec<_> = engine
        .default_duties("2026-11-22".parse().unwrap())
        .collect();
    assert_eq!(duties.len(), 1);
    assert_eq!(duties[0].value.kind, "final_report");
    assert_eq!(duties[0].value.months_after_end, Some(3));
    assert_eq!(duties[0].confidence, policy_engine::Confidence::Uncertain);
    assert!(duties[0].source.starts_with("platform default"));
    let value = r#"value = { kind = "final_report", months_after_end = 3"#;
    for (to, said) in [
        (
            r#"value = { kind = "tea", months_after_end = 3"#,
            "`tea` is owed and no kind of this table",
        ),
        (&format!("{value}, days_after_end = 90"), "either"),
        (&format!("{value}, system = \"lumi/lumi\""), "system"),
    ] {
        let complaint = Folder::new().edit(FOLLOW_UPS, value, to).complaint();
        assert!(
            complaint.starts_with("tables/follow_ups.toml:"),
            "{complaint}"
        );
        assert!(complaint.contains(said), "{complaint}");
    }
}

#[test]
fn a_ceiling_of_aid_says_over_how_many_years_it_counts() {
    let engine = Engine::shipped().unwrap();
    let years = |day: &str| engine.limit_on("de_minimis_years", day.parse().unwrap());
    assert_eq!(years("2023-12-31"), None);
    assert_eq!(years("2024-01-01"), Some(3));
    let row = "id = \"de_minimis_years\"\nvalue = 3\nsince = \"2024-01-01\"\n";
    let later = row.replace("2024-01-01", "2025-01-01");
    let complaint = Folder::new()
        .edit("tables/aid.toml", row, &later)
        .complaint();
    assert!(
        complaint.contains("`de_minimis` holds on 2024-01-01 and no `de_minimis_years` does"),
        "{complaint}"
    );
    let whole = format!("{row}until = \"2031-01-01\"\n");
    let ends_before = format!("{row}until = \"2030-01-01\"\n");
    let complaint = { Folder::new() }
        .edit("tables/aid.toml", &whole, &ends_before)
        .complaint();
    assert!(
        complaint.contains("`de_minimis` holds on 2030-01-01 and no `de_minimis_years` does"),
        "{complaint}"
    );
    let next = "id = \"de_minimis_years\"\nvalue = 5\nsince = \"2030-01-01\"\nsource = \"one for this test\"\n\
                confidence = \"uncertain\"\nchecked_on = \"2026-11-22\"\n\n[[limit]]\n";
    let joined = { Folder::new() }
        .edit("tables/aid.toml", &whole, &format!("{next}{ends_before}"))
        .load()
        .unwrap();
    let years = |day: &str| joined.limit_on("de_minimis_years", day.parse().unwrap());
    assert_eq!(
        (years("2029-12-31"), years("2030-01-01")),
        (Some(3), Some(5))
    );
}

#[test]
fn only_caps_say_where_they_count() {
    for (table, id) in [
        ("aid", "de_minimis"),
        ("shares", "union_share"),
        ("ai_act", "gpai_indicative"),
    ] {
        let row = format!("id = \"{id}\"\n");
        for scope in ["mode", "system"] {
            let of_mode = format!("{row}scope = \"{scope}\"\n");
            let complaint = Folder::new()
                .edit(&format!("tables/{table}.toml"), &row, &of_mode)
                .complaint();
            let words = format!("`{id}` takes no `scope`: rows of tables/caps.toml do");
            assert!(complaint.contains(&words), "{complaint}");
        }
    }
}

#[test]
fn a_cap_counts_at_the_system_or_at_all_of_the_mode_as_its_row_says() {
    let asked = serde_json::json!({
        "action": "apply_for_access", "on": "2026-11-22", "allocation": null, "evidence": [],
        "organisation": { "country": "FR", "kind": "company", "size": "small" },
        "project": { "civilian": true, "sectors": [] },
        "mode": { "id": "aif_fast_lane", "system": "cineca/leonardo" },
        "applicant": { "identity_assurance": "low", "multi_factor": false },
        "fair_access": { "open_applications": 0, "open_applications_in_mode": 1, "active_allocations": 0 },
    });
    let asked = serde_json::from_value(asked).unwrap();
    let says = |engine: &Engine, rule: &str| {
        let said = engine.decide(&asked).rules.into_iter();
        said.filter(|it| it.rule == rule).map(|it| it.words).next()
    };
    let refused = "fair_access.open_applications";
    assert_eq!(says(&Engine::shipped().unwrap(), refused), None);
    let row = "id = \"open_applications\"\n";
    let of_mode = format!("{row}scope = \"mode\"\n");
    let engine = Folder::new().edit("tables/caps.toml", row, &of_mode);
    let words = "open applications in this mode at all systems together: 1, of at most 1";
    assert_eq!(
        says(&engine.load().unwrap(), refused).as_deref(),
        Some(words)
    );
    let strange = Folder::new().edit("tables/caps.toml", row, &format!("{row}scope = \"site\"\n"));
    assert!(
        strange.complaint().contains("unknown variant `site`"),
        "{}",
        strange.complaint()
    );
}

/// Each of these would lift a ceiling, or put a rule to sleep, without a word.
#[test]
fn a_number_that_no_rule_would_read_is_refused() {
    let refused = |table: &str, (was, is): (&str, &str), words: &str| {
        let complaint = Folder::new()
            .edit(&format!("tables/{table}.toml"), was, is)
            .complaint();
        assert!(complaint.contains(words), "{complaint}");
    };
    let union = "id = \"union_share\"\nclass = \"high_end\"\n";
    refused(
        "shares",
        (union, "id = \"union\"\nclass = \"high_end\"\n"),
        "`union` is read by no rule; this table has union_share, commercial_share",
    );
    refused(
        "shares",
        (union, "id = \"union_share\"\nclass = \"hihg_end\"\n"),
        "`hihg_end` is no `[[class]]` of this table",
    );
    refused(
        "shares",
        (union, "id = \"union_share\"\n"),
        "`union_share` differs by `class`, and names none",
    );
    refused(
        "shares",
        (
            "id = \"commercial_share\"\n",
            "id = \"commercial_share\"\nclass = \"quantum\"\n",
        ),
        "`commercial_share` holds at every system, and names a `class`",
    );
    refused(
        "shares",
        ("value = 500", "value = 1001"),
        "`union_share` is 1001, and 1000 at most",
    );
    refused(
        "caps",
        ("mode = \"aif_playground\"", "mode = \"aif_plaiground\""),
        "`aif_plaiground` is no mode",
    );
    refused(
        "aid",
        ("value = 3\n", "value = 3\nmode = \"aif_playground\"\n"),
        "`de_minimis_years` takes no `mode`: nothing reads it there",
    );
}

#[test]
fn a_share_may_be_the_whole_of_a_system_and_none_of_it() {
    for value in ["value = 1000", "value = 0"] {
        let folder = Folder::new().edit("tables/shares.toml", "value = 500", value);
        folder.load().unwrap();
    }
}

#[test]
fn a_row_that_does_not_say_where_it_comes_from_is_refused() {
    for (file, was, is) in [
        (
            "tables/caps.toml",
            "source = \"platform default\"",
            "source = \" \"",
        ),
        (
            "modes/aif_fast_lane.toml",
            "source = \"",
            "source = \"\" # \"",
        ),
    ] {
        let complaint = Folder::new().edit(file, was, is).complaint();
        assert!(
            complaint.contains("this is empty: say where it comes from"),
            "{complaint}"
        );
        assert!(complaint.contains(file), "{complaint}");
    }
}
