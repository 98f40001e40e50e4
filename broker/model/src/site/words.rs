use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{SiteReadiness, SiteState, SystemHeard};
use crate::{AgentId, PartitionSnapshot, SiteId, SiteSnapshot, SystemId};

/// What one of a site's agents said of it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentWord {
    pub agent: AgentId,
    pub readiness: SiteReadiness,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By the broker's clock: a site's clock may be wrong.
    pub observed_at: Timestamp,
    pub ttl_seconds: u32,
    /// The systems whose numbers it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<SystemId>,
}

impl AgentWord {
    /// Takes no work.
    const fn is_closed(&self) -> bool {
        matches!(
            self.readiness,
            SiteReadiness::Draining | SiteReadiness::Unavailable
        )
    }

    fn counts_at(&self, now: Timestamp) -> bool {
        now.duration_since(self.observed_at).as_secs() <= i64::from(self.ttl_seconds)
    }
}

impl SiteState {
    /// The state once an agent has spoken, with what the site's others said that still counts.
    ///
    /// Each agent speaks for itself: where one takes work the site takes work, as a limited one
    /// while another does not. Its words name the agents that are worse off.
    #[must_use]
    pub fn told_by(site: SiteId, mut said: AgentWord, before: Option<Self>) -> Self {
        let now = said.observed_at;
        let version = before.as_ref().map_or(0, |it| it.version);
        let (mut agents, mut systems) =
            before.map_or_else(Default::default, |it| (it.agents, it.systems));
        // One that cannot see its scheduler tells no numbers, and is still that scheduler's agent.
        if let Some(known) = agents.iter().find(|it| it.agent == said.agent)
            && said.systems.is_empty()
        {
            said.systems.clone_from(&known.systems);
        }
        agents.retain(|it| it.agent != said.agent && it.counts_at(now));
        for system in &said.systems {
            heard(&mut systems, system, &said);
        }
        let ttl_seconds = said.ttl_seconds;
        agents.push(said);
        agents.sort_unstable_by_key(|it| it.agent);
        let (readiness, reason) = together(&agents);
        Self {
            site,
            readiness,
            reason,
            observed_at: now,
            ttl_seconds,
            agents,
            systems,
            version,
        }
    }

    /// The state without what an agent said of it that is not listened to any more; `None` where it had
    /// said nothing that is left.
    #[must_use]
    pub fn without(&self, agent: AgentId, why: &str) -> Option<Self> {
        let stays = |it: &&AgentWord| it.agent != agent;
        let agents: Vec<AgentWord> = self.agents.iter().filter(stays).cloned().collect();
        if agents.len() == self.agents.len() {
            return None;
        }
        let (readiness, reason) = together(&agents);
        let last = agents.iter().max_by_key(|it| it.observed_at);
        Some(Self {
            readiness,
            reason: reason.or_else(|| agents.is_empty().then(|| why.to_owned())),
            observed_at: last.map_or(self.observed_at, |it| it.observed_at),
            ttl_seconds: last.map_or(self.ttl_seconds, |it| it.ttl_seconds),
            agents,
            ..self.clone()
        })
    }

    /// Of a site's numbers those that an agent tells who is still listened to.
    #[must_use]
    pub fn numbers_left(&self, before: &SiteSnapshot) -> SiteSnapshot {
        let told =
            |it: &&PartitionSnapshot| self.agents.iter().any(|a| a.systems.contains(&it.system));
        SiteSnapshot {
            observed_at: before.observed_at,
            readiness: self.readiness,
            reason: self.reason.clone(),
            partitions: before.partitions.iter().filter(told).cloned().collect(),
        }
    }

    /// The site's numbers once an agent has told its own.
    ///
    /// Of a system that several agents tell of, the one that is best off counts. What agents of other
    /// systems told stays for as long as they do. Where the agent of one system takes no work, and
    /// others do, it is this system's partitions that are closed, and not the site.
    #[must_use]
    pub fn numbers(
        &self,
        agent: AgentId,
        told: SiteSnapshot,
        before: Option<&SiteSnapshot>,
    ) -> SiteSnapshot {
        let its = self.agents.iter().find(|it| it.agent == agent);
        let rank = its.map_or(u8::MAX, |it| it.readiness.rank());
        let others = |system: &SystemId| {
            let others = self.agents.iter().filter(|it| it.agent != agent);
            let tell = others.filter(|it| it.systems.contains(system));
            tell.map(|it| it.readiness.rank()).min()
        };
        let closed = its.filter(|it| it.is_closed() && it.readiness != self.readiness);
        let counts = |it: &PartitionSnapshot| others(&it.system).is_none_or(|best| rank <= best);
        let mut partitions: Vec<_> = told.partitions.into_iter().filter(counts).collect();
        if let Some(closed) = closed {
            for one in &mut partitions {
                one.accepting = false;
                one.reason.clone_from(&closed.reason);
            }
        }
        let now_told: Vec<SystemId> = partitions.iter().map(|it| it.system.clone()).collect();
        let before = before.iter().flat_map(|it| &it.partitions);
        let stays = |it: &&PartitionSnapshot| {
            !now_told.contains(&it.system) && others(&it.system).is_some()
        };
        partitions.extend(before.filter(stays).cloned());
        partitions.sort_by(|a, b| (&a.system, &a.partition).cmp(&(&b.system, &b.partition)));
        SiteSnapshot {
            observed_at: told.observed_at,
            readiness: self.readiness,
            reason: self.reason.clone(),
            partitions,
        }
    }
}

impl SiteReadiness {
    const fn rank(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Limited => 1,
            Self::Draining => 2,
            Self::Unavailable => 3,
            Self::Unknown => 4,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Limited => "limited",
            Self::Draining => "draining",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
        }
    }
}

fn heard(systems: &mut Vec<SystemHeard>, system: &SystemId, said: &AgentWord) {
    let now = said.observed_at;
    match systems.iter_mut().find(|it| it.system == *system) {
        Some(known) => {
            known.heard_at = now;
            if !said.is_closed() {
                known.open_at = now;
            }
        }
        None => systems.push(SystemHeard {
            system: system.clone(),
            heard_at: now,
            open_at: now,
        }),
    }
}

fn together(agents: &[AgentWord]) -> (SiteReadiness, Option<String>) {
    let Some(best) = agents.iter().min_by_key(|it| it.readiness.rank()) else {
        return (SiteReadiness::Unknown, None);
    };
    let worse: Vec<String> = agents
        .iter()
        .filter(|it| it.readiness != best.readiness)
        .map(worse)
        .collect();
    if worse.is_empty() {
        return (best.readiness, best.reason.clone());
    }
    let readiness = match best.readiness {
        SiteReadiness::Ready => SiteReadiness::Limited,
        other => other,
    };
    let words = best.reason.iter().cloned().chain(worse);
    (readiness, Some(words.collect::<Vec<_>>().join("; ")))
}

fn worse(word: &AgentWord) -> String {
    let (agent, readiness) = (&word.agent, word.readiness.words());
    match &word.reason {
        Some(reason) => format!("{agent} is {readiness}: {reason}"),
        None => format!("{agent} is {readiness}"),
    }
}

#[cfg(test)]
mod tests;
