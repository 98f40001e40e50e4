//! Which nodes and GPUs are free. Pure: indices in, indices out.

use serde::{Deserialize, Serialize};
use site_adapter::Work;

use crate::config::PartitionConfig;

/// What a job holds while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) nodes: Vec<u32>,
    /// Counted through the whole machine, all partitions, so that no index is given twice.
    pub(crate) gpus: Vec<u32>,
    pub(crate) cpus: u32,
    pub(crate) memory_gib: u32,
}

/// What a job asks of each of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) nodes: u32,
    pub(crate) gpus: u32,
    pub(crate) cpus: u32,
    pub(crate) memory_gib: u32,
    pub(crate) exclusive: bool,
}

#[derive(Debug)]
pub(crate) struct Capacity {
    nodes: Vec<Node>,
    first_gpu: u32,
    gpus_per_node: u32,
    /// Of a whole node, for jobs that get one.
    whole: (u32, u32),
}

#[derive(Clone, Debug)]
struct Node {
    free_gpus: Vec<u32>,
    free_cpus: u32,
    free_memory_gib: u32,
    jobs: u32,
}

impl Ask {
    pub(crate) fn of(work: &Work, partition: &PartitionConfig) -> Self {
        let exclusive = work.exclusive || partition.exclusive;
        Self {
            nodes: work.resources.nodes,
            gpus: if exclusive {
                partition.gpus_per_node
            } else {
                work.scheduler_gpus_per_node()
            },
            cpus: work.resources.cpus_per_node.unwrap_or(1),
            memory_gib: work.resources.memory_gib_per_node.unwrap_or(0),
            exclusive,
        }
    }
}

impl Capacity {
    pub(crate) fn new(partition: &PartitionConfig, first_gpu: u32) -> Self {
        let cpus = partition.cpus_per_node;
        let memory = partition.memory_gib_per_node;
        let per_node = partition.gpus_per_node;
        let node = |index: u32| Node {
            free_gpus: (0..per_node)
                .map(|gpu| first_gpu + index * per_node + gpu)
                .collect(),
            free_cpus: cpus.unwrap_or(u32::MAX),
            free_memory_gib: memory.unwrap_or(u32::MAX),
            jobs: 0,
        };
        Self {
            nodes: (0..partition.nodes).map(node).collect(),
            first_gpu,
            gpus_per_node: per_node,
            whole: (cpus.unwrap_or(1), memory.unwrap_or(0)),
        }
    }

    /// Takes the first nodes that have room, or nothing.
    pub(crate) fn take(&mut self, ask: Ask) -> Option<Grant> {
        let wanted = usize::try_from(ask.nodes).ok()?;
        let fitting: Vec<u32> = (0..)
            .zip(&self.nodes)
            .filter(|(_, node)| node.has_room(ask))
            .map(|(index, _)| index)
            .take(wanted)
            .collect();
        if fitting.len() < wanted {
            return None;
        }
        let (cpus, memory_gib) = if ask.exclusive {
            (self.whole.0.max(ask.cpus), self.whole.1.max(ask.memory_gib))
        } else {
            (ask.cpus, ask.memory_gib)
        };
        let mut grant = Grant {
            cpus: cpus.saturating_mul(ask.nodes),
            memory_gib: memory_gib.saturating_mul(ask.nodes),
            gpus: Vec::new(),
            nodes: fitting,
        };
        for index in &grant.nodes {
            if let Some(node) = node_mut(&mut self.nodes, *index) {
                let gpus = usize::try_from(ask.gpus).unwrap_or(usize::MAX);
                grant
                    .gpus
                    .extend(node.free_gpus.drain(..gpus.min(node.free_gpus.len())));
            }
        }
        self.shift_counts(&grant, true);
        Some(grant)
    }

    /// Takes what a job holds already: after a restart. What is no longer declared is left out.
    pub(crate) fn retake(&mut self, grant: &Grant) {
        for node in &mut self.nodes {
            node.free_gpus.retain(|gpu| !grant.gpus.contains(gpu));
        }
        self.shift_counts(grant, true);
    }

    pub(crate) fn release(&mut self, grant: &Grant) {
        for gpu in &grant.gpus {
            let home = gpu
                .checked_sub(self.first_gpu)
                .and_then(|gpu| gpu.checked_div(self.gpus_per_node));
            if let Some(node) = home.and_then(|index| node_mut(&mut self.nodes, index)) {
                node.free_gpus.push(*gpu);
                node.free_gpus.sort_unstable();
            }
        }
        self.shift_counts(grant, false);
    }

    fn shift_counts(&mut self, grant: &Grant, take: bool) {
        let nodes = u32::try_from(grant.nodes.len()).unwrap_or(u32::MAX).max(1);
        let (cpus, memory) = (grant.cpus / nodes, grant.memory_gib / nodes);
        for index in &grant.nodes {
            let Some(node) = node_mut(&mut self.nodes, *index) else {
                continue;
            };
            if take {
                node.jobs += 1;
                node.free_cpus = node.free_cpus.saturating_sub(cpus);
                node.free_memory_gib = node.free_memory_gib.saturating_sub(memory);
            } else {
                node.jobs = node.jobs.saturating_sub(1);
                node.free_cpus = node.free_cpus.saturating_add(cpus);
                node.free_memory_gib = node.free_memory_gib.saturating_add(memory);
            }
        }
    }

    pub(crate) fn nodes_free(&self) -> u32 {
        let free = self.nodes.iter().filter(|node| node.jobs == 0).count();
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    pub(crate) fn gpus_free(&self) -> u32 {
        let free: usize = self.nodes.iter().map(|node| node.free_gpus.len()).sum();
        u32::try_from(free).unwrap_or(u32::MAX)
    }
}

fn node_mut(nodes: &mut [Node], index: u32) -> Option<&mut Node> {
    nodes.get_mut(usize::try_from(index).ok()?)
}

impl Node {
    fn has_room(&self, ask: Ask) -> bool {
        let gpus = usize::try_from(ask.gpus).unwrap_or(usize::MAX);
        self.free_gpus.len() >= gpus
            && self.free_cpus >= ask.cpus
            && self.free_memory_gib >= ask.memory_gib
            && (!ask.exclusive || self.jobs == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(nodes: u32, gpus: u32) -> Capacity {
        let partition = format!(
            "system = 's'\npartition = 'p'\nnodes = {nodes}\ngpus_per_node = {gpus}\n\
             cpus_per_node = 8"
        );
        Capacity::new(&toml::from_str(&partition).unwrap(), 100)
    }

    fn ask(nodes: u32, gpus: u32, exclusive: bool) -> Ask {
        Ask {
            nodes,
            gpus,
            cpus: 2,
            memory_gib: 0,
            exclusive,
        }
    }

    #[test]
    fn no_gpu_is_given_twice_and_all_come_back() {
        let mut capacity = capacity(2, 4);
        let first = capacity.take(ask(1, 3, false)).unwrap();
        let second = capacity.take(ask(1, 2, false)).unwrap();
        let third = capacity.take(ask(2, 1, false)).unwrap();
        assert_eq!(first.gpus, [100, 101, 102]);
        assert_eq!(second.gpus, [104, 105]);
        assert_eq!(third.gpus, [103, 106]);
        assert_eq!((capacity.gpus_free(), capacity.nodes_free()), (1, 0));
        assert_eq!(capacity.take(ask(1, 2, false)), None);
        for grant in [second, first, third] {
            capacity.release(&grant);
        }
        assert_eq!((capacity.gpus_free(), capacity.nodes_free()), (8, 2));
        assert_eq!(
            capacity.take(ask(2, 4, true)).unwrap().gpus,
            (100..108).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_exclusive_job_waits_for_an_empty_node_and_holds_all_of_it() {
        let mut capacity = capacity(2, 0);
        let small = capacity.take(ask(1, 0, false)).unwrap();
        let whole = capacity.take(ask(1, 0, true)).unwrap();
        assert_eq!((small.nodes, whole.nodes.clone()), (vec![0], vec![1]));
        assert_eq!(whole.cpus, 8);
        assert_eq!(capacity.take(ask(1, 0, true)), None);
        assert!(
            capacity
                .take(ask(1, 0, false))
                .is_some_and(|g| g.nodes == [0])
        );
    }

    #[test]
    fn what_a_restart_retakes_is_not_given_again() {
        let mut before = capacity(2, 2);
        let held = before.take(ask(1, 2, false)).unwrap();
        let mut after = capacity(2, 2);
        after.retake(&held);
        assert_eq!(after.take(ask(1, 2, false)).unwrap().gpus, [102, 103]);
        after.release(&held);
        assert_eq!(after.take(ask(1, 2, false)).unwrap().gpus, [100, 101]);
    }
}
