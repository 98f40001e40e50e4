//! Hours of allocations, and until when they are good.

use broker_model::{AllocationId, Balance};

use super::{Done, Working, conflict};
use crate::sql::db::Cell;
use crate::sql::hours::moved;
use crate::sql::rows;
use crate::sql::steps::{Hours, Terms};
use crate::sql::tables::TableId;
use crate::{CommitError, Entity};

impl<'a> Working<'a> {
    pub(super) fn move_hours(&mut self, id: AllocationId, hours: Hours) -> Done {
        let Some(balance) = self.balances.get(&id) else {
            return Err(CommitError::Missing(Entity::Allocation));
        };
        let Some(terms) = self.terms.get(&id).copied() else {
            return Err(CommitError::Missing(Entity::Allocation));
        };
        let out_of_place = match hours {
            Hours::Hold(_) => terms.suspended,
            Hours::Lose { at, .. } => at < terms.valid_until,
            _ => false,
        };
        if out_of_place {
            return conflict(Entity::Allocation);
        }
        let balance = moved(id, *balance, hours)?;
        match hours {
            Hours::Lose { .. } => self.pending.remove(TableId::Expiries, vec![Cell::text(id)]),
            Hours::Grant { .. } | Hours::Recover(_) => self.expires(id, terms),
            _ => {}
        }
        self.balances.set(id, balance);
        self.pending
            .put(TableId::Balances, rows::balance(id, &balance));
        Ok(())
    }

    /// Puts the end of the term on the list of those to be dealt with.
    fn expires(&mut self, id: AllocationId, terms: Terms) {
        let row = vec![Cell::text(id), rows::time(terms.valid_until)];
        self.pending.put(TableId::Expiries, row);
    }

    pub(super) fn update_terms(&mut self, id: AllocationId, terms: Terms, row: &'a [Cell]) -> Done {
        if !self.balances.has(&id) {
            return Err(CommitError::Missing(Entity::Allocation));
        }
        self.terms.set(id, terms);
        self.expires(id, terms);
        self.pending.put(TableId::Allocations, row);
        Ok(())
    }

    pub(super) fn insert_allocation(
        &mut self,
        id: AllocationId,
        balance: Balance,
        terms: Terms,
        row: &'a [Cell],
    ) -> Done {
        if self.balances.has(&id) {
            return conflict(Entity::Allocation);
        }
        self.terms.set(id, terms);
        self.expires(id, terms);
        self.balances.set(id, balance);
        self.pending
            .put(TableId::Balances, rows::balance(id, &balance));
        self.pending.put(TableId::Allocations, row);
        Ok(())
    }
}
