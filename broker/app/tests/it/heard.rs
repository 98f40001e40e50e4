//! A site's word, how long it counts, and what is said when there is none any more.

use broker_app::Broker;
use broker_model::{PartitionRef, SiteReadiness, SiteSnapshot};
use jiff::SignedDuration;
use site_adapter::Report;

use crate::agent::Agent;
use crate::world::World;

async fn told(agent: &Agent<'_>, broker: &Broker, ttl: Option<u32>, reason: Option<&str>) {
    let snapshot = SiteSnapshot {
        readiness: match reason {
            Some(_) => SiteReadiness::Limited,
            None => SiteReadiness::Ready,
        },
        reason: reason.map(str::to_owned),
        ..agent.snapshot()
    };
    let report = Report {
        snapshot: Some(snapshot),
        snapshot_ttl_seconds: ttl,
        ..agent.message(Vec::new())
    };
    broker.report(report).await.unwrap();
}

fn seen(broker: &Broker) -> broker_app::SiteView {
    broker.site(&"lumi".parse().unwrap()).unwrap()
}

#[tokio::test]
async fn a_sites_word_counts_for_as_long_as_its_agent_says_within_the_brokers_bounds() {
    for world in World::each().await {
        let broker = world.broker().await;
        let agent = Agent::of(&world, "lumi");
        assert_eq!(seen(&broker).expires_at, None);
        let lost_after = i64::try_from(world.limits.site_lost_after.as_secs()).unwrap();
        for (said, seconds) in [
            (None, 120),
            (Some(600), 600),
            (Some(0), 5),
            (Some(u32::MAX), lost_after),
        ] {
            told(&agent, &broker, said, None).await;
            let until = world.now() + SignedDuration::from_secs(seconds);
            assert_eq!(seen(&broker).heard_at, Some(world.now()));
            assert_eq!(seen(&broker).expires_at, Some(until), "{said:?}");
            let other = world.broker().await;
            other.listen_once().await.unwrap();
            assert_eq!(seen(&other).expires_at, Some(until), "at every replica");
            world.pass(seconds);
            assert_eq!(seen(&broker).readiness, SiteReadiness::Ready);
            world.pass(1);
            assert_eq!(seen(&broker).readiness, SiteReadiness::Unknown);
        }
    }
}

#[tokio::test]
async fn silence_and_a_wrong_setting_have_words_and_timers_of_their_own() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    let reason = || seen(&broker).reason.unwrap_or_default();
    assert_eq!(reason(), "no agent of this site has reported yet");
    told(&agent, &broker, Some(60), None).await;
    assert_eq!(seen(&broker).reason, None);
    let wrong = "submit: token expired (a person has to mend this, since 2026-11-20T12:00:00Z)";
    told(&agent, &broker, Some(60), Some(wrong)).await;
    assert_eq!(seen(&broker).readiness, SiteReadiness::Limited);
    assert_eq!(reason(), wrong);
    world.pass(61);
    broker.listen_once().await.unwrap();
    let silent = reason();
    assert!(silent.contains("the network to it, is away"), "{silent}");
    assert!(
        silent.ends_with(&format!("before, it said: {wrong}")),
        "{silent}"
    );
    // The broker was up all the time, looking every second.
    let lost_after = world.limits.site_lost_after.as_secs();
    for _ in 0..=lost_after / 20 {
        world.pass(20);
        broker.listen_once().await.unwrap();
    }
    assert!(
        reason().ends_with("jobs that may start elsewhere are moved"),
        "{}",
        reason()
    );
    told(&agent, &broker, Some(60), None).await;
    assert_eq!(seen(&broker).readiness, SiteReadiness::Ready);
}

#[tokio::test]
async fn agents_that_speak_at_two_replicas_at_once_do_not_unsay_each_other() {
    for world in World::each().await {
        let replicas = [world.broker().await, world.broker().await];
        let agents = [Agent::of(&world, "lumi"), Agent::of(&world, "lumi")];
        // Neither replica has heard what the other was told.
        told(&agents[0], &replicas[0], Some(60), None).await;
        told(&agents[1], &replicas[1], Some(60), Some("one node is down")).await;
        replicas[0].listen_once().await.unwrap();
        for replica in &replicas {
            let view = seen(replica);
            assert_eq!(view.readiness, SiteReadiness::Limited);
            let reason = view.reason.unwrap();
            assert!(reason.contains("one node is down"), "{reason}");
            assert!(reason.starts_with("agt_"), "of one of two: {reason}");
        }
    }
}

#[tokio::test]
async fn a_site_without_machines_is_not_called_silent() {
    let mut world = World::sqlite().await;
    let sites = world.sites.iter_mut();
    for site in sites.filter(|it| it.id.as_str() == "lumi") {
        site.systems.clear();
    }
    let reason = seen(&world.broker().await).reason.unwrap();
    assert!(
        reason.starts_with("it has no partitions of its own"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_agent_that_tells_of_its_site_or_of_nothing_is_told_which_partitions_are_registered() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    let systems = seen(&broker).site.systems;
    let count: usize = systems.iter().map(|it| it.partitions.len()).sum();
    let look = Report {
        snapshot: Some(agent.snapshot()),
        ..agent.message(Vec::new())
    };
    for report in [look, agent.message(Vec::new())] {
        let told = broker.report(report).await.unwrap().partitions.unwrap();
        assert_eq!(told.len(), count, "{told:?}");
        let known = |it: &PartitionRef| broker.board().partition(it).is_some();
        assert!(told.iter().all(known), "{told:?}");
    }
    // Renewals and what happens to jobs come every second, and the site's document does not change by them.
    let renewed = agent.renew(&broker, &[world.ids.next(&*world.clock)]).await;
    assert_eq!(renewed.partitions, None);
}
