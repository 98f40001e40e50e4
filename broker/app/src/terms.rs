//! Terms that people accept before their jobs run: the platform's, and those of each site.
//!
//! Documents are files of the operator, read at a start and at SIGHUP; what is stored is who accepted which
//! text, and the text. A job that was accepted stays so: terms that come into force later are asked of the
//! next one.

mod accept;
mod asked;
mod check;
mod fault;
mod read;
mod set;

use std::sync::{Arc, PoisonError};

use broker_model::TermsDocument;
use jiff::Timestamp;
use jiff::civil::Date;
use policy_engine::day_in_brussels;

use crate::{Broker, Caller, Result};

pub(crate) use accept::Accepted;
pub(crate) use asked::UnacceptedSites;
pub use fault::{BrokenTerms, TermsFault};
pub use set::TermsSet;

/// A document in force, and whether somebody has accepted it.
#[derive(Clone, Debug)]
pub struct TermsInForce {
    pub document: Arc<TermsDocument>,
    pub accepted_at: Option<Timestamp>,
}

impl Broker {
    /// Puts a set of documents in force for every request from now on.
    pub fn put_terms(&self, terms: TermsSet) {
        let mut slot = { self.inner.terms.write() }.unwrap_or_else(PoisonError::into_inner);
        *slot = Arc::new(terms);
    }

    /// The documents in force today, the platform's first.
    pub async fn terms(&self, caller: &Caller) -> Result<Vec<TermsInForce>> {
        let in_force = self.terms_in_force();
        let accepted = self.terms_accepted_by(caller.person).await?;
        let shown = in_force.into_iter().map(|document| TermsInForce {
            accepted_at: accept::accepted_at(&document, &accepted),
            document,
        });
        Ok(shown.collect())
    }

    pub(crate) fn terms_in_force(&self) -> Vec<Arc<TermsDocument>> {
        self.terms_set().in_force(self.today())
    }

    fn terms_set(&self) -> Arc<TermsSet> {
        let terms = self.inner.terms.read();
        Arc::clone(&terms.unwrap_or_else(PoisonError::into_inner))
    }

    fn today(&self) -> Date {
        day_in_brussels(self.inner.clock.now())
    }
}
