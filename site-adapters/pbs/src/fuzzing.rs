//! The parsers of what comes from outside, for fuzz targets: none may panic on any bytes.

/// `qstat -f -F json`, and the envelopes of `-B`, `-Q` and `pbsnodes`.
pub fn qstat_json(bytes: &[u8]) {
    for key in ["Jobs", "Server", "Queue", "nodes"] {
        let _ = crate::attributes::from_json(bytes, key);
    }
    jobs(crate::attributes::from_json(bytes, "Jobs").unwrap_or_default());
}

/// `qstat -f -w`.
pub fn qstat_text(bytes: &[u8]) {
    jobs(crate::attributes::from_text(&String::from_utf8_lossy(
        bytes,
    )));
}

fn jobs(told: crate::attributes::Told) {
    let names = crate::record::Names {
        cpus: "ncpus",
        memory: "mem",
        gpus: &["ngpus"],
    };
    for (id, attributes) in told {
        if let Some(job) = crate::record::JobRecord::from_qstat(&id, &attributes, names) {
            let _ = (job.activity(None), job.usage(), job.reason());
        }
    }
}

pub fn pbsnodes_json(bytes: &[u8]) {
    for node in crate::calls::nodes::read(bytes).unwrap_or_default() {
        let _ = (node.is_idle(), node.free("ngpus"));
    }
}

/// `qstat -a -w -t`.
pub fn qstat_table(bytes: &[u8]) {
    let ran = crate::transport::Ran {
        operation: "qstat",
        code: 0,
        stdout: bytes.to_vec(),
        stderr: String::new(),
    };
    let _ = crate::calls::backlog::parse(&ran);
}

/// One line of the accounting log.
pub fn accounting_line(bytes: &[u8]) {
    let _ = crate::calls::accounting::parse(&String::from_utf8_lossy(bytes));
}

/// What the wrapper of a job wrote, which the job's user may have changed.
pub fn record_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(record) = crate::record_file::RecordFile::parse(text.lines()) {
        let _ = (record.activity(jiff::Timestamp::UNIX_EPOCH), record.usage());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn all(bytes: &[u8]) {
        super::qstat_json(bytes);
        super::qstat_text(bytes);
        super::pbsnodes_json(bytes);
        super::qstat_table(bytes);
        super::accounting_line(bytes);
        super::record_file(bytes);
    }

    const ANSWER: &[u8] = include_bytes!("../tests/fixtures/23.06.06.json");

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            all(&bytes);
        }

        /// Pieces of what a real server said, with a byte changed.
        #[test]
        fn no_damaged_answer_makes_a_parser_panic(
            begin in 0..ANSWER.len(), length in 0..4000_usize, at in 0..4000_usize, byte: u8
        ) {
            let mut piece = ANSWER.iter().skip(begin).take(length).copied().collect::<Vec<_>>();
            if let Some(place) = piece.get_mut(at) {
                *place = byte;
            }
            all(&piece);
        }
    }
}
