//! Every reader of what comes from outside reads its corpus, and the corpus damaged, to the end.
//!
//! `ALCYONE_FUZZ_SEED` repeats a run, `ALCYONE_FUZZ_SECONDS` (for each target) lengthens it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its support too, and says by what seed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use integration_parsers::corpus::{self, Seed};
use integration_parsers::{TARGETS, Target, mutate};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const SECONDS: f64 = 1.2;
/// Of a debug build beside other tests: what is read in hours takes seconds more than what is not.
const LONGEST_READ: Duration = Duration::from_secs(10);
/// Most cuts of one input: longer ones are cut at every so many bytes.
const MOST_CUTS: usize = 40;

fn from_environment<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let told = std::env::var(name).ok();
    told.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Reads one input; one that breaks the reader is written down, and where is said.
fn read(target: Target, bytes: &[u8], what: &str) {
    let begun = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.read)(bytes)));
    let took = begun.elapsed();
    if outcome.is_ok() && took < LONGEST_READ {
        return;
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("broke-{}", target.name));
    fs::write(&path, bytes).unwrap();
    panic!(
        "{} broke after {took:?} at {what}; its input is {}",
        target.name,
        path.display()
    );
}

fn cuts(target: Target, (name, bytes): &Seed) {
    let step = bytes.len().div_ceil(MOST_CUTS).max(1);
    for end in (0..=bytes.len()).step_by(step) {
        read(
            target,
            &bytes[..end],
            &format!("the first {end} bytes of {name}"),
        );
    }
}

/// Returns how many inputs were read.
fn damage(target: Target, seeds: &[Seed], seed: u64, until: Instant) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let mut count = 0;
    while Instant::now() < until {
        let (name, input) = &seeds[random.random_range(0..seeds.len())];
        let (_, other) = &seeds[random.random_range(0..seeds.len())];
        let bytes = mutate::mutated(&mut random, input, other);
        read(
            target,
            &bytes,
            &format!("{name} damaged, number {count} of seed {seed}"),
        );
        count += 1;
    }
    count
}

#[test]
fn nothing_that_comes_from_outside_makes_a_reader_panic() {
    let seed: u64 = from_environment("ALCYONE_FUZZ_SEED", rand::random());
    let seconds: f64 = from_environment("ALCYONE_FUZZ_SECONDS", SECONDS);
    println!("ALCYONE_FUZZ_SEED={seed}");
    for target in TARGETS {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let seeds = corpus::of(target.name).unwrap();
        for (name, bytes) in &seeds {
            read(target, bytes, name);
        }
        for seed in seeds.iter().take_while(|_| Instant::now() < until) {
            cuts(target, seed);
        }
        let until = until.max(Instant::now() + Duration::from_secs_f64(seconds / 2.0));
        let count = damage(target, &seeds, seed, until);
        println!("{}: {} seeds, {count} damaged", target.name, seeds.len());
        assert!(count > 0);
    }
}

/// The whole text of a fuzz target. The workspace does not build them: they need a C++ compiler.
fn program(name: &str) -> String {
    let call = format!("|bytes: &[u8]| integration_parsers::{name}(bytes)");
    format!("#![no_main]\n\nlibfuzzer_sys::fuzz_target!({call});\n")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// A reader that a target's inputs never get to is not fuzzed.
#[test]
fn every_target_has_a_corpus_and_a_fuzz_target() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        assert!(
            corpus::of(target.name).unwrap().len() > 2,
            "{}",
            target.name
        );
        let path = format!("fuzz_targets/{}.rs", target.name);
        let text = fs::read_to_string(folder.join(&path)).unwrap();
        assert_eq!(text, program(target.name), "{path}");
        let built = format!("[[bin]]\nname = \"{}\"\npath = \"{path}\"\n", target.name);
        assert!(manifest.contains(&built), "{built}");
    }
    let known: BTreeSet<String> = TARGETS.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(manifest.matches("[[bin]]").count(), known.len());
    for folder in ["corpus", "fuzz_targets"].map(|it| folder.join(it)) {
        assert_eq!(names(&folder), known, "{}", folder.display());
    }
}
