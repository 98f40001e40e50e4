use broker_client::Error;

/// A failure of the client itself that has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("verification failed: {0}")]
    Verification(String),
}

/// The exit code of an error, as the crate's documentation lists them.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return match failure {
            Failure::Usage(_) => 2,
            Failure::Verification(_) => 5,
        };
    }
    match error.downcast_ref::<Error>() {
        Some(Error::NotSignedIn(_)) => 3,
        Some(Error::Problem(problem)) if problem.status == 401 => 3,
        Some(Error::Unreachable { .. }) => 4,
        _ => 1,
    }
}

/// An error with its sources, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
