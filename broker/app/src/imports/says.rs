//! What is said of an import: to the ledger by ids and digests, to the operator in words.

use broker_model::{Allocation, AllocationScope, EntryBody, EntryKind};
use serde_json::{Value, json};

use crate::replay::digest;

pub(super) const CHANGED: EntryKind = EntryKind::AllocationChanged;

/// Enters where it comes from. A reference may be anything that people write, so by its digest.
pub(super) fn from(entry: EntryBody, source: &str, reference: &str) -> EntryBody {
    entry
        .with("source", source)
        .with("reference_sha256", digest(reference))
}

/// Adds what the terms were and are to the entry that has them changed.
pub(super) fn with_both(entries: &mut [EntryBody], was: &Allocation, is: &Allocation) {
    for entry in entries.iter_mut().filter(|it| it.kind == CHANGED) {
        tell_both(entry, was, is);
    }
}

pub(super) fn tell_both(entry: &mut EntryBody, was: &Allocation, is: &Allocation) {
    for (key, terms) in [("before", terms(was)), ("after", terms(is))] {
        entry.data.insert(key.to_owned(), terms);
    }
}

/// A site may call an account by a person's name, so accounts are there by their digest.
fn terms(allocation: &Allocation) -> Value {
    let accounts = json!(allocation.local_accounts).to_string();
    json!({
        "valid_from": allocation.valid_from.to_string(),
        "valid_until": allocation.valid_until.to_string(),
        "suspended": allocation.suspended,
        "mode": allocation.mode,
        "local_accounts_sha256": digest(&accounts),
    })
}

pub(super) fn scope(scope: &AllocationScope) -> String {
    match scope {
        AllocationScope::Federation => "federation".to_owned(),
        AllocationScope::System { site, system } => format!("{site}/{system}"),
    }
}

pub(super) fn vanished(reference: &str, known: &Allocation) -> String {
    format!(
        "{reference} was imported before and is not there any more: {} of {} goes on until {}; to stop it, \
         import it once more with `yes` in `suspended`",
        known.id, known.project, known.valid_until
    )
}

/// With what the terms were and are, in place of which of them changed.
pub(super) fn spelt_out(words: Vec<String>, was: &Allocation, is: &Allocation) -> Vec<String> {
    let both = [
        (
            "valid_from",
            was.valid_from.to_string(),
            is.valid_from.to_string(),
        ),
        (
            "valid_until",
            was.valid_until.to_string(),
            is.valid_until.to_string(),
        ),
        (
            "suspended",
            was.suspended.to_string(),
            is.suspended.to_string(),
        ),
        ("local_accounts", accounts(was), accounts(is)),
        ("mode", mode(was), mode(is)),
    ];
    let differ = both.into_iter().filter(|(_, was, is)| was != is);
    let told = differ.map(|(what, was, is)| format!(": {what} {was} became {is}"));
    let others = words.into_iter().filter(|it| !it.starts_with(": changed "));
    told.chain(others).collect()
}

fn mode(of: &Allocation) -> String {
    of.mode.clone().unwrap_or_else(|| "unknown".to_owned())
}

fn accounts(of: &Allocation) -> String {
    let pairs = of.local_accounts.iter();
    let pairs: Vec<String> = pairs.map(|(site, it)| format!("{site}={it}")).collect();
    if pairs.is_empty() {
        return "none".to_owned();
    }
    pairs.join(";")
}
