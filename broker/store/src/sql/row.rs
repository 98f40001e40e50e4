use std::fmt;

use serde::de::DeserializeOwned;

use super::db::Cell;
use crate::StoreError;

/// A row that was read, and the table to name if it cannot be understood.
#[derive(Clone, Debug)]
pub(super) struct Row {
    table: &'static str,
    cells: Vec<Cell>,
}

impl Row {
    pub(super) const fn new(table: &'static str, cells: Vec<Cell>) -> Self {
        Self { table, cells }
    }

    fn unreadable(&self, column: usize, reason: impl fmt::Display) -> StoreError {
        let reason = format!("column {column}: {reason}");
        let table = self.table;
        StoreError::Unreadable { table, reason }
    }

    pub(super) fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.text_or_null(column)?
            .ok_or_else(|| self.unreadable(column, "no value"))
    }

    pub(super) fn text_or_null(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.cells.get(column) {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.unreadable(column, "not a text")),
        }
    }

    pub(super) fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.cells.get(column) {
            Some(Cell::Int(value)) => Ok(*value),
            _ => Err(self.unreadable(column, "not an integer")),
        }
    }

    pub(super) fn count(&self, column: usize) -> Result<u64, StoreError> {
        let value = self.int(column)?;
        u64::try_from(value).map_err(|e| self.unreadable(column, e))
    }

    pub(super) fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        match self.cells.get(column) {
            Some(Cell::Bytes(bytes)) => Ok(bytes),
            _ => Err(self.unreadable(column, "not bytes")),
        }
    }

    pub(super) fn parse<T>(&self, column: usize) -> Result<T, StoreError>
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        let text = self.text(column)?;
        text.parse().map_err(|e| self.unreadable(column, e))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        let text = self.text(column)?;
        serde_json::from_str(text).map_err(|e| self.unreadable(column, e))
    }

    pub(super) fn time(&self, column: usize) -> Result<jiff::Timestamp, StoreError> {
        let micros = self.int(column)?;
        jiff::Timestamp::from_microsecond(micros).map_err(|e| self.unreadable(column, e))
    }

    pub(super) fn time_or_null(
        &self,
        column: usize,
    ) -> Result<Option<jiff::Timestamp>, StoreError> {
        match self.cells.get(column) {
            Some(Cell::Null) => Ok(None),
            _ => self.time(column).map(Some),
        }
    }
}
