//! Runs `policies/cases/*.toml`: what the shipped policy must answer, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cedar_policy::{Request, Schema};
use serde::Deserialize;
use toml::{Table, Value};

use crate::decision::{Decision, Effect, Outcome};
use crate::engine::Engine;
use crate::error::line_of;
use crate::facts::Facts;
use crate::memo::Memo;
use crate::question::Question;
use crate::sources::{SCHEMA, Sources};
use crate::tables::EvidenceKindInfo;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    question: Table,
    expect: Expect,
    case: Vec<CaseRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    result: Outcome,
    rules: BTreeMap<String, Effect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRow {
    name: String,
    result: Option<Outcome>,
    #[serde(default)]
    change: Table,
    /// Dotted keys to leave out.
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    speaks: BTreeMap<String, Effect>,
    #[serde(default)]
    silent: Vec<String>,
    #[serde(default)]
    words: BTreeMap<String, String>,
}

struct Case {
    name: String,
    question: Question,
    result: Outcome,
    rules: BTreeMap<String, Effect>,
    words: BTreeMap<String, String>,
}

fn all_cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        // Folders hold cases of another kind.
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| cases_of(path)).collect()
}

fn cases_of(path: &Path) -> Vec<Case> {
    let file: File = toml::from_str(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let stem = path.file_stem().unwrap().to_string_lossy();
    file.case
        .iter()
        .map(|row| row.laid_over(&file, &stem))
        .collect()
}

impl CaseRow {
    fn laid_over(&self, file: &File, stem: &str) -> Case {
        let name = format!("{stem}: {}", self.name);
        let mut question = file.question.clone();
        lay_over(&mut question, &self.change);
        for key in &self.without {
            leave_out(&mut question, key).unwrap_or_else(|| panic!("{name}: no `{key}`"));
        }
        let question = question
            .try_into()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut rules = file.expect.rules.clone();
        for id in &self.silent {
            assert!(
                rules.remove(id).is_some(),
                "{name}: `{id}` is not expected anyway"
            );
        }
        rules.extend(self.speaks.clone());
        let result = self.result.unwrap_or(file.expect.result);
        Case {
            name,
            question,
            result,
            rules,
            words: self.words.clone(),
        }
    }
}

fn lay_over(base: &mut Table, change: &Table) {
    for (key, value) in change {
        match (base.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            _ => drop(base.insert(key.clone(), value.clone())),
        }
    }
}

fn leave_out(table: &mut Table, dotted: &str) -> Option<Value> {
    match dotted.split_once('.') {
        Some((key, rest)) => leave_out(table.get_mut(key)?.as_table_mut()?, rest),
        None => table.remove(dotted),
    }
}

impl Case {
    /// What is wrong with an answer, a line each.
    fn faults(&self, decision: &Decision) -> Vec<String> {
        let mut faults = Vec::new();
        if decision.result != self.result {
            faults.push(format!(
                "result is {:?}, expected {:?}",
                decision.result, self.result
            ));
        }
        let spoken = spoken(decision);
        for (id, effect) in &spoken {
            if self.rules.get(id) != Some(effect) {
                faults.push(format!(
                    "`{id}` says {effect:?}, expected {:?}",
                    self.rules.get(id)
                ));
            }
        }
        for (id, _) in self
            .rules
            .iter()
            .filter(|(id, _)| !spoken.contains_key(*id))
        {
            faults.push(format!("`{id}` is silent"));
        }
        for (id, words) in &self.words {
            let said = decision
                .rules
                .iter()
                .find(|rule| rule.rule == *id)
                .map(|rule| &rule.words);
            if said != Some(words) {
                faults.push(format!("`{id}` says {said:?}, expected {words:?}"));
            }
        }
        faults
    }
}

fn spoken(decision: &Decision) -> BTreeMap<String, Effect> {
    decision
        .rules
        .iter()
        .map(|rule| (rule.rule.clone(), rule.effect))
        .collect()
}

#[test]
fn every_case_is_answered_as_written() {
    let engine = Engine::shipped().unwrap();
    let cases = all_cases();
    assert!(cases.len() >= 120, "only {} cases", cases.len());
    let mut report = Vec::new();
    for case in &cases {
        let faults = case.faults(&engine.decide(&case.question));
        if !faults.is_empty() {
            report.push(format!("{}\n    {}", case.name, faults.join("\n    ")));
        }
    }
    assert!(report.is_empty(), "\n\n{}\n", report.join("\n\n"));
}

#[test]
fn whether_a_case_is_eligible_is_known_without_its_words() {
    let (engine, memo) = (Engine::shipped().unwrap(), Memo::default());
    for case in all_cases() {
        let is_eligible = engine.is_eligible(&memo, &case.question, None);
        assert_eq!(
            is_eligible,
            case.result == Outcome::Eligible,
            "{}",
            case.name
        );
    }
}

/// Whatever the cases before it left in the memo.
#[test]
fn a_case_is_answered_byte_for_byte_alike_with_a_memo() {
    let (engine, memo) = (Engine::shipped().unwrap(), Memo::default());
    for case in all_cases() {
        let plain = engine.decide(&case.question);
        assert_eq!(
            serde_json::to_string(&engine.decide_with(&memo, &case.question)).unwrap(),
            serde_json::to_string(&plain).unwrap(),
            "{}",
            case.name
        );
    }
}

#[test]
fn every_rule_speaks_in_some_case() {
    let engine = Engine::shipped().unwrap();
    let seen: BTreeSet<_> = all_cases()
        .into_iter()
        .flat_map(|case| case.rules)
        .collect();
    for rule in engine.rules() {
        let speaks = (rule.id.clone(), rule.effect);
        assert!(
            seen.contains(&speaks),
            "no case has `{}` say {:?}",
            rule.id,
            rule.effect
        );
    }
}

#[test]
fn no_case_has_the_name_of_another() {
    let mut names = BTreeSet::new();
    for case in all_cases() {
        assert!(
            names.insert(case.name.clone()),
            "`{}` stands twice",
            case.name
        );
    }
}

#[test]
fn every_accepted_kind_of_evidence_alone_suffices_in_some_case() {
    let engine = Engine::shipped().unwrap();
    let stands_on = |case: &Case, kind: &EvidenceKindInfo| match &case.question.evidence[..] {
        [only] => only.kind == kind.id && case.result == Outcome::Eligible,
        _ => false,
    };
    let cases = all_cases();
    let ethical = |kind: &&EvidenceKindInfo| kind.shows.iter().any(|it| it == "ethics");
    for kind in engine.evidence_kinds().iter().filter(ethical) {
        let alone = cases.iter().any(|case| stands_on(case, kind));
        assert!(alone, "no case stands on `{}` alone", kind.id);
    }
}

/// The rules are checked against the schema, so what they are asked about must keep to it as well.
#[test]
fn the_facts_of_every_case_fit_the_schema() {
    let engine = Engine::shipped().unwrap();
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).unwrap();
    for case in all_cases() {
        let request = engine
            .request(&Facts::gather(&case.question, engine.tables()))
            .unwrap();
        let checked = Request::new(
            request.principal().unwrap().clone(),
            request.action().unwrap().clone(),
            request.resource().unwrap().clone(),
            request.context().unwrap().clone(),
            Some(&schema),
        );
        assert!(checked.is_ok(), "{}: {}", case.name, checked.unwrap_err());
    }
}

/// Turns every operator of every rule into its neighbour: loading refuses it, or some case fails.
#[test]
fn the_cases_pin_every_operator_of_every_rule() {
    const TURNS: [(&str, &str); 6] = [
        (" < ", " <= "),
        (" <= ", " < "),
        (" > ", " >= "),
        ("&&", "||"),
        ("!context", "context"),
        ("unless", "when"),
    ];
    let (cases, mut answered, mut survivors) = (all_cases(), 0, Vec::new());
    // The cases of the turned rule's own file are the likeliest to fail.
    let is_wrong = |engine: &Engine, file: &str| {
        let own = |case: &&Case| case.name.starts_with(&format!("{file}: "));
        let fails = |case: &Case| !case.faults(&engine.decide(&case.question)).is_empty();
        cases.iter().filter(own).any(fails) || cases.iter().any(fails)
    };
    let shipped = Sources::shipped().unwrap();
    let turned = shipped.rules.iter().enumerate().flat_map(|(file, rules)| {
        let turn = move |(from, to): (&'static str, &'static str)| {
            rules
                .text
                .match_indices(from)
                .map(move |(at, _)| (file, at, from, to))
        };
        TURNS.into_iter().flat_map(turn)
    });
    for (file, at, from, to) in turned {
        let mut sources = Sources::shipped().unwrap();
        // Nobody reads a translation here.
        sources.words.clear();
        let source = &mut sources.rules[file];
        let stem = source.name.replace("rules/", "").replace(".cedar", "");
        source.text.replace_range(at..at + from.len(), to);
        let line = line_of(&source.text, at);
        let survivor = format!("{}:{line}: `{from}` may as well be `{to}`", source.name);
        let Ok(engine) = Engine::load(&sources) else {
            continue;
        };
        answered += 1;
        if !is_wrong(&engine, &stem) {
            survivors.push(survivor);
        }
    }
    assert!(answered >= 20, "only {answered} turned rules were loaded");
    assert!(survivors.is_empty(), "\n{}\n", survivors.join("\n"));
}
