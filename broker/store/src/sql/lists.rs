//! Lists that stop after a page, whatever is behind it.
//!
//! An index gives the rows of one project, or in one state, in the order of a list, but not those of
//! several. So each of them is a branch of its own that stops after one page.

use super::db::Kind::Text;
use super::db::{Cell, Select, Sql};
use super::rows::LARGEST_PAGE;

/// SQLite takes 500 `SELECT`s in one statement; what is more goes into another one.
const MOST_BRANCHES: usize = 200;

/// A table of documents and how its lists are ordered.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) table: &'static str,
    pub(super) id: &'static str,
    pub(super) order: &'static str,
}

#[derive(Clone, Debug)]
pub(super) enum Term {
    Same(String),
    /// Text up to a value, the value, and text after it.
    Value(&'static str, Cell, &'static str),
}

/// Conditions that hold together.
pub(super) type Branch = Vec<Term>;

pub(super) fn is(left: &'static str, value: Cell) -> Term {
    Term::Value(left, value, "")
}

impl Listed {
    /// Statements that give a page each, or less; the page of the list is the first of all of them.
    pub(super) fn statements(&self, branches: &[Branch], limit: u32) -> Vec<(Select, Vec<Cell>)> {
        let limit = Cell::Int(limit.clamp(1, LARGEST_PAGE).into());
        let statements = branches.chunks(MOST_BRANCHES).map(|branches| {
            let mut args = vec![limit.clone()];
            let sql = match branches {
                [one] => self.page("document", one, &mut args),
                many => self.union(many, &mut args),
            };
            let select = Select {
                table: self.table,
                sql: Sql::Built(sql.into()),
                kinds: &[Text],
            };
            (select, args)
        });
        statements.collect()
    }

    fn union(&self, branches: &[Branch], args: &mut Vec<Cell>) -> String {
        let Self { id, .. } = self;
        let parts: Vec<String> = branches
            .iter()
            .map(|branch| {
                format!(
                    "SELECT {id} FROM ({}) AS branch",
                    self.page(id, branch, args)
                )
            })
            .collect();
        let ids = Term::Same(format!("{id} IN ({})", parts.join(" UNION ALL ")));
        self.page("document", &[ids], args)
    }

    fn page(&self, column: &str, branch: &[Term], args: &mut Vec<Cell>) -> String {
        let Self { table, order, .. } = self;
        let terms: Vec<String> = branch.iter().map(|term| term.text(args)).collect();
        let conditions = match terms.as_slice() {
            [] => String::new(),
            some => format!(" WHERE {}", some.join(" AND ")),
        };
        format!("SELECT {column} FROM {table}{conditions} ORDER BY {order} LIMIT $1")
    }
}

impl Term {
    fn text(&self, args: &mut Vec<Cell>) -> String {
        match self {
            Self::Same(text) => text.clone(),
            Self::Value(before, value, after) => {
                args.push(value.clone());
                format!("{before} ${}{after}", args.len())
            }
        }
    }
}
