//! Rows that a group will write, by table.

use std::borrow::Cow;
use std::collections::HashMap;

use super::db::Cell;
use super::tables::{TABLES, TableId};

#[derive(Debug)]
pub(super) enum PendingRow<'a> {
    Put(Cow<'a, [Cell]>),
    /// Names the row by its key.
    Remove(Cow<'a, [Cell]>),
}

#[derive(Debug)]
pub(super) struct Pending<'a> {
    tables: [Vec<PendingRow<'a>>; TableId::COUNT],
}

impl Default for Pending<'_> {
    fn default() -> Self {
        Self {
            tables: std::array::from_fn(|_| Vec::new()),
        }
    }
}

/// How far each table was filled when a change began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark([usize; TableId::COUNT]);

/// What is left to do for one table: each key once, by its last row.
#[derive(Debug, Default)]
pub(super) struct Final<'p> {
    pub(super) puts: Vec<&'p [Cell]>,
    pub(super) removals: Vec<&'p [Cell]>,
}

impl<'a> Pending<'a> {
    pub(super) fn put(&mut self, table: TableId, row: impl Into<Cow<'a, [Cell]>>) {
        self.push(table, PendingRow::Put(row.into()));
    }

    pub(super) fn remove(&mut self, table: TableId, key: impl Into<Cow<'a, [Cell]>>) {
        self.push(table, PendingRow::Remove(key.into()));
    }

    fn push(&mut self, table: TableId, row: PendingRow<'a>) {
        if let Some(rows) = self.tables.get_mut(table as usize) {
            rows.push(row);
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(std::array::from_fn(|at| {
            self.tables.get(at).map_or(0, Vec::len)
        }))
    }

    pub(super) fn drop_since(&mut self, mark: &Mark) {
        for (rows, length) in self.tables.iter_mut().zip(mark.0) {
            rows.truncate(length);
        }
    }

    /// The rows of each table, in the order of [`TABLES`].
    ///
    /// A key stands where it first came up and with what was said of it last: PostgreSQL refuses to
    /// touch a row twice in one statement, and an attempt that ended goes before the one that
    /// follows it, so the index on open attempts holds at every row.
    pub(super) fn finals(&self) -> impl Iterator<Item = (usize, Final<'_>)> {
        self.tables
            .iter()
            .enumerate()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(at, rows)| (at, last_of_each(rows, TABLES.get(at).map_or(0, |t| t.keys))))
    }
}

fn last_of_each<'p>(rows: &'p [PendingRow<'_>], keys: usize) -> Final<'p> {
    let mut places: HashMap<&[Cell], usize> = HashMap::with_capacity(rows.len());
    let mut last: Vec<&PendingRow<'_>> = Vec::with_capacity(rows.len());
    for row in rows {
        match row.key(keys).map(|key| places.entry(key)) {
            Some(std::collections::hash_map::Entry::Occupied(place)) => {
                if let Some(slot) = last.get_mut(*place.get()) {
                    *slot = row;
                }
            }
            Some(std::collections::hash_map::Entry::Vacant(place)) => {
                place.insert(last.len());
                last.push(row);
            }
            None => last.push(row),
        }
    }
    let mut done = Final::default();
    for row in last {
        match row {
            PendingRow::Put(cells) => done.puts.push(cells),
            PendingRow::Remove(key) => done.removals.push(key),
        }
    }
    done
}

impl PendingRow<'_> {
    fn key(&self, keys: usize) -> Option<&[Cell]> {
        let (Self::Put(cells) | Self::Remove(cells)) = self;
        cells.get(..keys).filter(|key| !key.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, value: i64) -> Vec<Cell> {
        vec![Cell::text(key), Cell::Int(value)]
    }

    #[test]
    fn a_key_keeps_its_place_and_takes_its_last_row() {
        let mut pending = Pending::default();
        for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
            pending.put(TableId::SiteStates, row(key, value));
        }
        let finals: Vec<_> = pending.finals().collect();
        assert_eq!(finals[0].1.puts, [row("a", 3), row("b", 2)]);
    }

    #[test]
    fn a_row_that_was_put_and_removed_is_removed() {
        let key = [Cell::text("a")];
        let mut pending = Pending::default();
        pending.put(TableId::Sessions, row("a", 1));
        pending.remove(TableId::Sessions, key.as_slice());
        let (_, last) = pending.finals().next().unwrap();
        assert!(last.puts.is_empty());
        assert_eq!(last.removals, [key.as_slice()]);
    }

    #[test]
    fn what_came_after_a_mark_can_be_dropped() {
        let mut pending = Pending::default();
        pending.put(TableId::Jobs, row("a", 1));
        let mark = pending.mark();
        pending.put(TableId::Jobs, row("b", 1));
        pending.put(TableId::Grants, row("c", 1));
        pending.drop_since(&mark);
        assert_eq!(pending.finals().count(), 1);
    }
}
