//! What has a name that is taken once: claims, nonces, accepted terms, dossiers.

use std::sync::Arc;

use super::{Done, Working, conflict};
use crate::sql::db::Cell;
use crate::sql::tables::TableId;
use crate::{CommitError, Entity};

impl<'a> Working<'a> {
    pub(super) fn insert_nonce(&mut self, id: &Arc<str>, row: &'a [Cell]) -> Done {
        let fresh = !self.nonces.has(id);
        self.nonces.set(Arc::clone(id), ());
        self.insert_once(fresh, Entity::Nonce, TableId::AgentNonces, row)
    }

    pub(super) fn remove_dossier(&mut self, id: &Arc<str>, version: i64) -> Done {
        if self.versions.get(id) != Some(&version) {
            return conflict(Entity::Dossier);
        }
        // No row is ever stored at this version, so nothing follows in the same group either.
        self.versions.set(Arc::clone(id), 0);
        let key = vec![Cell::Text(Arc::clone(id))];
        self.pending.remove(TableId::Dossiers, key);
        Ok(())
    }

    pub(super) fn accept_terms(&mut self, id: &Arc<str>, row: &'a [Cell]) -> Done {
        let fresh = !self.terms_accepted.has(id);
        self.terms_accepted.set(Arc::clone(id), ());
        let entity = Entity::TermsAcceptance;
        self.insert_once(fresh, entity, TableId::TermsAcceptances, row)
    }

    pub(super) fn unclaim(&mut self, name: &Arc<str>) {
        self.claims.set(Arc::clone(name), None);
        let key = vec![Cell::Text(Arc::clone(name))];
        self.pending.remove(TableId::Claims, key);
    }

    pub(super) fn claim(&mut self, name: &Arc<str>, holder: &Arc<str>, row: &'a [Cell]) -> Done {
        match self.claims.get(name).and_then(Option::as_ref) {
            Some(held) if held == holder => return Ok(()),
            Some(_) => return Err(CommitError::Duplicate(Entity::Claim)),
            None => {}
        }
        self.claims.set(Arc::clone(name), Some(Arc::clone(holder)));
        self.pending.put(TableId::Claims, row);
        Ok(())
    }
}
