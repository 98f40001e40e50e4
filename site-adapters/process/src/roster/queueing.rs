//! What waits: for other jobs, or as the tasks of an array.

use std::sync::Arc;

use super::Roster;
use crate::arrays::Array;
use crate::folder::Meta;

impl Roster {
    /// Takes in a job that waits for others first.
    pub(crate) fn hold(&mut self, meta: &Arc<Meta>, partition: Option<usize>) {
        self.held
            .insert(meta.marker.clone(), (Arc::clone(meta), partition));
    }

    pub(crate) fn held(&self) -> Vec<Arc<Meta>> {
        self.held
            .values()
            .map(|(meta, _)| Arc::clone(meta))
            .collect()
    }

    pub(crate) fn held_one(&self, marker: &str) -> Option<&Arc<Meta>> {
        self.held.get(marker).map(|(meta, _)| meta)
    }

    /// Into the queue; false if it is held no more.
    pub(crate) fn let_go(&mut self, marker: &str) -> bool {
        let Some((meta, partition)) = self.held.remove(marker) else {
            return false;
        };
        self.enqueue(&meta, partition);
        true
    }

    pub(crate) fn let_fall(&mut self, marker: &str) {
        self.held.remove(marker);
    }

    pub(crate) fn array(&self, marker: &str) -> Option<&Array> {
        self.arrays.get(marker)
    }

    /// Takes over an array whose tasks an earlier adapter started.
    pub(crate) fn adopt_array(&mut self, array: Array, partition: Option<usize>) {
        let (marker, at) = (array.meta.marker.clone(), array.meta.submitted_at);
        if let Some(partition) = self
            .partition(partition)
            .filter(|_| !array.waiting.is_empty())
        {
            partition.queue.insert((at, marker.clone()));
        }
        self.arrays.insert(marker, array);
    }

    pub(crate) fn remove_array(&mut self, marker: &str) {
        if let Some(array) = self.arrays.remove(marker) {
            self.leave_queues(&array.meta);
        }
    }

    fn leave_queues(&mut self, meta: &Meta) {
        for partition in &mut self.partitions {
            partition
                .queue
                .remove(&(meta.submitted_at, meta.marker.clone()));
        }
    }

    /// Those that wait will not run; returns those that do.
    pub(crate) fn stop_waiting_tasks(&mut self, marker: &str) -> Vec<u32> {
        let Some(array) = self.arrays.get_mut(marker) else {
            return Vec::new();
        };
        let waiting = array.waiting.drain(..).count();
        array.failed += u32::try_from(waiting).unwrap_or(u32::MAX);
        let running = array.running.iter().copied().collect();
        let meta = Arc::clone(&array.meta);
        self.leave_queues(&meta);
        running
    }

    /// Forgets a task that is over.
    pub(crate) fn end_task(&mut self, meta: &Meta, is_good: bool) {
        self.remove(&meta.key());
        if let (Some(index), Some(array)) = (meta.task, self.arrays.get_mut(&meta.marker)) {
            array.ends(index, is_good);
        }
    }
}
