//! People by the subject that their issuer knows them by.

use broker_model::PersonId;

use super::{Done, KnownPerson, Working, conflict, patched};
use crate::sql::db::Cell;
use crate::sql::steps::Subject;
use crate::sql::tables::{PERSON_FIRST_SEEN, TableId};
use crate::{CommitError, Entity};

impl<'a> Working<'a> {
    pub(super) fn put_person(&mut self, id: PersonId, subject: &Subject, row: &'a [Cell]) -> Done {
        // Whoever was erased before this, in the same group, has another subject by now.
        let has_it =
            |other: &PersonId| { self.persons.get(other) }.is_none_or(|it| it.subject == *subject);
        let other = self.subjects.get(subject).filter(|other| **other != id);
        if other.is_some_and(has_it) {
            return conflict(Entity::Person);
        }
        let first_seen = match self.persons.get(&id) {
            Some(known) if known.subject != *subject => return conflict(Entity::Person),
            Some(known) => Some(known.first_seen.clone()),
            None => row.get(PERSON_FIRST_SEEN).cloned(),
        };
        let row = patched(row, PERSON_FIRST_SEEN, first_seen.clone());
        let known = KnownPerson {
            subject: subject.clone(),
            first_seen: first_seen.unwrap_or(Cell::Null),
        };
        self.persons.set(id, known);
        self.subjects.set(subject.clone(), id);
        self.pending.put(TableId::Persons, row);
        Ok(())
    }

    pub(super) fn erase_person(&mut self, id: PersonId, row: &'a [Cell]) -> Done {
        let Some(known) = self.persons.get(&id) else {
            return Err(CommitError::Missing(Entity::Person));
        };
        let first_seen = known.first_seen.clone();
        let erased: Subject = (crate::ERASED_ISSUER.into(), id.to_string().into());
        let row = patched(row, PERSON_FIRST_SEEN, Some(first_seen.clone()));
        let known = KnownPerson {
            subject: erased.clone(),
            first_seen,
        };
        self.persons.set(id, known);
        self.subjects.set(erased, id);
        self.pending.put(TableId::Persons, row);
        Ok(())
    }
}
