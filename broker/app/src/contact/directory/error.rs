use std::fmt;

/// Why a directory was not read: the file, the entry, its field, and what is wrong. Prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryError {
    pub file: String,
    pub entry: Option<String>,
    pub field: Option<String>,
    pub reason: String,
}

impl DirectoryError {
    pub(in crate::contact) fn new(file: &str, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            entry: None,
            field: None,
            reason: reason.into(),
        }
    }

    pub(in crate::contact) fn at(self, entry: &str, field: &str) -> Self {
        Self {
            entry: Some(entry.to_owned()),
            field: Some(field.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(entry) = &self.entry {
            write!(f, ": `{entry}`")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for DirectoryError {}
