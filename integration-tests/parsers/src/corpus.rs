//! What the fuzzers and the test begin with: the inputs of `integration-tests/fuzz/corpus`, and those made
//! of the adapters' own fixtures, which are not kept twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Map, Value, json};

/// A name that says where it is from, and the bytes.
pub type Seed = (String, Vec<u8>);

/// Longer strings of a recording are no word of a small language.
const LONGEST_WORD: usize = 200;

/// All seeds of a target.
///
/// # Errors
///
/// A folder or a fixture that cannot be read.
pub fn of(target: &str) -> anyhow::Result<Vec<Seed>> {
    let mut seeds = kept(target)?;
    seeds.extend(recorded(target)?);
    Ok(seeds)
}

/// Those that are checked in.
fn kept(target: &str) -> anyhow::Result<Vec<Seed>> {
    let folder = root().join("integration-tests/fuzz/corpus").join(target);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut seeds = Vec::new();
    for path in files(&folder)? {
        seeds.push((name_of(&path), fs::read(&path)?));
    }
    Ok(seeds)
}

/// Makes seeds of one recording, which has a name.
type Cut = fn(&str, &Value) -> Vec<Seed>;

/// Those that are made of the recordings of an adapter.
pub fn recorded(target: &str) -> anyhow::Result<Vec<Seed>> {
    let (adapter, cut): (&str, Cut) = match target {
        "slurm_answer" => ("slurm", slurm_answer),
        "slurm_words" => ("slurm", slurm_words),
        "pbs_answer" => ("pbs", pbs_answer),
        "pbs_files" => ("pbs", pbs_files),
        "kubernetes_answer" => ("kubernetes", kubernetes_answer),
        "kubernetes_watch" => ("kubernetes", kubernetes_watch),
        _ => return Ok(Vec::new()),
    };
    let folder = root()
        .join("site-adapters")
        .join(adapter)
        .join("tests/fixtures");
    let mut seeds = Vec::new();
    for path in files(&folder)? {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let cases: Map<String, Value> = serde_json::from_str(&text)
            .with_context(|| format!("{} is no object of cases", path.display()))?;
        let server = name_of(&path);
        for (case, value) in &cases {
            let name = format!("{server}-{}", case.replace('/', "-"));
            seeds.extend(cut(&name, value));
        }
    }
    let mut seen = BTreeSet::new();
    seeds.retain(|(_, bytes)| !bytes.is_empty() && seen.insert(bytes.clone()));
    Ok(seeds)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let mut paths = read
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn seed(name: &str, bytes: String) -> Vec<Seed> {
    vec![(name.to_owned(), bytes.into_bytes())]
}

fn slurm_answer(name: &str, case: &Value) -> Vec<Seed> {
    let body = case.get("json").or_else(|| case.get("text"));
    let status = case.get("status").map(text).unwrap_or_default();
    seed(
        name,
        format!("{status}\n{}", body.map(text).unwrap_or_default()),
    )
}

fn slurm_words(name: &str, case: &Value) -> Vec<Seed> {
    let mut words = BTreeSet::new();
    strings(case, &mut words);
    let words = words.into_iter().enumerate();
    words
        .map(|(at, word)| (format!("{name}-{at}"), word.into_bytes()))
        .collect()
}

fn strings(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() <= LONGEST_WORD => drop(into.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, into)),
        _ => {}
    }
}

fn pbs_answer(name: &str, case: &Value) -> Vec<Seed> {
    let part = |key: &str| case.get(key).map(text).unwrap_or_default();
    let (code, out, err) = (part("exit_code"), part("stdout"), part("stderr"));
    seed(name, format!("{code}\n{out}\0{err}"))
}

fn pbs_files(name: &str, case: &Value) -> Vec<Seed> {
    if !name.contains("accounting") && !name.contains("text") {
        return Vec::new();
    }
    seed(name, case.get("stdout").map(text).unwrap_or_default())
}

/// Answers are `{status, body}`; the rest are objects, or parts of some.
fn kubernetes_answer(name: &str, case: &Value) -> Vec<Seed> {
    if let Some(status) = case.get("status").and_then(Value::as_u64) {
        let body = case.get("body").map(text).unwrap_or_default();
        return seed(name, format!("{status}\n{body}"));
    }
    let mut seeds = seed(name, format!("200\n{case}"));
    for event in case.as_array().into_iter().flatten() {
        let object = event.get("object").unwrap_or(event);
        seeds.push((
            format!("{name}-object"),
            format!("200\n{object}").into_bytes(),
        ));
    }
    let parts = case.as_object().into_iter().flatten();
    for (key, status) in parts.filter(|(key, _)| key.ends_with("status")) {
        let object = json!({ "metadata": {}, "spec": { "template": {} }, "status": status });
        seeds.push((
            format!("{name}-{key}"),
            format!("200\n{object}").into_bytes(),
        ));
    }
    let numbered = seeds.into_iter().enumerate();
    numbered
        .map(|(at, (name, bytes))| (format!("{name}-{at}"), bytes))
        .collect()
}

fn kubernetes_watch(name: &str, case: &Value) -> Vec<Seed> {
    let events = case.as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
    seed(name, lines.join("\n"))
}
