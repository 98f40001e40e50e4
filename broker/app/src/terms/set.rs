use std::sync::Arc;

use broker_model::TermsDocument;
use jiff::civil::Date;

/// Documents with all their versions, as a folder has them.
#[derive(Clone, Debug, Default)]
pub struct TermsSet {
    /// By whose they are, the platform's first, and then by the day they come into force.
    documents: Vec<Arc<TermsDocument>>,
}

impl TermsSet {
    pub(super) fn of(mut documents: Vec<TermsDocument>) -> Self {
        documents.sort_by(|a, b| (&a.scope, a.effective).cmp(&(&b.scope, b.effective)));
        Self {
            documents: documents.into_iter().map(Arc::new).collect(),
        }
    }

    /// Every version of every document.
    pub fn documents(&self) -> &[Arc<TermsDocument>] {
        &self.documents
    }

    /// Of each document the version that came into force last; none of one that is not in force yet.
    pub fn in_force(&self, day: Date) -> Vec<Arc<TermsDocument>> {
        let mut found: Vec<Arc<TermsDocument>> = Vec::new();
        for document in self.documents.iter().filter(|it| it.effective <= day) {
            match found.last_mut().filter(|it| it.id == document.id) {
                Some(earlier) => *earlier = Arc::clone(document),
                None => found.push(Arc::clone(document)),
            }
        }
        found
    }
}
