use std::collections::BTreeMap;
use std::io::BufReader;

use sha2::{Digest, Sha256};

use super::*;
use crate::{
    Checkpoint, Frontier, Hash, PartialTiles, Signer, VerifierKey, consistency, grow, inclusion,
    leaf_hash, root_at,
};

const ORIGIN: &str = "broker.example.org/ledger";

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[1; 32]).unwrap()
}

fn trusted() -> [VerifierKey; 1] {
    [signer().verifier()]
}

fn entry(seq: u64) -> String {
    let kind = ["job.accepted", "job.placed", "usage.charged"][usize::try_from(seq % 3).unwrap()];
    format!(
        r#"{{"at":"2026-11-01T00:00:0{}Z","kind":"{kind}","data":{{"é":"\n\"{seq}"}}}}"#,
        seq % 10
    )
}

/// A ledger of `size` entries as a broker stores it.
struct Ledger {
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
}

impl Ledger {
    fn of(size: u64) -> Self {
        let leaves: Vec<Hash> = (0..size)
            .map(|seq| leaf_hash(entry(seq).as_bytes()))
            .collect();
        let grown = grow(PartialTiles::default(), 0, &leaves).unwrap();
        Self {
            tiles: grown.tiles.into_iter().collect(),
        }
    }

    fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root: root_at(size, &self.tiles).unwrap(),
        }
    }

    /// An export from `from`, with a checkpoint at each of `sizes`.
    fn export(&self, from: u64, sizes: &[u64]) -> String {
        self.export_with(from, sizes, &[])
    }

    fn export_with(&self, from: u64, sizes: &[u64], proven: &[u64]) -> String {
        let size = *sizes.last().unwrap();
        let frontier = Frontier::from_tiles(from, &self.tiles).unwrap();
        let header =
            Header::new(ORIGIN, vec![signer().verifier()], from, size).with_frontier(&frontier);
        let mut writer = Writer::start(Vec::new(), &header).unwrap();
        let mut before = 0;
        for &size in sizes {
            while writer.next() < size {
                let seq = writer.next();
                writer.entry(seq, &entry(seq)).unwrap();
            }
            let proof = consistency(before, size, &self.tiles).unwrap();
            let note = self.checkpoint(size).sign(&signer());
            writer.checkpoint(&note, &proof).unwrap();
            before = size;
        }
        for &seq in proven {
            let leaf = leaf_hash(entry(seq).as_bytes());
            let proof = inclusion(seq, size, &self.tiles).unwrap();
            writer.inclusion(seq, leaf, &proof).unwrap();
        }
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }
}

fn check(export: &str) -> Result<Verified, VerifyError> {
    verify(export.as_bytes(), &trusted())
}

fn fault(export: &str) -> Fault {
    check(export).unwrap_err().fault
}

/// The file as a forger hands it over: its last line made to fit again.
fn sealed_again(body: &[u8]) -> Vec<u8> {
    let lines = body.split(|byte| *byte == b'\n').count() - 1;
    let sha256 = Hash(Sha256::digest(body).into());
    let end = format!("{{\"end\":{lines},\"sha256\":\"{sha256}\"}}\n");
    [body, end.as_bytes()].concat()
}

fn body_of(export: &str) -> &str {
    &export[..export.find("{\"end\":").unwrap()]
}

fn rearranged(export: &str, change: impl Fn(&mut Vec<&str>)) -> String {
    let mut lines: Vec<&str> = body_of(export).split_inclusive('\n').collect();
    change(&mut lines);
    String::from_utf8(sealed_again(lines.concat().as_bytes())).unwrap()
}

#[test]
fn a_true_export_verifies_and_is_counted() {
    let ledger = Ledger::of(700);
    let export = ledger.export_with(0, &[1, 256, 300, 700], &[0, 299, 699]);
    let verified = check(&export).unwrap();
    assert_eq!((verified.entries, verified.checkpoints), (700, 4));
    assert_eq!((verified.inclusions, verified.size), (3, 700));
    assert_eq!(verified.root, ledger.checkpoint(700).root);
    assert_eq!(verified.kinds["job.accepted"], 234);
    let kept = Checkpoint::verify(&verified.checkpoint, &trusted()).unwrap();
    assert_eq!(kept, ledger.checkpoint(700));
}

#[test]
fn an_export_of_the_later_part_verifies_and_continues_the_kept_checkpoint() {
    let ledger = Ledger::of(700);
    let export = ledger.export(300, &[300, 500, 700]);
    for known in [300, 400, 700] {
        let known = ledger.checkpoint(known);
        let verified = verify_with(export.as_bytes(), &trusted(), Some(&known)).unwrap();
        assert_eq!((verified.from, verified.entries), (300, 400));
    }
    let known = ledger.checkpoint(299);
    let error = verify_with(export.as_bytes(), &trusted(), Some(&known)).unwrap_err();
    assert!(matches!(error.fault, Fault::BeginsAfterKnown { .. }));
}

#[test]
fn a_ledger_without_entries_can_be_exported() {
    let verified = check(&Ledger::of(0).export(0, &[0])).unwrap();
    assert_eq!((verified.entries, verified.checkpoints), (0, 1));
}

#[test]
fn every_single_flipped_bit_is_found_even_when_the_last_line_is_made_to_fit() {
    let export = Ledger::of(2).export(0, &[2]);
    let trusted = trusted();
    for at in 0..body_of(&export).len() {
        for bit in 0..8 {
            flipped_bit_is_found(&export, at, bit, &trusted);
        }
    }
}

#[test]
fn a_flipped_bit_in_every_byte_of_a_file_with_all_kinds_of_lines_is_found() {
    let export = Ledger::of(3).export_with(1, &[2, 3], &[1]);
    let trusted = trusted();
    for at in 0..body_of(&export).len() {
        flipped_bit_is_found(&export, at, at % 8, &trusted);
    }
}

fn flipped_bit_is_found(export: &str, at: usize, bit: usize, trusted: &[VerifierKey]) {
    let mut changed = body_of(export).to_owned().into_bytes();
    changed[at] ^= 1 << bit;
    let Err(error) = verify(sealed_again(&changed).as_slice(), trusted) else {
        panic!("byte {at}, bit {bit}");
    };
    // Not the last line has found it, so it would be found without one too.
    let by_last_line = matches!(error.fault, Fault::Digest { .. } | Fault::LineCount { .. });
    assert!(!by_last_line, "byte {at}, bit {bit}: {error}");
}

#[test]
fn every_single_flipped_bit_of_the_last_line_is_found() {
    let export = Ledger::of(1).export(0, &[1]);
    let trusted = trusted();
    for at in body_of(&export).len()..export.len() {
        for bit in 0..8 {
            let mut changed = export.clone().into_bytes();
            changed[at] ^= 1 << bit;
            assert!(verify(changed.as_slice(), &trusted).is_err(), "{at} {bit}");
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_is_found() {
    let export = Ledger::of(3).export(0, &[3]);
    let trusted = trusted();
    for end in 0..export.len() {
        assert!(
            verify(&export.as_bytes()[..end], &trusted).is_err(),
            "{end}"
        );
    }
    let error = check(body_of(&export)).unwrap_err();
    assert!(matches!(error.fault, Fault::Truncated { next: 3, size: 3 }));
    assert_eq!(error.line, 5);
}

#[test]
fn lines_that_were_swapped_repeated_or_removed_are_found() {
    let export = Ledger::of(6).export_with(0, &[3, 6], &[1]);
    let count = body_of(&export).lines().count();
    for at in 0..count {
        let removed = rearranged(&export, |lines| {
            lines.remove(at);
        });
        // An inclusion proof repeats what the entries prove, so nothing is lost with it.
        assert_eq!(check(&removed).is_ok(), at == count - 1, "removed {at}");
        let repeated = rearranged(&export, |lines| lines.insert(at, lines[at]));
        assert_eq!(check(&repeated).is_ok(), at == count - 1, "repeated {at}");
        for other in 0..at {
            let swapped = rearranged(&export, |lines| lines.swap(at, other));
            assert!(check(&swapped).is_err(), "swapped {at} {other}");
        }
    }
    let without_entry = rearranged(&export, |lines| {
        lines.remove(2);
    });
    assert!(matches!(
        fault(&without_entry),
        Fault::Gap {
            expected: 1,
            found: 2
        }
    ));
}

#[test]
fn without_the_last_line_made_to_fit_removing_anything_is_found_by_it() {
    let export = Ledger::of(6).export_with(0, &[6], &[1]);
    let mut lines: Vec<&str> = export.split_inclusive('\n').collect();
    lines.remove(lines.len() - 2);
    assert!(matches!(fault(&lines.concat()), Fault::LineCount { .. }));
}

#[test]
fn an_edited_entry_is_named_by_the_range_since_the_last_good_checkpoint() {
    let export = Ledger::of(9).export(0, &[3, 6, 9]);
    let edited = rearranged(&export, |lines| {
        let place = lines
            .iter()
            .position(|line| line.starts_with("{\"seq\":4"))
            .unwrap();
        lines[place] = Box::leak(lines[place].replace("placed", "plaxed").into_boxed_str());
    });
    let error = check(&edited).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("line 9: entries 3 to 5 give the root "),
        "{text}"
    );
    assert!(text.ends_with("is not what the operator signed"), "{text}");
}

#[test]
fn a_tail_cut_back_to_an_older_checkpoint_is_found_by_the_kept_one() {
    let ledger = Ledger::of(9);
    let older = ledger.export(0, &[3, 6]);
    assert!(check(&older).is_ok());
    let known = ledger.checkpoint(9);
    let error = verify_with(older.as_bytes(), &trusted(), Some(&known)).unwrap_err();
    assert!(matches!(
        error.fault,
        Fault::TailRemoved { size: 6, known: 9 }
    ));
}

#[test]
fn a_second_history_signed_by_the_operator_is_found_by_the_kept_checkpoint() {
    let ledger = Ledger::of(9);
    let known = Checkpoint {
        root: leaf_hash(b"another history"),
        ..ledger.checkpoint(6)
    };
    let export = ledger.export(0, &[3, 9]);
    let error = verify_with(export.as_bytes(), &trusted(), Some(&known)).unwrap_err();
    assert!(
        matches!(error.fault, Fault::Forked { size: 6, .. }),
        "{error}"
    );
}

#[test]
fn only_the_key_of_the_auditor_counts_and_not_the_one_in_the_file() {
    let export = Ledger::of(3).export(0, &[3]);
    let stranger = Signer::from_seed(ORIGIN, &[2; 32]).unwrap().verifier();
    let error = verify(export.as_bytes(), &[stranger]).unwrap_err();
    assert!(matches!(error.fault, Fault::Checkpoint(_)), "{error}");
    let error = verify(export.as_bytes(), &[]).unwrap_err();
    assert!(matches!(error.fault, Fault::NoTrustedKey));
}

#[test]
fn the_same_content_in_other_bytes_is_refused() {
    let export = Ledger::of(3).export(0, &[3]);
    for (from, to) in [
        ("{\"seq\":1,", "{\"seq\": 1,"),
        ("{\"seq\":1,", "{\"seq\":1.0,"),
        ("{\"seq\":1,", "{\"seq\":1,\"seq\":1,"),
        ("{\"seq\":1,", " {\"seq\":1,"),
        ("job.placed", "job\\u002eplaced"),
        ("\n{\"seq\":1", "\r\n{\"seq\":1"),
        ("\n{\"seq\":1", "\n\n{\"seq\":1"),
        ("é", "\\u00e9"),
        ("\"consistency\":[]", "\"consistency\":[],\"extra\":1"),
    ] {
        let changed = body_of(&export).replacen(from, to, 1);
        assert_ne!(changed, body_of(&export));
        let changed = String::from_utf8(sealed_again(changed.as_bytes())).unwrap();
        assert!(check(&changed).is_err(), "{to}");
    }
}

#[test]
fn a_line_that_never_ends_is_refused_before_it_fills_the_memory() {
    let endless = BufReader::new(std::io::repeat(b'x'));
    let error = verify(endless, &trusted()).unwrap_err();
    assert!(matches!(error.fault, Fault::LineTooLong { .. }));
}

#[test]
fn the_writer_refuses_what_no_auditor_would_accept() {
    let header = Header::new(ORIGIN, vec![], 0, 3);
    let mut writer = Writer::start(Vec::new(), &header).unwrap();
    assert!(matches!(
        writer.entry(1, "{}"),
        Err(WriteError::EntryOutOfOrder {
            expected: 0,
            found: 1
        })
    ));
    let note = Ledger::of(3).checkpoint(3).sign(&signer());
    assert!(matches!(
        writer.checkpoint(&note, &[]),
        Err(WriteError::CheckpointOutOfPlace {
            written: 0,
            found: 3
        })
    ));
    assert!(matches!(
        writer.finish(),
        Err(WriteError::Unfinished { .. })
    ));
}
