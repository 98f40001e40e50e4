//! What a funder asks of a period, and what was set out to be reached.

use broker_model::{FundingShare, Indicators, Objective, ObjectiveDraft, ObjectiveView};
use jiff::civil::Date;

use super::Client;
use crate::Result;

impl Client {
    /// Of the days from the first to the last, of UTC; for auditors and operators.
    pub async fn indicators(
        &self,
        (from, to): (Date, Date),
        share: Option<&FundingShare>,
    ) -> Result<Indicators> {
        let mut query = vec![("from", from.to_string()), ("to", to.to_string())];
        query.extend(share.map(|it| ("share", it.to_string())));
        self.get("indicators", &query).await
    }

    /// With what is measured now, oldest first.
    pub async fn objectives(&self) -> Result<Vec<ObjectiveView>> {
        self.every("objectives", &[]).await
    }

    /// Sets one before its period begins. The same `key` and draft again give the first answer again.
    pub async fn set_objective(&self, draft: &ObjectiveDraft, key: &str) -> Result<Objective> {
        self.post("objectives", draft, Some(key)).await
    }
}
