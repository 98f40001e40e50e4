//! The readers of what comes from outside, for fuzz targets: none may panic on any bytes.

use std::path::Path;

use jiff::Timestamp;

use crate::attributes::Told;
use crate::calls::states::Format;
use crate::calls::{
    accounting, backlog, cancel, files, job, nodes, queues, search, server, states, submit,
};
use crate::flows::own_array::OwnArray;
use crate::flows::records::numbered;
use crate::record::{JobRecord, Names, run_seconds};
use crate::record_file::RecordFile;
use crate::states::outcome;
use crate::transport::{Command, Finished, Ran, ssh_end};
use crate::{PbsAdapter, flows, times};

const NAMES: Names<'_> = Names {
    cpus: "ncpus",
    memory: "mem",
    gpus: &["ngpus"],
};

/// What a command printed and how it ended: read as each command's answer is, and offered by an
/// adapter's partitions.
pub fn ran(adapter: &PbsAdapter, code: i32, stdout: &[u8], stderr: &[u8]) {
    let ran = Ran {
        operation: "fuzz",
        code,
        stdout: stdout.to_vec(),
        stderr: String::from_utf8_lossy(stderr).into_owned(),
    };
    let _ = (
        submit::parse(&ran),
        cancel::parse(&ran),
        search::parse(&ran),
    );
    let _ = (ran.is_noisy(), ran.may_pass(), ran.has_no_history());
    let _ = files::parse_log(ran.clone());
    if let Ok(server) = server::parse(&ran) {
        let _ = server.remembers(Timestamp::UNIX_EPOCH, Timestamp::MAX);
    }
    let nodes = nodes::parse(&ran).unwrap_or_default();
    let seen = flows::snapshot::Seen {
        nodes: nodes.iter().collect(),
        queues: queues::parse(&ran).unwrap_or_default(),
        backlog: backlog::parse(&ran).ok().flatten(),
    };
    let _ = adapter.offers(&seen);
    for format in [Format::Json, Format::Text] {
        jobs(
            states::parse(&ran, format)
                .ok()
                .flatten()
                .unwrap_or_default(),
        );
        if let Ok(job::Answer::Told(told)) = job::parse(&ran, format) {
            jobs(told);
        }
    }
    let _ = files::parse_after(&ran, &["a".to_owned(), "c".to_owned()]);
    let records = files::parse_records(&ran).unwrap_or_default();
    for record in records.values() {
        let _ = (record.activity(Timestamp::UNIX_EPOCH), record.usage());
    }
    if let Some(array) = OwnArray::new(numbered(records).collect()) {
        let _ = (array.remote("m", Timestamp::UNIX_EPOCH), array.usage());
    }
}

/// The same as it comes back over ssh, of a command that asks and of one that acts.
pub fn over_ssh(code: i32, stdout: &[u8], stderr: &[u8]) {
    for acts in [false, true] {
        let finished = Finished {
            code: Some(code),
            stdout: stdout.to_vec(),
            stderr: String::from_utf8_lossy(stderr).into_owned(),
        };
        let command = Command {
            acts,
            ..server::command()
        };
        let way = ssh_end::Way {
            login: "alice",
            host: "login1",
        };
        let _ = ssh_end::told(way, finished, &command);
    }
}

fn jobs(told: Told) {
    let told = told.iter();
    let jobs: Vec<JobRecord> = told
        .filter_map(|(id, told)| JobRecord::from_qstat(id, told, NAMES))
        .collect();
    look(&jobs);
}

fn look(jobs: &[JobRecord]) {
    for job in jobs {
        let _ = (job.activity(None), job.usage(), job.reason());
        let _ = (job.task_index(), job.ended_by_itself());
    }
    let ends: Vec<_> = jobs.iter().map(|job| outcome(&job.end(None))).collect();
    let _ = (flows::array::whole(&ends), run_seconds(jobs));
}

/// A piece of the accounting log.
pub fn accounting(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter_map(accounting::parse);
    let jobs: Vec<JobRecord> = lines
        .filter_map(|line| JobRecord::from_accounting(&line.id, &line.told, NAMES))
        .collect();
    look(&jobs);
}

/// The accounting log as a file of a folder, searched for everything.
pub fn accounting_log(folder: &Path) {
    let _ = accounting::search(folder, Timestamp::UNIX_EPOCH, &|line| {
        line.is_of("alice", "m") || !line.id.is_empty()
    });
}

/// What the wrapper of a job wrote, which the job's user may have changed.
pub fn record_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(record) = RecordFile::parse(text.lines()) {
        let _ = (record.activity(Timestamp::UNIX_EPOCH), record.usage());
        let told = crate::attributes::from_text(&text);
        for job in told
            .iter()
            .filter_map(|(id, told)| JobRecord::from_qstat(id, told, NAMES))
        {
            let _ = (job.activity(Some(&record)), job.stood_back_for(&record));
        }
    }
}

/// Times, durations and sizes.
pub fn words(text: &str) {
    let _ = (times::time(text), times::epoch(text));
    let _ = (times::duration(text), times::gib(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_times_that_no_clock_counts_are_added_up_all_the_same() {
        let task = |id: &str| {
            format!(
                "Job Id: {id}.s\n    Job_Name = a\n    job_state = F\n    ctime = 1795169589\n    \
                 resources_used.walltime = {}\n",
                u64::MAX
            )
        };
        let told = crate::attributes::from_text(&[task("1[0]"), task("1[1]")].concat());
        let jobs = told
            .iter()
            .filter_map(|(id, told)| JobRecord::from_qstat(id, told, NAMES));
        let jobs: Vec<JobRecord> = jobs.collect();
        assert_eq!((jobs.len(), run_seconds(&jobs)), (2, u64::MAX));
    }

    #[test]
    fn pieces_of_what_a_real_server_said_are_read_to_the_end() {
        let answers = include_bytes!("../tests/fixtures/23.06.06.json");
        for place in (0..answers.len()).step_by(997) {
            let (_, piece) = answers.split_at(place);
            accounting(piece);
            record_file(piece);
            over_ssh(0, piece, piece);
            jobs(crate::attributes::from_text(&String::from_utf8_lossy(
                piece,
            )));
            let _ = crate::json::each_under(piece, "Jobs", &mut |_, _| {});
        }
    }

    #[test]
    fn an_accounting_log_of_anything_is_searched_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let answers = include_bytes!("../tests/fixtures/23.06.06.json");
        std::fs::write(folder.path().join("20261120"), answers).unwrap();
        accounting_log(folder.path());
        over_ssh(
            0,
            b"alcyone begins\n1",
            b"x\nalcyone begins\n\nalcyone rc=0\n",
        );
    }
}
