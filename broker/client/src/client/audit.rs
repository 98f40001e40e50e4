//! Usage, and the ledger with its proofs.

use reqwest::{Method, Response};

use super::Client;
use crate::Result;
use crate::wire::{CheckpointView, ConsistencyView, EntryView, InclusionView, Page, UsageView};

impl Client {
    /// A page of usage records the caller may see, newest end first. Keys of the query: `project`, `site`,
    /// `share`, `month` (`2026-11`), `limit`, `cursor`.
    pub async fn usage(&self, query: &[(&str, String)]) -> Result<Page<UsageView>> {
        self.get("usage", query).await
    }

    /// The newest signed tree head; a problem `outside-ledger` while nothing is sealed.
    pub async fn checkpoint(&self) -> Result<CheckpointView> {
        self.get("ledger/checkpoint", &[]).await
    }

    /// A page of ledger entries in order. Keys of the query: `job` (all others are for auditors), `limit`,
    /// `cursor`.
    pub async fn entries(&self, query: &[(&str, String)]) -> Result<Page<EntryView>> {
        self.get("ledger/entries", query).await
    }

    /// The proof that an entry is in the tree of the newest checkpoint, or of the one with this size. It is
    /// not checked here: `broker_ledger::verify_inclusion` does.
    pub async fn inclusion(&self, seq: u64, tree_size: Option<u64>) -> Result<InclusionView> {
        let mut query = vec![("seq", seq.to_string())];
        query.extend(tree_size.map(|size| ("tree_size", size.to_string())));
        self.get("ledger/proofs/inclusion", &query).await
    }

    /// The proof that the tree of `to` entries begins with that of `from`; not checked here.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyView> {
        let query = [("from", from.to_string()), ("to", to.to_string())];
        self.get("ledger/proofs/consistency", &query).await
    }

    /// The ledger as one file that verifies offline, as it comes.
    pub async fn export(&self) -> Result<Response> {
        self.authorized(|| self.request(Method::GET, "ledger/export", &[]))
            .await
    }
}
