use jiff::SignedDuration;

use super::*;

fn id(number: u128) -> AgentId {
    format!("agt_{number:032x}").parse().unwrap()
}

fn said(agent: u128, readiness: SiteReadiness, second: i64) -> AgentWord {
    AgentWord {
        agent: id(agent),
        readiness,
        reason: (readiness != SiteReadiness::Ready).then(|| "pumps".to_owned()),
        observed_at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second),
        ttl_seconds: 90,
        systems: vec!["lumi".parse().unwrap()],
    }
}

fn of_system(system: &str, mut word: AgentWord) -> AgentWord {
    word.systems = vec![system.parse().unwrap()];
    word
}

fn snapshot(partitions: &[(&str, u32)]) -> SiteSnapshot {
    let one = |(name, nodes): &(&str, u32)| {
        let text = format!(
            r#"{{"system":"{name}","partition":"gpu","accepting":true,"nodes_total":{nodes},
                "nodes_free":{nodes},"jobs_running":0,"jobs_queued":0}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    SiteSnapshot {
        observed_at: Timestamp::UNIX_EPOCH,
        readiness: SiteReadiness::Ready,
        reason: None,
        partitions: partitions.iter().map(one).collect(),
    }
}

fn nodes(snapshot: &SiteSnapshot) -> Vec<(&str, u32, bool)> {
    let one = |it: &'_ PartitionSnapshot| (it.nodes_total, it.accepting);
    let all = snapshot.partitions.iter();
    all.map(|it| (it.system.as_str(), one(it).0, one(it).1))
        .collect()
}

#[test]
fn agents_of_two_systems_do_not_take_each_others_numbers_away() {
    use SiteReadiness::{Draining, Limited, Ready, Unavailable};
    let gpus = of_system("gpus", said(1, Ready, 0));
    let cloud = of_system("cloud", said(2, Ready, 5));
    let state = after(&[gpus.clone(), cloud.clone()]);
    let both = state.numbers(
        id(2),
        snapshot(&[("cloud", 7)]),
        Some(&snapshot(&[("gpus", 9)])),
    );
    assert_eq!(nodes(&both), [("cloud", 7, true), ("gpus", 9, true)]);

    let drained = of_system("cloud", said(2, Draining, 9));
    let state = after(&[gpus.clone(), cloud.clone(), drained]);
    assert_eq!(state.readiness, Limited);
    let told = state.numbers(id(2), snapshot(&[("cloud", 6)]), Some(&both));
    assert_eq!(nodes(&told), [("cloud", 6, false), ("gpus", 9, true)]);
    assert_eq!(told.partitions[0].reason.as_deref(), Some("pumps"));

    let mut blind = said(2, Unavailable, 9);
    blind.systems.clear();
    let state = after(&[gpus, cloud, blind]);
    let told = state.numbers(id(2), snapshot(&[]), Some(&both));
    assert_eq!(nodes(&told), [("gpus", 9, true)]);
}

#[test]
fn of_agents_of_one_system_the_one_that_is_best_off_counts() {
    use SiteReadiness::{Ready, Unavailable};
    let state = after(&[said(1, Ready, 0), said(2, Unavailable, 5)]);
    let before = snapshot(&[("lumi", 9)]);
    let told = state.numbers(id(2), snapshot(&[("lumi", 0)]), Some(&before));
    assert_eq!(nodes(&told), [("lumi", 9, true)]);
    let told = state.numbers(id(1), snapshot(&[("lumi", 8)]), Some(&before));
    assert_eq!(nodes(&told), [("lumi", 8, true)]);
}

fn after(words: &[AgentWord]) -> SiteState {
    let site: SiteId = "lumi".parse().unwrap();
    let tell =
        |before, word: &AgentWord| Some(SiteState::told_by(site.clone(), word.clone(), before));
    words.iter().fold(None, tell).unwrap()
}

#[test]
fn an_agent_that_is_drained_does_not_speak_for_one_that_takes_work() {
    use SiteReadiness::{Draining, Limited, Ready, Unavailable};
    let two = id(2);
    for words in [
        [said(1, Ready, 0), said(2, Draining, 5)],
        [said(2, Draining, 0), said(1, Ready, 5)],
    ] {
        let state = after(&words);
        assert_eq!(state.readiness, Limited);
        let reason = state.reason.clone().unwrap();
        assert_eq!(reason, format!("{two} is draining: pumps"));
    }
    let both = after(&[said(1, Draining, 0), said(2, Draining, 5)]);
    assert_eq!(both.readiness, Draining);
    assert_eq!(both.reason.as_deref(), Some("pumps"));
    let worst = after(&[said(1, Unavailable, 0), said(2, Draining, 5)]);
    assert_eq!(worst.readiness, Draining);
    let again = after(&[said(1, Draining, 0), said(2, Ready, 5), said(1, Ready, 9)]);
    assert_eq!((again.readiness, again.reason), (Ready, None));
}

#[test]
fn what_an_agent_said_counts_no_longer_than_it_said() {
    use SiteReadiness::{Draining, Ready};
    let state = after(&[said(1, Ready, 0), said(2, Draining, 91)]);
    assert_eq!(state.readiness, Draining);
    assert_eq!(state.agents.len(), 1);
}

#[test]
fn without_an_agent_that_is_put_out_the_others_words_are_the_sites() {
    use SiteReadiness::{Ready, Unavailable, Unknown};
    let state = after(&[said(1, Ready, 0), said(2, Unavailable, 5)]);
    let left = state.without(id(1), "its agent was revoked").unwrap();
    assert_eq!(left.readiness, Unavailable);
    assert_eq!(left.agents, [said(2, Unavailable, 5)]);
    assert_eq!(left.observed_at, said(2, Unavailable, 5).observed_at);
    assert_eq!(left.without(id(1), "again"), None);
    let nobody = left.without(id(2), "its agent was revoked").unwrap();
    assert_eq!(nobody.readiness, Unknown);
    assert_eq!(nobody.reason.as_deref(), Some("its agent was revoked"));
    assert_eq!(nodes(&nobody.numbers_left(&snapshot(&[("lumi", 9)]))), []);
    assert_eq!(
        nodes(&state.numbers_left(&snapshot(&[("lumi", 9)]))).len(),
        1
    );
}
