//! What the agent has seen and not told, through outages, restarts and full disks.

use broker_model::{OutcomeKind, SiteReadiness};
use jiff::SignedDuration;
use site_adapter::ErrorKind;

use crate::broker::Metered;
use crate::site::Fault::Before;
use crate::stage::Stage;

const WHOLE_LIFE: [&str; 6] = [
    "submitting",
    "accepted",
    "waiting",
    "started",
    "ended",
    "usage",
];

#[tokio::test]
async fn ends_and_usages_survive_an_outage_a_restart_and_a_scheduler_that_forgets() {
    let mut stage = Stage::with_spool(|_| {});
    stage.site.script().most_polls = Some(1);
    let attempts: Vec<_> = (0..5).map(|_| stage.offer()).collect();
    stage.ticks(3).await;
    stage.broker.rows().is_down = true;
    stage.site.script().most_polls = None;
    stage.ticks(8).await;
    // Days later neither queue nor accounting nor files know of them, and the agent is another.
    stage.site.script().purged = true;
    stage.restart();
    assert_eq!(stage.agent.working(), 5);
    stage.ticks(4).await;
    stage.clock.advance(SignedDuration::from_hours(72));
    stage.restart();
    stage.ticks(4).await;
    stage.broker.rows().is_down = false;
    for attempt in attempts {
        stage.finish(attempt).await;
        let row = stage.broker.row(attempt);
        assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
        assert_eq!(row.metered, Metered::With);
        assert_eq!(row.events, WHOLE_LIFE, "each exactly once");
        assert_eq!(row.stdout, b"hello\nworld\n");
    }
    assert_eq!(stage.site.starts(), [1; 5]);
    assert_eq!(stage.agent.working(), 0);
}

#[tokio::test]
async fn a_job_that_ends_only_after_the_restart_is_watched_before_the_broker_is_back() {
    let mut stage = Stage::with_spool(|_| {});
    stage.site.script().most_polls = Some(2);
    let attempt = stage.offer();
    stage.ticks(4).await;
    stage.broker.rows().is_down = true;
    stage.restart();
    stage.site.script().most_polls = None;
    stage.ticks(6).await;
    stage.site.script().purged = true;
    stage.ticks(2).await;
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
    assert_eq!(row.metered, Metered::With);
    assert_eq!(row.stdout, b"hello\nworld\n");
}

#[tokio::test]
async fn a_submit_that_a_crash_cut_off_is_found_while_the_broker_is_away_and_never_repeated() {
    let mut stage = Stage::with_spool(|_| {});
    stage
        .site
        .fail("submit", crate::site::Fault::After(ErrorKind::Unclear));
    stage.site.fail("find", Before(ErrorKind::Unavailable));
    let attempt = stage.offer();
    stage.tick().await;
    assert_eq!(stage.site.starts(), [1]);
    stage.broker.rows().is_down = true;
    stage.restart();
    stage.tick().await;
    // It begins, as jobs do that nobody asks for.
    for job in stage.site.script().jobs.values_mut() {
        job.polls = 2;
    }
    stage
        .clock
        .advance(stage.agent.config().retry_max.try_into().unwrap());
    stage.ticks(8).await;
    stage.site.script().purged = true;
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    assert_eq!(stage.site.starts(), [1]);
    assert_eq!(stage.site.count("submit"), 1);
    assert_eq!(
        stage.broker.row(attempt).outcome(),
        Some(OutcomeKind::Completed)
    );
}

#[tokio::test]
async fn nothing_is_sent_before_the_broker_has_given_out_anew_what_the_spool_has() {
    let mut stage = Stage::with_spool(|_| {});
    stage.site.fail("submit", Before(ErrorKind::Unclear));
    stage.site.fail("find", Before(ErrorKind::Unavailable));
    let attempt = stage.offer();
    stage.tick().await;
    stage.broker.rows().is_down = true;
    stage.restart();
    stage.ticks(10).await;
    assert_eq!(
        stage.site.count("submit"),
        1,
        "absent, and not ours to send"
    );
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    assert_eq!(stage.site.starts(), [1]);
}

#[tokio::test]
async fn a_long_log_is_read_on_to_disk_while_the_broker_is_away() {
    let mut stage = Stage::with_spool(|config| config.log_chunk_bytes = 1000);
    let log: Vec<u8> = (0..30_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    stage.site.script().stdout.clone_from(&log);
    let attempt = stage.offer();
    stage.ticks(3).await;
    stage.broker.rows().is_down = true;
    stage.ticks(40).await;
    stage.restart();
    stage.site.script().purged = true;
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.stdout.len(), log.len());
    assert_eq!(row.stdout, log);
    assert_eq!(row.metered, Metered::With);
    stage.tick().await;
    let left = std::fs::read_dir(stage.folder().join("logs")).unwrap();
    assert_eq!(left.count(), 0, "taken logs are removed");
}

#[tokio::test]
async fn a_log_over_the_spools_limit_stays_at_the_site_and_events_do_not() {
    let mut stage = Stage::with_spool(|config| config.log_chunk_bytes = 64 * 1024);
    let log = vec![b'x'; 6 << 20];
    stage.site.script().stdout.clone_from(&log);
    let attempt = stage.offer();
    stage.ticks(3).await;
    stage.broker.rows().is_down = true;
    stage.ticks(150).await;
    let kept = std::fs::read_dir(stage.folder().join("logs")).unwrap();
    let kept: u64 = kept.map(|it| it.unwrap().metadata().unwrap().len()).sum();
    assert!((3 << 20..=4 << 20).contains(&kept), "{kept}");
    stage.restart();
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    assert_eq!(stage.broker.row(attempt).stdout.len(), log.len());
}

#[tokio::test]
async fn log_bytes_that_were_dropped_and_are_gone_from_the_site_are_said_to_be_missing() {
    let stage = Stage::with_spool(|config| config.log_chunk_bytes = 1000);
    stage.site.script().stdout = vec![b'x'; 5000];
    let attempt = stage.offer();
    stage.ticks(3).await;
    stage.broker.rows().is_down = true;
    stage.ticks(20).await;
    // As when the disk is full and events need the room.
    for log in std::fs::read_dir(stage.folder().join("logs")).unwrap() {
        std::fs::remove_file(log.unwrap().path()).unwrap();
    }
    stage.site.script().purged = true;
    stage.clock.advance(SignedDuration::from_mins(20));
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.metered, Metered::With);
    let words = String::from_utf8(row.stdout).unwrap();
    assert!(
        words.contains("bytes of this log are missing here"),
        "{words}"
    );
}

#[tokio::test]
async fn an_agent_on_a_full_disk_works_on_and_says_so() {
    let mut stage = Stage::with(|_| {});
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("journal")).unwrap();
    let agent = std::mem::replace(&mut stage.agent, Stage::new().agent);
    stage.agent = crate::stage::spooling(agent, folder.path());
    let attempt = stage.offer();
    stage.finish(attempt).await;
    assert_eq!(
        stage.broker.row(attempt).outcome(),
        Some(OutcomeKind::Completed)
    );
    let other = stage.offer();
    stage.ticks(2).await;
    stage.agent.snapshot_once().await;
    stage.agent.report_once().await.unwrap();
    let snapshot = stage.broker.rows().snapshots.last().cloned().unwrap();
    assert_eq!(snapshot.readiness, SiteReadiness::Limited);
    let reason = snapshot.reason.unwrap();
    assert!(reason.contains("`data_dir` cannot be written"), "{reason}");
    stage.finish(other).await;
}

#[tokio::test]
async fn an_attempt_that_the_broker_never_gives_back_is_told_after_a_while_and_forgotten() {
    let mut stage = Stage::with_spool(|_| {});
    stage.broker.rows().guards_leases = true;
    stage.site.script().most_polls = Some(1);
    let attempt = stage.offer();
    stage.ticks(3).await;
    stage.restart();
    assert_eq!(stage.agent.working(), 1);
    for _ in 0..30 {
        // Another agent of the site took it over meanwhile and holds it.
        stage.broker.hold_for_another(attempt);
        stage.clock.advance(SignedDuration::from_secs(30));
        stage.tick().await;
    }
    assert_eq!(stage.agent.working(), 0);
    assert_eq!(stage.site.count("cancel"), 0);
}
