//! What starts next, and what has started.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Live, LiveState, Roster, Start};
use crate::capacity::{Ask, Grant};
use crate::folder::Meta;

impl Roster {
    /// The next job that may start, of the partitions that are not stuck; it counts as started from
    /// here on.
    pub(crate) fn next(&mut self, stuck: &BTreeSet<usize>) -> Option<Start> {
        if self.running >= self.max_running {
            return None;
        }
        for position in (0..self.partitions.len()).filter(|it| !stuck.contains(it)) {
            if let Some(start) = self.next_in(position) {
                return Some(start);
            }
        }
        None
    }

    /// An array that runs as many tasks as it may holds up nobody.
    fn next_in(&mut self, position: usize) -> Option<Start> {
        let partition = self.partitions.get_mut(position)?;
        let (arrays, jobs) = (&self.arrays, &self.jobs);
        let can = |marker: &String| match arrays.get(marker) {
            Some(array) => !array.is_full() && !array.waiting.is_empty(),
            None => jobs.contains_key(marker),
        };
        let place = partition
            .queue
            .iter()
            .find(|(_, marker)| can(marker))?
            .clone();
        let (meta, left) = match self.arrays.get_mut(&place.1) {
            Some(array) => {
                let mut task = Meta::clone(&array.meta);
                task.task = array.waiting.front().copied();
                (Arc::new(task), array.waiting.len() > 1)
            }
            None => (Arc::clone(&self.jobs.get(&place.1)?.meta), false),
        };
        let ask = Ask::of(&meta.work, &partition.config);
        let grant = partition.capacity.take(ask)?;
        if !left {
            partition.queue.remove(&place);
        }
        if let (Some(index), Some(array)) = (meta.task, self.arrays.get_mut(&meta.marker)) {
            array.begins(index, None);
        }
        let live = Live {
            meta: Arc::clone(&meta),
            partition: Some(position),
            state: LiveState::Started {
                grant: grant.clone(),
                started_at: None,
                child: true,
            },
        };
        self.jobs.insert(meta.key(), live);
        self.running += 1;
        Some(Start {
            meta,
            partition: position,
            grant,
        })
    }

    /// The start did not come about: back to the head of the queue.
    pub(crate) fn put_back(&mut self, start: &Start) {
        let meta = &start.meta;
        let Some(live) = self.remove(&meta.key()) else {
            return;
        };
        let Some(index) = meta.task else {
            self.enqueue(meta, live.partition);
            return;
        };
        if let Some(array) = self.arrays.get_mut(&meta.marker) {
            array.running.remove(&index);
            array.waiting.push_front(index);
        }
        if let Some(partition) = self.partition(live.partition) {
            partition
                .queue
                .insert((meta.submitted_at, meta.marker.clone()));
        }
    }

    pub(crate) fn set_started_at(&mut self, marker: &str, time: Timestamp) {
        if let Some(LiveState::Started { started_at, .. }) =
            self.jobs.get_mut(marker).map(|live| &mut live.state)
        {
            *started_at = Some(time);
        }
        let meta = self.jobs.get(marker).map(|live| Arc::clone(&live.meta));
        let array = meta.and_then(|meta| self.arrays.get_mut(&meta.marker));
        if let Some(array) = array {
            array.started_at = [array.started_at, Some(time)].into_iter().flatten().min();
        }
    }

    /// Its end was told and could not be written down: it has to be looked at again.
    pub(crate) fn look_again(&mut self, marker: &str) {
        if let Some(LiveState::Started { child, .. }) =
            self.jobs.get_mut(marker).map(|live| &mut live.state)
        {
            *child = false;
        }
    }

    /// Takes over a job that was started by an adapter before this one.
    pub(crate) fn adopt(
        &mut self,
        meta: &Arc<Meta>,
        partition: Option<usize>,
        grant: Grant,
        started_at: Timestamp,
    ) {
        if let Some(partition) = self.partition(partition) {
            partition.capacity.retake(&grant);
        }
        self.running += 1;
        let live = Live {
            meta: Arc::clone(meta),
            partition,
            state: LiveState::Started {
                grant,
                started_at: Some(started_at),
                child: false,
            },
        };
        self.jobs.insert(meta.key(), live);
    }
}
