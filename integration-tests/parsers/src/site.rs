//! What schedulers, their files and the broker tell at a site.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use broker_model::SystemClock;
use serde_json::json;
use site_adapter_kubernetes::fuzzing as kubernetes;
use site_adapter_pbs::{PbsAdapter, PbsSettings, fuzzing as pbs};
use site_adapter_process::{Config, fuzzing as process};
use site_adapter_slurm::fuzzing as slurm;
use site_agent::fuzzing as agent;

use crate::{answered, head};

/// Longer texts are no word of any of the small languages.
const LONGEST_WORDS: usize = 4096;

/// slurmrestd's: a status on the first line, then the body.
pub fn slurm_answer(bytes: &[u8]) {
    let (status, body) = answered(bytes);
    slurm::answer(status, body);
}

/// Resources, indices, versions, and tokens.
pub fn slurm_words(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    slurm::text(&text);
    slurm::token(&text);
}

static PBS: LazyLock<Option<PbsAdapter>> = LazyLock::new(|| {
    let settings: PbsSettings = serde_json::from_value(json!({
        "system": "fuzz", "reader": "alcyone", "work_dir": "/home/{user}",
        "partitions": {
            "gpu": { "gpu_kind": "a100", "nodes_with": { "Qlist": "gpu" } },
            "cpu": { "queue": "workq" },
        },
    }))
    .ok()?;
    PbsAdapter::new(settings, Arc::new(SystemClock)).ok()
});

/// A command of PBS's, here or over ssh: an exit code on the first line, its output, and after a NUL what
/// it said on standard error.
pub fn pbs_answer(bytes: &[u8]) {
    let (code, output) = head(bytes);
    let mut streams = output.splitn(2, |byte| *byte == 0);
    let mut stream = || streams.next().unwrap_or_default();
    let (stdout, stderr) = (stream(), stream());
    let code = code.trim().parse().unwrap_or(0);
    pbs::over_ssh(code, stdout, stderr);
    if let Some(adapter) = PBS.as_ref() {
        pbs::ran(adapter, code, stdout, stderr);
    }
}

/// The accounting log, and what the wrapper of a job wrote; both are lines.
pub fn pbs_files(bytes: &[u8]) {
    pbs::accounting(bytes);
    in_a_folder(|folder| {
        std::fs::write(folder.join("20261120"), bytes)?;
        pbs::accounting_log(folder);
        Ok(())
    });
    pbs::record_file(bytes);
    pbs::words(&words(bytes));
}

/// The API server's: a status on the first line, then the body.
pub fn kubernetes_answer(bytes: &[u8]) {
    let (status, body) = answered(bytes);
    kubernetes::answer(status, body);
}

/// Watch events, one on each line.
pub fn kubernetes_watch(bytes: &[u8]) {
    kubernetes::stream(bytes);
    kubernetes::words(&words(bytes));
}

/// The broker's, or a directory's of accounts: a status and a `Retry-After` on the first line, then the
/// body.
pub fn agent_answer(bytes: &[u8]) {
    let (line, body) = head(bytes);
    let (status, retry_after) = line.split_once(' ').unwrap_or((&line, ""));
    agent::broker(status.parse().unwrap_or(200), retry_after, body);
    agent::account(body);
}

/// Parted by NULs: the spool's journal and a log of an attempt, each a record on each line (or, after
/// `raw:`, the bytes of the file), `identity.toml` and `drain.json`.
pub fn agent_spool(bytes: &[u8]) {
    const ATTEMPT: &str = "att_0192f0c1d2e37abc8def0123456789ab";
    let mut parts = bytes.splitn(4, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (journal, log, identity, drain) = (part(), part(), part(), part());
    in_a_folder(|folder| {
        agent::spool(folder, ATTEMPT, &file(journal), &file(log))?;
        agent::files(folder, identity, drain)
    });
}

fn file(part: &[u8]) -> Vec<u8> {
    match part.strip_prefix(b"raw:") {
        Some(raw) => raw.to_vec(),
        None => agent::framed(part.split(|byte| *byte == b'\n')),
    }
}

static PROCESS: LazyLock<Option<Config>> = LazyLock::new(|| {
    let config = json!({
        "site": "fuzz", "data": "/nowhere",
        "partition": [{ "system": "s", "partition": "p", "nodes": 4, "gpus_per_node": 2,
            "cpus_per_node": 8, "memory_gib_per_node": 64 }],
    });
    serde_json::from_value(config).ok()
});

/// The files of a job of the process adapter, parted by NULs: `meta.json`, `grant.json`,
/// `summary.json`, `pid`, `exit`.
pub fn process_files(bytes: &[u8]) {
    let parts: Vec<&[u8]> = bytes
        .splitn(process::NAMES.len(), |byte| *byte == 0)
        .collect();
    if let Some(config) = PROCESS.as_ref() {
        in_a_folder(|folder| process::files(config, folder, &parts));
    }
}

/// In memory where the machine has such a place: most of what is written is synced, too.
fn in_a_folder(act: impl FnOnce(&Path) -> std::io::Result<()>) {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    // A full disk is not what is looked for.
    if let Ok(folder) = folder {
        let _ = act(folder.path());
    }
}

fn words(bytes: &[u8]) -> String {
    let some = bytes.get(..LONGEST_WORDS).unwrap_or(bytes);
    String::from_utf8_lossy(some).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_some() {
        assert!(PBS.is_some() && PROCESS.is_some());
    }
}
