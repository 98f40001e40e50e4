//! Dated lists of who signed the AI Pact.

use async_trait::async_trait;
use broker_model::{Signatory, SignatoryList};

use crate::StoreError;

/// A list with the names on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSignatoryList {
    pub head: SignatoryList,
    pub signatories: Vec<Signatory>,
}

#[async_trait]
pub trait Signatories: Send + Sync + 'static {
    /// Without the names on them: the latest day first, and of one day the one that came last.
    async fn signatory_lists(&self) -> Result<Vec<SignatoryList>, StoreError>;
    /// The names on one of them, in the order of the list.
    async fn signatories_on(
        &self,
        list: &SignatoryList,
    ) -> Result<Option<Vec<Signatory>>, StoreError>;
}
