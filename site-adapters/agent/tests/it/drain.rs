//! A site that its administrator drains beside the agent, and one that cannot be reached.

use broker_model::{Clock as _, SiteReadiness, SiteSnapshot};
use jiff::SignedDuration;
use site_adapter::ErrorKind;
use site_agent::{Drain, DrainFile};

use crate::site::Fault::Before;
use crate::stage::Stage;

async fn told(stage: &Stage) -> Option<SiteSnapshot> {
    let before = stage.broker.rows().snapshots.len();
    stage.agent.snapshot_once().await;
    stage.agent.report_once().await.unwrap();
    let rows = stage.broker.rows();
    rows.snapshots.get(before).cloned()
}

#[tokio::test]
async fn a_drain_is_told_with_its_reason_survives_a_restart_and_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = DrainFile::of(folder.path());
    let mut stage = Stage::new();
    let with_drain = |stage: &mut Stage| {
        let agent = std::mem::replace(&mut stage.agent, Stage::new().agent);
        stage.agent = agent.with_drain(file.clone());
    };
    with_drain(&mut stage);
    assert_eq!(told(&stage).await.unwrap().readiness, SiteReadiness::Ready);
    file.write(&Drain {
        reason: "cooling is repaired".to_owned(),
        until: Some(stage.clock.now() + SignedDuration::from_hours(1)),
    })
    .unwrap();
    stage.restart();
    with_drain(&mut stage);
    let snapshot = told(&stage).await.unwrap();
    assert_eq!(snapshot.readiness, SiteReadiness::Draining);
    assert!(snapshot.reason.unwrap().contains("cooling is repaired"));
    stage.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(told(&stage).await.unwrap().readiness, SiteReadiness::Ready);
}

#[tokio::test]
async fn a_drain_that_cannot_be_read_drains_and_one_that_was_taken_back_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = DrainFile::of(folder.path());
    let mut stage = Stage::new();
    let agent = std::mem::replace(&mut stage.agent, Stage::new().agent);
    stage.agent = agent.with_drain(file.clone());
    std::fs::write(folder.path().join("drain.json"), "{").unwrap();
    let snapshot = told(&stage).await.unwrap();
    assert_eq!(snapshot.readiness, SiteReadiness::Draining);
    assert!(snapshot.reason.unwrap().contains("drain.json"));
    assert!(file.remove().unwrap());
    assert!(!file.remove().unwrap());
    assert_eq!(told(&stage).await.unwrap().readiness, SiteReadiness::Ready);
}

#[tokio::test]
async fn a_scheduler_out_of_reach_makes_the_site_unavailable_after_its_time_and_not_before() {
    let stage = Stage::new();
    assert_eq!(told(&stage).await.unwrap().readiness, SiteReadiness::Ready);
    for _ in 0..3 {
        stage.site.fail("snapshot", Before(ErrorKind::Unavailable));
    }
    assert_eq!(told(&stage).await, None, "the broker goes by what it heard");
    stage.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(told(&stage).await, None);
    stage.clock.advance(SignedDuration::from_secs(31));
    let snapshot = told(&stage).await.unwrap();
    assert_eq!(snapshot.readiness, SiteReadiness::Unavailable);
    assert!(snapshot.reason.unwrap().contains("not reachable"));
    assert_eq!(told(&stage).await.unwrap().readiness, SiteReadiness::Ready);
}

#[tokio::test]
async fn a_scheduler_that_does_not_accept_the_agent_makes_the_site_unavailable_at_once() {
    let stage = Stage::new();
    assert_eq!(told(&stage).await.unwrap().readiness, SiteReadiness::Ready);
    stage.site.fail("snapshot", Before(ErrorKind::Unauthorized));
    stage.site.script().probes = vec![("token", "it expired"), ("slurmdbd", "")];
    let snapshot = told(&stage).await.unwrap();
    assert_eq!(snapshot.readiness, SiteReadiness::Unavailable);
    let reason = snapshot.reason.unwrap();
    assert!(reason.contains("a person has to mend this"), "{reason}");
    assert!(reason.contains("token: it expired"), "{reason}");
    assert!(!reason.contains("slurmdbd"), "{reason}");
}

#[tokio::test]
async fn an_agent_that_cannot_see_its_scheduler_leaves_work_to_others() {
    let stage = Stage::new();
    assert_eq!(told(&stage).await.unwrap().readiness, SiteReadiness::Ready);
    stage.broker.rows().guards_leases = true;
    stage.offer();
    assert_eq!(stage.agent.lease_once(0).await.unwrap(), 1);
    for _ in 0..4 {
        stage.site.fail("submit", Before(ErrorKind::Unavailable));
    }
    stage.ticks(3).await;
    assert_eq!(stage.site.starts().iter().sum::<u32>(), 0);

    stage.site.fail("snapshot", Before(ErrorKind::Unauthorized));
    told(&stage).await.unwrap();
    assert_eq!(
        stage.agent.lease_once(0).await.unwrap(),
        0,
        "another may have it"
    );
    stage.ticks(3).await;
    assert_eq!(stage.site.starts().iter().sum::<u32>(), 0);

    assert_eq!(told(&stage).await.unwrap().readiness, SiteReadiness::Ready);
    assert_eq!(
        stage.agent.lease_once(0).await.unwrap(),
        1,
        "it had let it go"
    );
    stage.ticks(60).await;
    assert_eq!(stage.site.starts().iter().sum::<u32>(), 1);
}

#[tokio::test]
async fn a_drained_agent_takes_no_new_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = DrainFile::of(folder.path());
    let mut stage = Stage::new();
    let agent = std::mem::replace(&mut stage.agent, Stage::new().agent);
    stage.agent = agent.with_drain(file.clone());
    let drain = Drain {
        reason: "cooling is repaired".to_owned(),
        until: None,
    };
    file.write(&drain).unwrap();
    stage.offer();
    assert_eq!(stage.agent.lease_once(0).await.unwrap(), 0);
    assert!(file.remove().unwrap());
    assert_eq!(stage.agent.lease_once(0).await.unwrap(), 1);
}

#[test]
fn the_program_drains_and_resumes_without_asking_the_running_agent() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    let text = include_str!("../../../../config/agent.example.toml");
    let data = folder.path().join("data");
    let text = text.replace("/var/lib/alcyone-agent", data.to_str().unwrap());
    std::fs::write(&config, text).unwrap();
    let say = |words: &[&str]| {
        let output = crate::binary::agent(&config).args(words).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let (well, said) = say(&[
        "drain",
        "--reason",
        "cooling",
        "--until",
        "2020-01-01T00:00:00Z",
    ]);
    assert!(!well && said.contains("in the past"), "{said}");
    let (well, said) = say(&["drain", "--reason", "cooling"]);
    assert!(well && said.contains("jobs that are here go on"), "{said}");
    let drain = DrainFile::of(&data).read().unwrap();
    assert_eq!(drain.reason, "cooling");
    assert!(say(&["resume"]).0);
    assert_eq!(DrainFile::of(&data).read(), None);
    assert!(say(&["resume"]).1.contains("nothing to do"));
}
