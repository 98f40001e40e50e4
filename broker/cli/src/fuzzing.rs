//! What the command line makes of a broker's answers and of an export, for fuzz targets: none of it may
//! panic.

use std::io;

use broker_client::Event;
use broker_client::wire::{CheckpointView, ConsistencyView, EntryView, InclusionView};
use broker_ledger::{
    Checkpoint, Hash, VerifierKey, export, leaf_hash, verify_consistency, verify_inclusion,
};
use broker_model::Placement;
use serde_json::Value;

use crate::print;

/// A whole answer, printed for people.
pub fn answer(bytes: &[u8]) {
    let mut out = io::sink();
    if let Ok(placement) = serde_json::from_slice::<Placement>(bytes) {
        let _ = print::placement(&placement, &mut out);
    }
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        let cells = value.as_object().into_iter().flatten();
        let row = cells.map(|(_, cell)| cell.as_str().unwrap_or("-").to_owned());
        let _ = print::table(&["A", "B"], &[row.collect()], &mut out);
        let _ = print::json(&value, &mut out);
    }
    let data = String::from_utf8_lossy(bytes).into_owned();
    let event = Event {
        id: None,
        kind: "log".to_owned(),
        data,
    };
    let _ = crate::verbs::print_log(&event, false, &mut out);
    proofs(bytes);
}

fn proofs(bytes: &[u8]) {
    let hashes = |all: &[String]| -> Vec<Hash> {
        let parsed = all.iter().filter_map(|hash| hash.parse().ok());
        parsed.collect()
    };
    if let Ok(view) = serde_json::from_slice::<InclusionView>(bytes) {
        let leaf = leaf_hash(view.entry.as_bytes());
        let root = view.root.parse().unwrap_or(leaf);
        let _ = verify_inclusion(&leaf, view.seq, view.tree_size, &hashes(&view.proof), &root);
    }
    if let Ok(view) = serde_json::from_slice::<ConsistencyView>(bytes)
        && let (Ok(from), Ok(to)) = (view.from_root.parse(), view.to_root.parse())
    {
        let (old, new, proof) = (view.from_size, view.to_size, hashes(&view.proof));
        let _ = verify_consistency(old, &from, new, &to, &proof);
    }
    if let Ok(view) = serde_json::from_slice::<CheckpointView>(bytes) {
        let _ = (
            Checkpoint::parse(&view.note),
            view.verifier_key.parse::<VerifierKey>(),
        );
    }
    let _ = serde_json::from_slice::<EntryView>(bytes);
}

/// A ledger in one file, as `alcyone audit verify` reads it.
pub fn ledger(bytes: &[u8]) {
    let _ = Checkpoint::parse(&String::from_utf8_lossy(bytes));
    let _ = export::verify(bytes, &[]);
}
