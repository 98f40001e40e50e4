//! What the broker keeps of the caller.

use serde_json::Value;

use super::Client;
use crate::Result;
use crate::wire::ErasureRequestView;

impl Client {
    /// All of it, as it comes: `format` says which form it has.
    pub async fn export_me(&self) -> Result<Value> {
        self.get("me/export", &[]).await
    }

    /// Asks to be erased; asking again changes nothing.
    pub async fn request_erasure(&self) -> Result<ErasureRequestView> {
        self.post("me/erasure-request", &Value::Null, None).await
    }

    /// Takes that back while nobody has carried it out.
    pub async fn withdraw_erasure(&self) -> Result<ErasureRequestView> {
        self.delete("me/erasure-request").await
    }
}
