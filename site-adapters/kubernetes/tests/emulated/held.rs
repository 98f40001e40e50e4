//! Jobs that wait for others, and what they cost those that do not.

use broker_model::{AfterWhen, OutcomeKind};
use site_adapter::{RemoteAfter, RemoteRef, SiteAdapter as _, Submission};

use crate::rig::Rig;

fn after(rig: &Rig, script: &str, all: &[(&RemoteRef, AfterWhen)]) -> Submission {
    let mut waits = rig.submission(script);
    waits.work.after = all
        .iter()
        .map(|(job, when)| RemoteAfter {
            marker: job.marker.clone(),
            remote: job.remote_id.clone(),
            when: *when,
        })
        .collect();
    waits
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_jobs_that_wait_cost_nothing_and_keep_no_other_from_its_turn() {
    let rig = Rig::start().await;
    let first = rig.submit(&rig.submission("exec sleep 600")).await;
    let mut held = Vec::new();
    for _ in 0..40 {
        let waits = after(&rig, "exit 0", &[(&first, AfterWhen::Ended)]);
        held.push(rig.submit(&waits).await);
    }
    let last = rig.submit(&rig.submission("exec sleep 600")).await;
    let mut all = vec![first.clone()];
    all.extend(held.iter().cloned());
    all.push(last.clone());
    let tick = async || rig.adapter.poll(&all).await.ok();
    rig.wait("both starts are noted", async || {
        tick().await?;
        let noted = |job| rig.note(job, "alcyone/started");
        noted(&first).and(noted(&last))
    })
    .await;
    // Until the watch has the notes, too.
    let questions = || {
        let jobs = "GET /apis/batch/v1/namespaces/team-a/jobs/";
        let pods = "GET /api/v1/namespaces/team-a/pods?labelSelector=batch";
        rig.cluster.requests(jobs) + rig.cluster.requests(pods) + rig.cluster.requests("PATCH")
    };
    rig.wait("ten ticks cost nothing", async || {
        let before = questions();
        for _ in 0..10 {
            tick().await?;
        }
        (questions() == before).then_some(())
    })
    .await;
    rig.adapter.cancel(&first).await.unwrap();
    for job in &held {
        assert_eq!(rig.ended(job).await.kind, OutcomeKind::Completed);
        assert_eq!(rig.cluster.starts_of(&job.marker), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_was_met_stays_met_when_its_job_is_swept_up() {
    let rig = Rig::start().await;
    let (short, _) = rig.run("exit 0").await;
    let long = rig.submit(&rig.submission("exec sleep 600")).await;
    let both = [(&short, AfterWhen::Completed), (&long, AfterWhen::Ended)];
    let job = rig.submit(&after(&rig, "exit 0", &both)).await;
    rig.wait("one of two is left", async || {
        rig.told(&job).await?;
        let note = rig.note(&job, "alcyone/after")?;
        (!note.contains(&short.marker) && note.contains(&long.marker)).then_some(())
    })
    .await;
    let mut stored = rig.cluster.get("jobs", &Rig::name(&short)).unwrap();
    stored["spec"]["ttlSecondsAfterFinished"] = 0.into();
    rig.cluster.put("jobs", stored);
    rig.wait("the first is gone", async || {
        let stored = rig.cluster.get("jobs", &Rig::name(&short));
        stored.is_none().then_some(())
    })
    .await;
    rig.adapter.cancel(&long).await.unwrap();
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
}

fn let_go(rig: &Rig, job: &RemoteRef) {
    let mut stored = rig.cluster.get("jobs", &Rig::name(job)).unwrap();
    stored["spec"]["suspend"] = false.into();
    rig.cluster.put("jobs", stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_job_that_somebody_lets_go_is_held_again_before_it_runs() {
    let rig = Rig::start().await;
    let first = rig.submit(&rig.submission("exec sleep 600")).await;
    let mut waits = after(&rig, "exit 0", &[(&first, AfterWhen::Ended)]);
    // No node has room for its pod.
    waits.work.resources.gpus_per_node = 64;
    let job = rig.submit(&waits).await;
    rig.running(&first).await;
    let_go(&rig, &job);
    rig.wait("it is held again", async || {
        rig.told(&job).await?;
        let stored = rig.cluster.get("jobs", &Rig::name(&job))?;
        (stored["spec"]["suspend"] == true).then_some(())
    })
    .await;
    rig.waits_because(&job, "Dependency: ").await;
    assert_eq!(rig.cluster.starts_of(&job.marker), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_job_that_ran_too_early_is_ended_with_the_reason() {
    let rig = Rig::start().await;
    let first = rig.submit(&rig.submission("exec sleep 600")).await;
    let waits = after(&rig, "exec sleep 600", &[(&first, AfterWhen::Ended)]);
    let job = rig.submit(&waits).await;
    rig.running(&first).await;
    let_go(&rig, &job);
    rig.wait("it runs", async || {
        (rig.cluster.starts_of(&job.marker) == 1).then_some(())
    })
    .await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    assert!(outcome.site_words.contains("too early"), "{outcome:?}");
}
