//! The partitions that the site's agent offers and those that the broker has registered: where only one
//! side knows of one, nothing fails and no job is ever placed there.

use std::collections::BTreeSet;

use broker_model::{PartitionRef, SiteId, SiteSnapshot};

/// Where agent and broker differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    site: Option<SiteId>,
    /// In the agent's settings, and not registered.
    pub unregistered: BTreeSet<PartitionRef>,
    /// Registered for a system that the agent serves, and not in its settings.
    pub unserved: BTreeSet<PartitionRef>,
}

impl Mismatch {
    /// Other systems of the site are other agents' matter.
    pub fn between(
        site: &SiteId,
        offered: &BTreeSet<PartitionRef>,
        registered: &[PartitionRef],
    ) -> Self {
        let is_known = |it: &&PartitionRef| registered.contains(it);
        let is_served = |it: &PartitionRef| offered.iter().any(|own| own.system == it.system);
        let unserved = { registered.iter() }.filter(|it| is_served(it) && !offered.contains(it));
        Self {
            site: Some(site.clone()),
            unregistered: { offered.iter() }
                .filter(|it| !is_known(it))
                .cloned()
                .collect(),
            unserved: unserved.cloned().collect(),
        }
    }

    /// What a person has to know and to do, a sentence for each kind.
    pub fn words(&self) -> Vec<String> {
        let site = self.site.as_ref().map_or("SITE", SiteId::as_str);
        let unregistered = (!self.unregistered.is_empty()).then(|| {
            format!(
                "{} in the agent's settings and not registered for the site, so no job is placed there; \
                 register what is missing (`alcyone site document {site} > FILE`, add it, `alcyone site \
                 import FILE`) or take it out of the settings",
                listed(&self.unregistered)
            )
        });
        let unserved = (!self.unserved.is_empty()).then(|| {
            format!(
                "{} registered for the site and not in the agent's settings, so no job is placed there; add \
                 what is missing to `adapter.settings` or take it out of the site (`alcyone site retire \
                 {site} --system … --partition …`)",
                listed(&self.unserved)
            )
        });
        unregistered.into_iter().chain(unserved).collect()
    }

    /// Tells it beside what the site says of itself. The site is as ready as it was: what both sides
    /// know works.
    pub(crate) fn apply(&self, snapshot: &mut SiteSnapshot) {
        let words = self.words();
        if !words.is_empty() {
            let before = snapshot.reason.take();
            let all: Vec<String> = before.into_iter().chain(words).collect();
            snapshot.reason = Some(all.join("; "));
        }
    }
}

fn listed(partitions: &BTreeSet<PartitionRef>) -> String {
    let names: Vec<String> = partitions.iter().map(|it| format!("`{it}`")).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

/// What a snapshot tells of, by full names.
pub(crate) fn told_of(site: &SiteId, snapshot: &SiteSnapshot) -> BTreeSet<PartitionRef> {
    let named = snapshot.partitions.iter().map(|it| PartitionRef {
        site: site.clone(),
        system: it.system.clone(),
        partition: it.partition.clone(),
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> SiteId {
        "meluxina".parse().unwrap()
    }

    fn named(all: &[(&str, &str)]) -> BTreeSet<PartitionRef> {
        let named = all.iter().map(|(system, partition)| PartitionRef {
            site: site(),
            system: system.parse().unwrap(),
            partition: partition.parse().unwrap(),
        });
        named.collect()
    }

    fn between(offered: &[(&str, &str)], registered: &[(&str, &str)]) -> Vec<String> {
        let registered: Vec<PartitionRef> = named(registered).into_iter().collect();
        Mismatch::between(&site(), &named(offered), &registered).words()
    }

    #[test]
    fn a_partition_that_the_broker_does_not_know_is_named_with_the_remedy() {
        let words = between(&[("mlx", "cpu"), ("mlx", "gpu")], &[("mlx", "cpu")]);
        assert_eq!(words.len(), 1, "{words:?}");
        assert!(words[0].starts_with("`meluxina/mlx/gpu` is in the agent's settings and not"));
        assert!(words[0].contains("alcyone site import"), "{words:?}");
    }

    #[test]
    fn a_registered_partition_is_missed_in_the_settings_of_its_own_systems_agent_only() {
        let registered = [("mlx", "cpu"), ("mlx", "gpu"), ("mlx", "fpga"), ("qc", "q")];
        let words = between(&[("mlx", "cpu")], &registered);
        assert_eq!(words.len(), 1, "{words:?}");
        let both = "`meluxina/mlx/fpga`, `meluxina/mlx/gpu` are registered for the site";
        assert!(words[0].starts_with(both), "{words:?}");
        assert!(words[0].contains("alcyone site retire meluxina --system"));
        let all = [("mlx", "cpu"), ("mlx", "gpu"), ("mlx", "fpga")];
        assert_eq!(between(&all, &registered), Vec::<String>::new());
    }

    #[test]
    fn the_words_stand_beside_the_sites_own_and_change_nothing_of_its_readiness() {
        let mut snapshot: SiteSnapshot = serde_json::from_value(serde_json::json!({
            "observed_at": "2026-11-20T10:00:00Z", "readiness": "ready",
            "reason": "one node is down", "partitions": [],
        }))
        .unwrap();
        let before = snapshot.clone();
        Mismatch::default().apply(&mut snapshot);
        assert_eq!(snapshot, before);
        Mismatch::between(&site(), &named(&[("mlx", "cpu")]), &[]).apply(&mut snapshot);
        assert_eq!(snapshot.readiness, before.readiness);
        let reason = snapshot.reason.unwrap();
        assert!(reason.starts_with("one node is down; `meluxina/mlx/cpu` is in the agent's"));
    }
}
