use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where. The kind alone says whether to try again.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct Error {
    pub kind: ErrorKind,
    /// The call that failed, in the scheduler's words: `POST job/submit`, `qstat`.
    pub operation: &'static str,
    /// One line for people, with the scheduler's own words; never a token.
    pub message: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The scheduler said no and has nothing of it; trying again is no use.
    Refused,
    /// Nothing was sent, or it surely had no effect: try again later.
    Unavailable,
    /// The request was sent and no proof came back: the scheduler may have acted on it.
    Unclear,
    /// The credential or the local account was not accepted: a person has to mend it.
    Unauthorized,
    /// The answer was not understood; a version the adapter does not know, or a proxy's page.
    Protocol,
    /// The adapter's own settings or machine: a path, a missing program, a full disk.
    Local,
}

impl ErrorKind {
    pub const fn may_have_acted(self) -> bool {
        matches!(self, Self::Unclear)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Unclear => "unclear",
            Self::Unauthorized => "unauthorized",
            Self::Protocol => "protocol",
            Self::Local => "local",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            operation,
            message: message.into(),
            source: None,
        }
    }

    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
}
