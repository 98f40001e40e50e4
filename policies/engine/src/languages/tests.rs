use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::sources::Sources;

fn engine() -> Engine {
    Engine::shipped().unwrap()
}

fn asked() -> Question {
    serde_json::from_value(json!({
        "action": "apply_for_access", "allocation": null, "on": "2026-12-01",
        "organisation": { "country": "FR", "kind": "company", "size": "small", "startup": true },
        "evidence": [{ "kind": "ai_pact_pledge", "issued_on": "2026-01-15", "expires_on": "2027-01-01", "checked": true }],
        "project": { "civilian": true, "sectors": ["health"] },
        "mode": { "id": "aif_fast_lane", "system": "bsc/marenostrum5" },
        "need": { "gpu_hours": 50001, "months": 6 },
        "applicant": { "identity_assurance": "low", "multi_factor": false },
    }))
    .unwrap()
}

fn words<'d>(decision: &'d Decision, rule: &str) -> &'d str {
    let mut rules = decision.rules.iter();
    &rules.find(|it| it.rule == rule).unwrap().words
}

#[test]
fn everything_that_people_read_has_a_french_text() {
    let engine = engine();
    let french = engine.languages.get("fr").unwrap();
    for rule in engine.rules() {
        assert!(french.rule(&rule.id).is_some(), "rule {}", rule.id);
    }
    let tables = engine.tables();
    for kind in titles::ALL {
        let own = kind.ids_in(tables);
        let english = engine.languages.get("en").unwrap();
        for id in own.into_iter().chain(english.ids(kind)) {
            assert!(french.title(kind, id).is_some(), "{kind:?} {id}");
            let own = tables.own_title(kind, id, "en");
            assert!(
                own.or_else(|| english.title(kind, id)).is_some(),
                "{kind:?} {id} in English"
            );
        }
    }
    for mode in engine.modes() {
        assert!(mode.title.contains_key("fr"), "{}", mode.id);
        for (kind, id) in {
            mode.documents
                .iter()
                .map(|it| (TitleKind::Document, &it.value))
        }
        .chain(
            mode.duties
                .iter()
                .map(|it| (TitleKind::Duty, &it.value.kind)),
        ) {
            assert_ne!(engine.title(kind, id, "en"), id, "{kind:?} {id}");
            assert!(french.title(kind, id).is_some(), "{kind:?} {id}");
        }
        for why in mode.offers.iter().filter_map(|it| it.value.why.as_deref()) {
            assert!(french.texts.contains_key(why), "{why}");
        }
    }
    for standing in tables.countries.all().iter().flat_map(|it| &it.standings) {
        assert!(
            french.standings.contains_key(&standing.kind),
            "{}",
            standing.kind
        );
        if let Some(note) = &standing.note {
            assert!(french.texts.contains_key(note), "{note}");
        }
    }
}

#[test]
fn a_decision_is_said_in_french_from_its_own_facts() {
    let engine = engine();
    let decision = engine.decide(&asked());
    let french = engine.in_language(&asked(), &decision, "fr");
    let said = |rule| words(&french, rule);
    assert_eq!(
        said("established.member_state"),
        "pays d'établissement : France (FR), État membre de l'UE depuis le 1er janvier 1958"
    );
    assert_eq!(
        said("ethics.shown"),
        "l'usage éthique et responsable est démontré par : Engagement au titre du pacte sur l'IA du 15 janvier 2026 \
         (valable jusqu'au 1er janvier 2027)"
    );
    assert_eq!(
        said("mode.closed"),
        "« Accès Fast Lane aux fabriques d'IA » est fermé sur bsc/marenostrum5 : fermé en raison de l'afflux de demandes"
    );
    assert_eq!(
        said("mode.other_duration"),
        "durées prévues par « Accès Fast Lane aux fabriques d'IA », en mois : 1, 2 et 3 ; durée demandée : 6"
    );
    let english = |it: &Decision| {
        it.rules
            .iter()
            .filter(|it| it.title.contains("mode is"))
            .count()
    };
    assert_eq!((english(&decision), english(&french)), (2, 0));
}

#[test]
fn what_is_left_is_told_in_its_unit_and_a_question_of_old_knows_none() {
    let engine = engine();
    let said = |unit: Option<&str>, language| {
        let mut asked = serde_json::to_value(asked()).unwrap();
        asked["action"] = "submit_job".into();
        asked["allocation"] = json!({ "begun": true, "ended": false, "suspended": false,
            "unspent_unit_ms": 4_500_000_000_i64, "valid_from": "2026-09-01", "valid_until": "2027-03-01" });
        if let Some(unit) = unit {
            asked["allocation"]["unit"] = unit.into();
        }
        let asked: Question = serde_json::from_value(asked).unwrap();
        let said = engine.in_language(&asked, &engine.decide(&asked), language);
        words(&said, "share.left").to_owned()
    };
    let left = " of the allocation are unspent";
    for (unit, units) in [
        (Some("node-hour"), "node-hours"),
        (Some("QPU-hour"), "QPU-hours"),
        (None, "unit-hours"),
    ] {
        assert_eq!(said(unit, "en"), format!("1250 {units}{left}"));
    }
    assert_eq!(
        said(Some("node-hour"), "fr"),
        "1250 heures-nœud de l'allocation restent disponibles"
    );
}

#[test]
fn only_titles_words_and_remedies_are_said_otherwise() {
    let engine = engine();
    let decision = engine.decide(&asked());
    let mut french = engine.in_language(&asked(), &decision, "fr");
    for (said, spoken) in french.rules.iter_mut().zip(&decision.rules) {
        assert_ne!(said.words, spoken.words);
        said.title.clone_from(&spoken.title);
        said.words.clone_from(&spoken.words);
        said.remedy.clone_from(&spoken.remedy);
    }
    assert_eq!(french, decision);
    assert_eq!(engine.in_language(&asked(), &decision, "el"), decision);
}

#[test]
fn english_is_read_with_titles_and_stored_with_ids() {
    let engine = engine();
    let mut asked = asked();
    asked.organisation.kind = Some("research".to_owned());
    asked.organisation.startup = None;
    let decision = engine.decide(&asked);
    let english = engine.in_language(&asked, &decision, "en");
    assert_eq!(
        words(&decision, "mode.for_others"),
        "aif_fast_lane is for startup, sme, industry; the organisation is research"
    );
    assert_eq!(
        words(&english, "mode.for_others"),
        "AI Factory Fast Lane access is for start-up, SME, industry; the organisation is research organisation"
    );
    for (said, spoken) in english.rules.iter().zip(&decision.rules) {
        assert_eq!((&said.title, &said.remedy), (&spoken.title, &spoken.remedy));
        let is_of_mode = spoken.rule.starts_with("mode.");
        assert!(is_of_mode || said.words == spoken.words, "{}", said.words);
    }
}

#[test]
fn what_another_policy_said_is_not_put_into_other_words() {
    let engine = engine();
    let mut decision = engine.decide(&asked());
    let first = decision.rules.first_mut().unwrap();
    first.words.push_str(", as another policy had it");
    let french = engine.in_language(&asked(), &decision, "fr");
    assert_eq!(french.rules.first(), decision.rules.first());
    assert_ne!(french.rules.last(), decision.rules.last());
}

#[test]
fn a_gap_in_the_rules_is_told_in_french_too() {
    let engine = engine();
    let mut question = asked();
    question.on = "2021-08-07".parse().unwrap();
    let french = engine.in_language(&question, &engine.decide(&question), "fr");
    assert_eq!(
        words(&french, "policy"),
        "aucune règle n'est en vigueur le 7 août 2021"
    );
}

#[test]
fn a_name_falls_back_to_english_and_then_to_its_id() {
    let engine = engine();
    let title = |kind, id, language| engine.title(kind, id, language).to_owned();
    assert_eq!(
        title(TitleKind::Duty, "final_report", "fr"),
        "Rapport final"
    );
    assert_eq!(title(TitleKind::Duty, "final_report", "fi"), "Final report");
    assert_eq!(title(TitleKind::Duty, "dance", "fr"), "dance");
    assert_eq!(
        title(TitleKind::EvidenceKind, "seal_of_excellence", "en"),
        "Seal of Excellence"
    );
    assert_eq!(title(TitleKind::Country, "GR", "fr"), "Grèce");
    assert_eq!(
        title(TitleKind::Mode, "aif_fast_lane", "fr"),
        "Accès Fast Lane aux fabriques d'IA"
    );
    assert_eq!(
        title(TitleKind::Mode, "aif_fast_lane", "it"),
        "AI Factory Fast Lane access"
    );
    assert_eq!(engine.languages(), ["en", "fr"]);
}

#[test]
fn a_catalogue_changes_no_digest_and_its_absence_no_answer() {
    let mut sources = Sources::shipped().unwrap();
    let with = Engine::load(&sources).unwrap();
    sources.words.clear();
    let without = Engine::load(&sources).unwrap();
    assert_eq!(with.digest(), without.digest());
    assert_eq!(with.decide(&asked()), without.decide(&asked()));
    assert_eq!(without.languages(), ["en"]);
    let open = without.title(TitleKind::OfferState, "open", "fr");
    assert_eq!(open, "open");
}

fn complaint(from: &str, to: &str) -> String {
    let mut sources = Sources::shipped().unwrap();
    let french = sources
        .words
        .iter_mut()
        .find(|it| it.name == "words/fr.toml")
        .unwrap();
    assert!(french.text.contains(from), "{from}");
    french.text = french.text.replacen(from, to, 1);
    Engine::load(&sources).unwrap_err().to_string()
}

#[test]
fn a_catalogue_that_names_what_is_not_there_is_refused_with_its_file_and_line() {
    let words = complaint("\"allocation.current\"", "\"allocation.courante\"");
    assert!(words.starts_with("words/fr.toml:"), "{words}");
    assert!(
        words.contains("rule `allocation.courante`: the policy has no such rule"),
        "{words}"
    );
    let words = complaint("\nseal_of_excellence", "\nseal_of_excelence");
    assert!(
        words.contains("no EvidenceKind `seal_of_excelence`"),
        "{words}"
    );
    let words = complaint("\nproject_page", "\nproject_pages");
    assert!(words.contains("no Document `project_pages`"), "{words}");
    let words = complaint("between =", "betwen =");
    assert!(words.contains("unknown field `betwen`"), "{words}");
}

#[test]
fn words_name_the_facts_of_the_english_and_no_others() {
    let words = complaint("{standing}", "{on}");
    assert!(words.contains("`established.member_state`"), "{words}");
    assert!(words.contains("do not both name On"), "{words}");
    let words = complaint(", {standing}", "");
    assert!(words.contains("do not both name Standing"), "{words}");
    let words = complaint("{standing}", "{statut}");
    assert!(words.contains("`@words` names `{statut}`"), "{words}");
}

#[test]
fn a_catalogue_has_the_name_of_a_language() {
    let mut sources = Sources::shipped().unwrap();
    let file = sources.words.first_mut().unwrap();
    file.name = "words/english.toml".to_owned();
    let words = Engine::load(&sources).unwrap_err().to_string();
    assert!(
        words.starts_with("words/english.toml: a catalogue has the name"),
        "{words}"
    );
}

/// Sentences go on after a colon or a semicolon as French writes them, and quote as it quotes.
#[test]
fn the_french_is_set_as_french_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../words/fr.toml");
    let text = fs::read_to_string(folder).unwrap();
    for line in text
        .lines()
        .filter(|line| line.starts_with(['t', 'w', 'r']))
    {
        let Some((_, said)) = line.split_once(" = ") else {
            continue;
        };
        for sign in [":", ";", "?", "!"] {
            let at = said.match_indices(sign);
            assert!(
                at.into_iter().all(|(at, _)| said[..at].ends_with(' ')),
                "{line}"
            );
        }
    }
}
