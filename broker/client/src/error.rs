use crate::wire::Problem;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no answer. Never holds a token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker answered with a problem document.
    #[error("{}", describe(.0))]
    Problem(Box<Problem>),
    /// The broker did not answer, or not to the end. What was asked may have been done.
    #[error("the broker cannot be reached at {address}")]
    Unreachable {
        address: String,
        #[source]
        source: reqwest::Error,
    },
    /// The issuer of the login did not answer, or not to the end.
    #[error("the issuer cannot be reached at {address}")]
    IssuerUnreachable {
        address: String,
        #[source]
        source: reqwest::Error,
    },
    /// Something answered that is not this API, or a newer one.
    #[error("the answer of {address} was not understood: {reason}")]
    Answer { address: String, reason: String },
    /// Nobody is signed in, or the login is over.
    #[error("not signed in: {0}")]
    NotSignedIn(String),
    /// The broker takes the login no more, and who could renew it does not answer. Nobody refused it for
    /// good, so it may count again later.
    #[error(
        "not signed in: the login ran out and its issuer {issuer} cannot be reached; try again when it is \
         back, or sign in again with `alcyone login` then"
    )]
    RanOut {
        issuer: String,
        #[source]
        source: Box<Error>,
    },
    /// The issuer said no, in its own words.
    #[error("the login was refused: {0}")]
    LoginRefused(String),
}

fn describe(problem: &Problem) -> String {
    let mut text = if problem.detail.is_empty() {
        problem.title.clone()
    } else {
        problem.detail.clone()
    };
    for error in &problem.errors {
        text.push_str("\n  ");
        text.push_str(&error.to_string());
    }
    if let Some(remedy) = &problem.remedy {
        text.push_str("\n  remedy: ");
        text.push_str(remedy);
    }
    text
}
