//! `kill -9` in the middle of commits.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use broker_model::{Clock as _, EntryBody, EntryKind, Ids, JobId, SystemClock};
use broker_store::{
    Change, Commits as _, IdempotencyKey, Jobs as _, Ledger as _, Remembered, SqlStore,
    StoreOptions, Write,
};

const FOLDER: &str = "ALCYONE_TEST_CRASH_FOLDER";

async fn open(folder: &Path) -> SqlStore {
    let url = format!("sqlite://{}/crash.db", folder.display());
    let store = SqlStore::connect(&url, StoreOptions::default())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    store
}

fn key(job: JobId) -> IdempotencyKey {
    IdempotencyKey {
        person: job.as_uuid().into(),
        key: job.to_string(),
    }
}

/// What the test below runs as a process of its own and kills. It says what is acknowledged.
async fn commit_until_killed(folder: &Path) {
    let store = open(folder).await;
    let (ids, clock) = (Ids::from_os(), SystemClock);
    loop {
        let jobs: Vec<JobId> = (0..8).map(|_| ids.next(&clock)).collect();
        let commits = jobs.iter().map(|job| {
            let mut entry = EntryBody::new(clock.now(), EntryKind::JobAccepted);
            entry.job = Some(*job);
            let answer = Remembered {
                request_sha256: String::new(),
                status: 202,
                body: job.to_string(),
                created_at: clock.now(),
            };
            store.commit(Change {
                writes: vec![Write::Remember {
                    key: key(*job),
                    answer,
                }],
                entries: vec![entry],
            })
        });
        let answers = futures::future::join_all(commits).await;
        let mut out = std::io::stdout().lock();
        for (job, answer) in jobs.iter().zip(answers) {
            answer.unwrap();
            writeln!(out, "committed {job}").unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return commit_until_killed(folder.as_ref()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<JobId> = Vec::new();
    for _ in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crash::what_was_acknowledged_is_there_after_a_kill",
            ])
            .arg("--nocapture")
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        // Killed after some; what it said until then counts, half a line does not.
        for line in lines.map_while(Result::ok) {
            let Some(job) = line.strip_prefix("committed ") else {
                continue;
            };
            acknowledged.extend(job.parse::<JobId>().ok());
            seen += 1;
            if seen == 200 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= 200, "the child ended by itself");
        let store = open(folder.path()).await;
        for job in &acknowledged {
            let found = store.find_remembered(&key(*job)).await.unwrap();
            assert_eq!(found.unwrap().body, job.to_string());
            let entries = store.entries_of(*job, None, 2).await.unwrap();
            assert_eq!(entries.len(), 1, "{job}");
        }
        let size = store.ledger_size().await.unwrap();
        let entries = store.entries(0, 1_000_000).await.unwrap();
        assert_eq!(entries.len() as u64, size);
        assert!(entries.iter().zip(0..).all(|(entry, seq)| entry.seq == seq));
        store.close().await;
    }
}
