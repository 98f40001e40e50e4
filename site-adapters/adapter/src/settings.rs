/// A value in an adapter's table that the table's shape allows and the adapter cannot work with.
///
/// The agent puts the file and the table before `key`.
#[derive(Debug, thiserror::Error)]
#[error("`{key}`: {reason}; {remedy}")]
pub struct InvalidSettings {
    /// The place below `[adapter.settings]`, as `partitions.gpu.queue`.
    pub key: String,
    pub reason: String,
    pub remedy: &'static str,
}

impl InvalidSettings {
    #[must_use]
    pub fn new(key: &str, reason: impl Into<String>, remedy: &'static str) -> Self {
        Self {
            key: key.to_owned(),
            reason: reason.into(),
            remedy,
        }
    }
}
