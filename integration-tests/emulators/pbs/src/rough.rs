//! A bad way to the server: `FOLDER/rough/qstat` is `FOLDER/bin/qstat`, and `FOLDER/rough/ssh` is ssh to a
//! host that has them, with something going wrong under way while the switch `rough` holds a seed.
//!
//! What has reached the server goes on there, whatever becomes of who asked.

mod way;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng as _};
use rustix::fs::{FlockOperation, flock};

use crate::server::Server;

const LOG: &str = "rough.log";

/// What is done to one command.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Passed,
    /// It arrives late, and whoever asked waits for it.
    Delayed(Duration),
    /// The caller's end dies before the server has heard of it.
    CutBefore,
    /// The server has done it, and the caller's end dies without a word.
    CutAfter,
    /// Not reached, and said so.
    ErrorBefore,
    /// Done, and the conversation broke before the answer.
    ErrorAfter,
    /// The answer stops after so many bytes, and the caller's end dies.
    Truncated(usize),
    /// The caller's end dies, and the server hears of it so much later.
    Late(Duration),
    /// Nothing is said until the caller gives up, whether the server has heard of it or not.
    Silenced(bool),
}

impl Fault {
    /// One command in five has something done to it, as over the network.
    fn draw(random: &mut impl Rng, is_far: bool) -> Self {
        // As long as a qsub here may live, and longer than one over ssh may.
        let latest = if is_far { 15_000 } else { 2_500 };
        match random.random_range(0..1000) {
            0..60 => Self::Delayed(Duration::from_millis(random.random_range(5..700))),
            60..85 => Self::CutBefore,
            85..125 => Self::CutAfter,
            125..145 => Self::ErrorBefore,
            145..165 => Self::ErrorAfter,
            165..190 => Self::Truncated(random.random_range(0..400)),
            190..200 => Self::Late(Duration::from_millis(random.random_range(0..latest))),
            200..205 => Self::Silenced(random.random()),
            _ => Self::Passed,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Delayed(_) => "delayed",
            Self::CutBefore => "cut_before",
            Self::CutAfter => "cut_after",
            Self::ErrorBefore => "error_before",
            Self::ErrorAfter => "error_after",
            Self::Truncated(_) => "truncated",
            Self::Late(_) => "late",
            Self::Silenced(_) => "silenced",
        }
    }
}

/// Runs the command of that name, or does to it what was drawn.
pub fn run(folder: &Path, name: &str, args: &[String]) -> Result<u8> {
    let fault = draw(&Server::at(folder), name)?;
    way::Way { folder, name, args }.play(fault)
}

/// The seed and the number of the command decide, so that a run is like another as far as its order of
/// commands is.
fn draw(server: &Server, name: &str) -> Result<Fault> {
    let Some(seed) = server.switch("rough") else {
        return Ok(Fault::Passed);
    };
    let seed: u64 = seed.parse()?;
    let mut log = log(server)?;
    let mut so_far = String::new();
    log.read_to_string(&mut so_far)?;
    let number = so_far.lines().count() as u64;
    let mut random = StdRng::seed_from_u64(seed.wrapping_add(number));
    let fault = Fault::draw(&mut random, name == "ssh");
    log.write_all(format!("{}\n", fault.as_str()).as_bytes())?;
    Ok(fault)
}

/// Nobody else's until it is dropped.
fn log(server: &Server) -> Result<File> {
    let mut options = OpenOptions::new();
    let log = options
        .create(true)
        .read(true)
        .append(true)
        .open(server.path(LOG))?;
    flock(&log, FlockOperation::LockExclusive)?;
    Ok(log)
}

/// How often each fault was done, `passed` among them.
pub(crate) fn done(server: &Server) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(server.path(LOG)).unwrap_or_default();
    let mut done = BTreeMap::new();
    for fault in text.lines() {
        *done.entry(fault.to_owned()).or_default() += 1;
    }
    done
}
