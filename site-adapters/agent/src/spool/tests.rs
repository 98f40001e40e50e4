use broker_model::{AttemptId, Ids, SystemClock};
use proptest::prelude::*;

use super::*;
use crate::attempt::Kept;

fn id() -> AttemptId {
    Ids::from_os().next(&SystemClock)
}

fn kept(attempt: AttemptId, words: &str) -> Record {
    let text = format!(
        r#"{{"attempt":"{attempt}","job":"{job}","lease_until":"2026-01-01T00:00:00Z",
            "phase":{{"name":"sending","account":{{"user":"{words}"}}}}}}"#,
        job = Ids::from_os().next::<broker_model::JobId>(&SystemClock),
    );
    let state: Kept = serde_json::from_str(&text).unwrap();
    Record::Kept(Box::new(state))
}

fn words(restored: &Restored) -> Vec<(AttemptId, String)> {
    let account = |kept: &Kept| {
        let text = serde_json::to_value(kept).unwrap();
        let user = text.pointer("/phase/account/user").unwrap();
        (kept.attempt, user.as_str().unwrap().to_owned())
    };
    restored.attempts.iter().map(account).collect()
}

#[test]
fn the_newest_state_of_each_attempt_is_what_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (id(), id());
    let (spool, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(restored.attempts(), 0);
    spool
        .write(&[kept(first, "old"), kept(second, "gone")])
        .unwrap();
    spool
        .write(&[kept(first, "new"), Record::Gone(second)])
        .unwrap();
    drop(spool);
    let (spool, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(words(&restored), [(first, "new".to_owned())]);
    assert_eq!(spool.size().records, 1);
}

#[test]
fn a_journal_of_the_past_is_rewritten_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(folder.path(), 1 << 20).unwrap();
    let lasting: Vec<AttemptId> = (0..50).map(|_| id()).collect();
    for round in 0..200 {
        let records: Vec<Record> = lasting
            .iter()
            .map(|attempt| kept(*attempt, &format!("round{round}")))
            .collect();
        spool.write(&records).unwrap();
    }
    assert!(spool.size().bytes < 1 << 21, "{:?}", spool.size());
    drop(spool);
    let (_, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(restored.attempts(), 50);
    assert!(words(&restored).iter().all(|(_, it)| it == "round199"));
}

#[test]
fn what_is_written_after_a_rewrite_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(folder.path(), 1 << 20).unwrap();
    let attempt = id();
    for _ in 0..30 {
        spool.write(&vec![kept(attempt, "many"); 200]).unwrap();
    }
    spool.write(&[kept(attempt, "last")]).unwrap();
    spool.write(&[kept(id(), "other")]).unwrap();
    drop(spool);
    let (_, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(restored.attempts(), 2);
    assert!(words(&restored).contains(&(attempt, "last".to_owned())));
}

#[test]
fn a_full_disk_drops_the_longest_log_and_then_fails_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("journal")).unwrap();
    let (spool, _) = Spool::open(folder.path(), 1 << 20).unwrap();
    let attempt = id();
    assert!(
        spool
            .keep_log(attempt, LogStream::Stdout, 0, b"some")
            .unwrap()
    );
    let error = spool.write(&[kept(attempt, "x")]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(spool.size(), Size::default(), "the log made room, in vain");
    assert!(spool.read_log(attempt, LogStream::Stdout, 0, 10).is_err());
}

#[test]
fn logs_are_read_back_from_any_offset_and_end_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(folder.path(), 100).unwrap();
    let attempt = id();
    spool.write(&[kept(attempt, "x")]).unwrap();
    let stream = LogStream::Stderr;
    assert!(spool.keep_log(attempt, stream, 40, b"0123456789").unwrap());
    assert!(spool.keep_log(attempt, stream, 50, b"abcdefghij").unwrap());
    assert!(!spool.keep_log(attempt, stream, 60, &[b'x'; 90]).unwrap());
    drop(spool);
    let (spool, restored) = Spool::open(folder.path(), 100).unwrap();
    let log = KeptLog {
        attempt,
        stream,
        from: 40,
        to: 60,
    };
    assert_eq!(restored.logs, [log]);
    let read = |offset, most| spool.read_log(attempt, stream, offset, most).unwrap();
    assert_eq!(read(55, 100), b"fghij");
    assert_eq!(read(42, 3), b"234");
    assert_eq!(read(50, 100), b"abcdefghij");
    assert!(spool.read_log(attempt, stream, 39, 10).is_err());
    assert!(spool.read_log(attempt, stream, 60, 10).is_err());
    spool.taken(attempt, stream, 59);
    assert_eq!(read(59, 10), b"j", "more was added than the broker has");
    spool.taken(attempt, stream, 60);
    assert!(spool.read_log(attempt, stream, 59, 10).is_err());
}

#[test]
fn logs_of_attempts_that_nobody_knows_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(folder.path(), 1 << 20).unwrap();
    spool.keep_log(id(), LogStream::Stdout, 0, b"x").unwrap();
    drop(spool);
    let (_, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(restored.logs, []);
    assert_eq!(
        std::fs::read_dir(folder.path().join("logs"))
            .unwrap()
            .count(),
        0
    );
}

/// Three attempts on disk, after something was done to the frame of the second.
fn damaged(harm: impl FnOnce(&mut [u8])) -> (tempfile::TempDir, [AttemptId; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let mut attempts = [id(), id(), id()];
    attempts.sort_unstable();
    let (spool, _) = Spool::open(folder.path(), 1 << 20).unwrap();
    let mut ends = Vec::new();
    for attempt in attempts {
        spool.write(&[kept(attempt, "x")]).unwrap();
        ends.push(usize::try_from(spool.size().bytes).unwrap());
    }
    let path = folder.path().join("journal");
    let mut bytes = std::fs::read(&path).unwrap();
    harm(&mut bytes[ends[0]..ends[1]]);
    std::fs::write(&path, bytes).unwrap();
    (folder, attempts)
}

fn attempts(restored: &Restored) -> Vec<AttemptId> {
    restored.attempts.iter().map(|kept| kept.attempt).collect()
}

#[test]
fn a_record_that_cannot_be_read_takes_no_other_with_it_and_its_bytes_are_kept() {
    let of_a_later_version = |frame: &mut [u8]| {
        let mut payload = frame[8..].to_vec();
        payload[2..6].copy_from_slice(b"Kapt");
        let mut whole = Vec::new();
        frame::put(&mut whole, &payload).unwrap();
        frame.copy_from_slice(&whole);
    };
    let of_another_length = |frame: &mut [u8]| frame[0] ^= 0x55;
    let zeros = |frame: &mut [u8]| frame.fill(0);
    for harm in [
        &of_a_later_version as &dyn Fn(&mut [u8]),
        &of_another_length,
        &zeros,
    ] {
        let (folder, [first, _, third]) = damaged(harm);
        let before = std::fs::read(folder.path().join("journal")).unwrap();
        let (spool, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
        assert_eq!(attempts(&restored), [first, third]);
        let aside = std::fs::read(folder.path().join("journal.damaged")).unwrap();
        assert_eq!(aside, before);
        spool.write(&[kept(first, "later")]).unwrap();
        drop(spool);
        let (_, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
        assert_eq!(attempts(&restored), [first, third]);
        assert!(!folder.path().join("journal.damaged.1").exists(), "mended");
    }
}

#[test]
fn an_earlier_damaged_journal_is_not_overwritten() {
    let (folder, _) = damaged(|frame| frame.fill(0));
    let earlier = folder.path().join("journal.damaged");
    std::fs::write(&earlier, "of the last time").unwrap();
    drop(Spool::open(folder.path(), 1 << 20).unwrap());
    assert_eq!(std::fs::read(&earlier).unwrap(), b"of the last time");
    assert!(folder.path().join("journal.damaged.1").exists());
}

#[test]
fn a_damaged_journal_that_cannot_be_set_aside_is_left_whole_and_written_to_by_nobody() {
    let (folder, [first, _, third]) = damaged(|frame| frame.fill(0));
    let journal = folder.path().join("journal");
    let before = std::fs::read(&journal).unwrap();
    // As when the disk is full.
    let draft = folder.path().join("journal.new");
    std::os::unix::fs::symlink("/dev/full", &draft).unwrap();
    let (spool, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(attempts(&restored), [first, third]);
    let error = spool.write(&[kept(first, "later")]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(std::fs::read(&journal).unwrap(), before);
    std::fs::remove_file(&draft).unwrap();
    spool.write(&[kept(first, "later")]).unwrap();
    drop(spool);
    let (_, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(attempts(&restored), [first, third]);
    assert!(words(&restored).contains(&(first, "later".to_owned())));
}

#[test]
fn what_follows_a_rewrite_is_in_the_file_that_has_the_journals_name() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = journal::Journal::open(folder.path()).unwrap();
    let attempt = id();
    journal.append(&[kept(attempt, "first")]).unwrap();
    journal.rewrite_then_fail().unwrap();
    journal.append(&[kept(attempt, "second")]).unwrap();
    drop(journal);
    let (_, kept) = journal::Journal::open(folder.path()).unwrap();
    let user = serde_json::to_value(&kept[0]).unwrap();
    assert_eq!(user["phase"]["account"]["user"], "second");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A crash leaves any part of the last write, and a disk anything in it.
    #[test]
    fn a_journal_cut_or_damaged_anywhere_gives_back_every_record_that_is_whole(
        cut in 0_usize..4000,
        flip in proptest::option::of((0_usize..4000, 1_u8..)),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let attempts: Vec<AttemptId> = (0..10).map(|_| id()).collect();
        let (spool, _) = Spool::open(folder.path(), 1 << 20).unwrap();
        let mut ends = Vec::new();
        for attempt in &attempts {
            spool.write(&[kept(*attempt, "x")]).unwrap();
            ends.push(spool.size().bytes);
        }
        drop(spool);
        let path = folder.path().join("journal");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(cut);
        let flip = flip.filter(|(at, _)| *at < bytes.len());
        if let Some((at, mask)) = flip {
            bytes[at] ^= mask;
        }
        std::fs::write(&path, &bytes).unwrap();
        let mut begin = 0;
        let mut survive = 0;
        for end in ends {
            let is_hit = flip.is_some_and(|(at, _)| (begin..end).contains(&(at as u64)));
            survive += usize::from(end <= bytes.len() as u64 && !is_hit);
            begin = end;
        }
        let (spool, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
        prop_assert_eq!(restored.attempts(), survive);
        // And it goes on from there.
        spool.write(&[kept(attempts[9], "later")]).unwrap();
        drop(spool);
        let (_, restored) = Spool::open(folder.path(), 1 << 20).unwrap();
        let told = words(&restored);
        prop_assert!(told.contains(&(attempts[9], "later".to_owned())));
    }

    #[test]
    fn whatever_a_spool_folder_holds_it_opens(
        journal in proptest::collection::vec(any::<u8>(), 0..300),
        log in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        std::fs::write(folder.path().join("journal"), journal).unwrap();
        let name = format!("{}.stdout", id());
        std::fs::write(folder.path().join("logs").join(name), log).unwrap();
        std::fs::write(folder.path().join("logs/strange"), "x").unwrap();
        Spool::open(folder.path(), 1 << 20).unwrap();
    }
}
