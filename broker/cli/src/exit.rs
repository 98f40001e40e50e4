use broker_client::Error;
use serde_json::{Value, json};

/// A failure of the client itself that has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("verification failed: {0}")]
    Verification(String),
}

const JUDGED: [&str; 18] = [
    "invalid-request",
    "invalid-organisation",
    "invalid-evidence",
    "invalid-application",
    "invalid-decision",
    "invalid-question",
    "invalid-need",
    "invalid-referral",
    "invalid-hand-over",
    "invalid-answer",
    "invalid-profile",
    "invalid-fulfilment",
    "invalid-waiver",
    "invalid-reopening",
    "invalid-objective",
    "invalid-period",
    "invalid-invitation",
    "invalid-policy",
];

/// The exit code of an error, as the crate's documentation lists them.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return match failure {
            Failure::Usage(_) => 2,
            Failure::Verification(_) => 5,
        };
    }
    match error.downcast_ref::<Error>() {
        Some(Error::NotSignedIn(_) | Error::RanOut { .. }) => 3,
        Some(Error::Problem(problem)) if problem.status == 401 => 3,
        // What the command line said that only the broker can judge, as a state to list jobs by.
        Some(Error::Problem(problem)) if JUDGED.contains(&problem.code.as_str()) => 2,
        Some(Error::Unreachable { .. } | Error::IssuerUnreachable { .. }) => 4,
        _ => 1,
    }
}

/// The stable word for an error; a refusal of the broker has its problem document's.
fn failure_code(error: &anyhow::Error) -> &str {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return match failure {
            Failure::Usage(_) => "usage",
            Failure::Verification(_) => "verification-failed",
        };
    }
    match error.downcast_ref::<Error>() {
        Some(Error::Problem(problem)) => &problem.code,
        Some(Error::NotSignedIn(_) | Error::RanOut { .. }) => "not-signed-in",
        Some(Error::Unreachable { .. } | Error::IssuerUnreachable { .. }) => "unreachable",
        Some(Error::Answer { .. }) => "answer-not-understood",
        Some(Error::LoginRefused(_)) => "login-refused",
        None => "failed",
    }
}

/// What `--json` prints of an error: `code` and `detail`, and all else that a problem document says.
pub(crate) fn document(error: &anyhow::Error) -> Value {
    let words = format!("{error:#}");
    let mut document = json!({ "code": failure_code(error), "detail": words });
    let Some(object) = document.as_object_mut() else {
        return document;
    };
    if matches!(
        error.downcast_ref::<Failure>(),
        Some(Failure::Verification(_))
    ) {
        object.insert("verified".to_owned(), Value::Bool(false));
    }
    if let Some(refusal @ Error::Problem(problem)) = error.downcast_ref::<Error>() {
        if let Ok(Value::Object(members)) = serde_json::to_value(problem) {
            object.extend(members);
        }
        // Without what this program had to add, the broker's own words are enough.
        if error.to_string() != refusal.to_string() || problem.detail.is_empty() {
            object.insert("detail".to_owned(), Value::String(words));
        }
    }
    document
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
