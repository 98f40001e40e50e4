//! What everybody's pods take of the nodes.

use std::collections::HashMap;

use k8s_openapi::List;
use k8s_openapi::api::core::v1::Pod;
use site_adapter::{ErrorKind, Result};

use crate::adapter::KubernetesAdapter;
use crate::calls::nodes::Node;
use crate::calls::pods::{self, Guest};
use crate::config::PartitionSettings;
use crate::record::is_accelerator;

const GIB: i128 = 1024 * 1024 * 1024;

/// What the pods on one node take.
#[derive(Debug, Default)]
struct Taken {
    amounts: HashMap<String, i128>,
    has_jobs: bool,
}

impl Taken {
    fn add(&mut self, kind: String, amount: i128) {
        let known = self.amounts.entry(kind).or_insert(0);
        *known = known.saturating_add(amount);
    }
}

/// What is known of everybody's pods.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    by_node: HashMap<String, Taken>,
    /// Accelerators that pods without a node wait for, one entry for each pod.
    waiting: Vec<Vec<String>>,
    /// The agent may only see the namespaces of its own jobs.
    pub(crate) only_own: bool,
}

impl KubernetesAdapter {
    pub(crate) async fn guests(&self) -> Result<Guests> {
        let mut guests = Guests::default();
        match self.guests_of(pods::EVERYBODYS, &mut guests).await {
            Err(error) if error.kind == ErrorKind::Unauthorized => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(guests),
        }
        let mut own = Guests {
            only_own: true,
            ..Guests::default()
        };
        for (namespace, _) in self.watches.all() {
            let mut some = Guests::default();
            let path = pods::collection(&namespace);
            self.guests_of(&path, &mut some).await?;
            own.absorb(some);
        }
        Ok(own)
    }

    async fn guests_of(&self, path: &str, guests: &mut Guests) -> Result<()> {
        self.transport
            .list::<List<Pod>>(pods::LIST, path, pods::NOT_OVER, |item| match item {
                Some(pod) => guests.add(Guest::of(&pod)),
                None => *guests = Guests::default(),
            })
            .await
            .map(|_| ())
    }
}

impl Guests {
    fn add(&mut self, guest: Option<Guest>) {
        let Some(guest) = guest else { return };
        let Some(node) = guest.node else {
            let wanted = guest.requests.into_keys();
            self.waiting
                .push(wanted.filter(|name| is_accelerator(name)).collect());
            return;
        };
        let taken = self.by_node.entry(node).or_default();
        taken.has_jobs |= guest.of_a_job;
        for (kind, amount) in guest.requests {
            taken.add(kind, amount);
        }
    }

    /// For the fuzzer: what these pods take.
    pub(crate) fn of(pods: &[Pod]) -> Self {
        let (mut guests, mut more) = (Self::default(), Self::default());
        for pod in pods {
            guests.add(Guest::of(pod));
            more.add(Guest::of(pod));
        }
        guests.absorb(more);
        guests
    }

    fn absorb(&mut self, other: Self) {
        self.waiting.extend(other.waiting);
        for (node, more) in other.by_node {
            let taken = self.by_node.entry(node).or_default();
            taken.has_jobs |= more.has_jobs;
            for (kind, amount) in more.amounts {
                taken.add(kind, amount);
            }
        }
    }

    fn taken(&self, node: &str, kind: &str) -> i128 {
        let taken = self.by_node.get(node);
        taken
            .and_then(|taken| taken.amounts.get(kind))
            .copied()
            .unwrap_or(0)
    }

    fn left(&self, node: &Node, kind: &str) -> i128 {
        node.amount(kind)
            .saturating_sub(self.taken(&node.name, kind))
    }

    /// Accelerators of a kind that a job could still get there: none where other pods have left too
    /// little of processors or memory for any.
    pub(crate) fn free(&self, node: &Node, partition: &PartitionSettings, kind: &str) -> i128 {
        let least = [
            ("cpu", i128::from(partition.default_cpus) * 1000),
            (
                "memory",
                i128::from(partition.default_memory_gib) * GIB * 1000,
            ),
        ];
        // A node that does not tell how much it has of something is not judged by it.
        let starved = least
            .iter()
            .any(|(name, least)| node.amount(name) > 0 && self.left(node, name) < *least);
        if starved { 0 } else { self.left(node, kind) }
    }

    /// No accelerator taken, or where there are none, no Job's pod on it and half of its processors left.
    /// Daemons run everywhere.
    pub(crate) fn is_idle(&self, node: &Node, partition: &PartitionSettings) -> bool {
        if let Some(kind) = &partition.gpu_resource {
            return self.taken(&node.name, kind) == 0;
        }
        let taken = self.by_node.get(&node.name);
        !taken.is_some_and(|taken| taken.has_jobs)
            && self.taken(&node.name, "cpu") * 2 <= node.amount("cpu")
    }

    pub(crate) fn waiting_for(&self, kind: Option<&str>) -> usize {
        let fits = |wanted: &&Vec<String>| match kind {
            Some(kind) => wanted.iter().any(|own| own == kind),
            None => wanted.is_empty(),
        };
        self.waiting.iter().filter(fits).count()
    }
}
