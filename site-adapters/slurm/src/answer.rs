//! What slurmrestd answered, and what an answer that is not a plain yes means.
//!
//! The HTTP status tells little: an unknown partition is 500 in 22.05 and 422 in 26.05, an expired
//! token may be 200. Slurm's error number decides where there is one.

use serde_json::Value;
use site_adapter::{Error, ErrorKind};

/// Whether a call changes something: then a lost answer leaves open if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Acts,
    /// Acts, and what it makes would be made twice if it were sent again.
    Makes,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) operation: &'static str,
    pub(crate) effect: Effect,
    pub(crate) status: u16,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Json(Value),
    /// slurmrestd answers in text for a bad path, method, body or missing headers; proxies too.
    Text(String),
}

/// One entry of `errors`, in any of the three shapes that 22.05 mixes in one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlurmError {
    pub(crate) number: i64,
    pub(crate) text: String,
}

pub(crate) const INVALID_JOB_ID: i64 = 2017;
pub(crate) const NOTHING_FOUND: i64 = 9003;
/// "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)".
pub(crate) const OVER_LIMIT: i64 = 2050;
/// "Invalid user id".
const UNKNOWN_ID: i64 = 2010;
/// "Rejecting authentication of user nobody or group nobody": 26.05 knows no such user.
const UNKNOWN_USER: i64 = 6010;
/// "Required partition not available (inactive or drain)".
const PARTITION_CLOSED: i64 = 2070;
/// "Job dependency problem": from 24.11 on, of a job that slurmctld does not know.
const DEPENDENCY: i64 = 2038;

impl Answer {
    pub(crate) fn json(&self) -> &Value {
        match &self.body {
            Body::Json(value) => value,
            Body::Text(_) => &Value::Null,
        }
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.json()
            .get(name)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// A list that every whole answer to this call has: without it nothing is said to be absent.
    pub(crate) fn whole_list(&self, name: &'static str) -> Result<&[Value], Error> {
        match self.json().get(name).and_then(Value::as_array) {
            Some(list) => Ok(list),
            None => Err(self.incomplete(&format!("`{name}`"))),
        }
    }

    /// The local user that the call was made as is none of the site's.
    pub(crate) fn is_of_unknown_user(&self) -> bool {
        self.has(UNKNOWN_ID) || self.has(UNKNOWN_USER)
    }

    pub(crate) fn errors(&self) -> Vec<SlurmError> {
        self.list("errors").iter().map(SlurmError::read).collect()
    }

    pub(crate) fn has(&self, number: i64) -> bool {
        self.errors().iter().any(|error| error.number == number)
    }

    /// slurmrestd does not know the path: another version of the API, or no such plugin.
    pub(crate) fn is_unknown_path(&self) -> bool {
        self.status == 404 && matches!(self.body, Body::Text(_))
    }

    /// An error unless the status is 2xx and `errors` holds nothing but the numbers in `benign`.
    pub(crate) fn check(&self, benign: &[i64]) -> Result<(), Error> {
        let errors: Vec<SlurmError> = self
            .errors()
            .into_iter()
            .filter(|error| !benign.contains(&error.number))
            .collect();
        if (200..300).contains(&self.status) && errors.is_empty() {
            return match &self.body {
                Body::Json(_) => Ok(()),
                Body::Text(text) => Err(self.error(self.not_understood(), quote(text))),
            };
        }
        Err(self.failure(&errors))
    }

    fn failure(&self, errors: &[SlurmError]) -> Error {
        let said = match &self.body {
            Body::Text(text) => quote(text),
            Body::Json(_) if errors.is_empty() => "no reason is given".to_owned(),
            Body::Json(_) => words_of(errors),
        };
        let kind = errors
            .iter()
            .find_map(|error| self.kind_by_number(error.number))
            .unwrap_or_else(|| self.kind_by_status());
        self.error(kind, format!("{said} (HTTP {})", self.status))
    }

    /// `None` for a number that decides nothing: 0, -1, and what is not in the table.
    fn kind_by_number(&self, number: i64) -> Option<ErrorKind> {
        match number {
            // The same of the one person's job, and of nobody else's.
            UNKNOWN_ID | UNKNOWN_USER if self.effect == Effect::Makes => Some(ErrorKind::Refused),
            // The token; a user id that Slurm does not map; user unknown to the site (26.05).
            1007 | UNKNOWN_ID | UNKNOWN_USER => Some(ErrorKind::Unauthorized),
            // Not permitted: how slurmctld's absence is worded now and then. Try again: its queue is
            // full, or a message could not be handed over whole. Neither proves that nothing was made.
            1 | 11 if self.effect == Effect::Makes => Some(ErrorKind::Unclear),
            1 | 11 => Some(ErrorKind::Unavailable),
            // slurmctld could not be dialled; slurmdbd is away.
            1800 | 7000 => Some(ErrorKind::Unavailable),
            // Pass by themselves: the user has as many jobs as may be; the partition is drained.
            OVER_LIMIT | PARTITION_CLOSED => Some(ErrorKind::Unavailable),
            // A job that this one waits for was purged since it was looked up: looked up again, it
            // is found in the accounting.
            DEPENDENCY if self.effect == Effect::Makes => Some(ErrorKind::Unavailable),
            // Sent, and the connection was lost or slurmctld did not answer in time.
            1801..=1899 | 5000..=5099 => Some(self.lost()),
            2000..=2999 => Some(ErrorKind::Refused),
            9000..=9999 => Some(ErrorKind::Protocol),
            _ => None,
        }
    }

    fn kind_by_status(&self) -> ErrorKind {
        match self.status {
            401 | 407 | 511 => ErrorKind::Unauthorized,
            403 | 429 => ErrorKind::Unavailable,
            500..=599 => self.lost(),
            _ => ErrorKind::Protocol,
        }
    }

    const fn lost(&self) -> ErrorKind {
        match self.effect {
            Effect::Reads => ErrorKind::Unavailable,
            Effect::Acts | Effect::Makes => ErrorKind::Unclear,
        }
    }

    const fn not_understood(&self) -> ErrorKind {
        match self.effect {
            Effect::Reads => ErrorKind::Protocol,
            Effect::Acts | Effect::Makes => ErrorKind::Unclear,
        }
    }

    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, self.operation, message)
    }

    /// The answer lacks what every answer to this call has.
    pub(crate) fn incomplete(&self, what: &str) -> Error {
        self.error(
            self.not_understood(),
            format!("the answer has no {what} (HTTP {})", self.status),
        )
    }
}

impl SlurmError {
    pub(crate) fn read(value: &Value) -> Self {
        let number = ["error_number", "errno", "error_code"]
            .iter()
            .find_map(|key| value.get(key)?.as_i64());
        let words = ["error", "description"]
            .iter()
            .filter_map(|key| value.get(key)?.as_str())
            .filter(|text| !text.is_empty());
        Self {
            number: number.unwrap_or(0),
            text: words.collect::<Vec<_>>().join(": "),
        }
    }
}

pub(crate) fn words_of(errors: &[SlurmError]) -> String {
    let words = errors
        .iter()
        .map(|error| format!("{} [{}]", quote(&error.text), error.number));
    words.collect::<Vec<_>>().join("; ")
}

/// One line of a text that somebody else wrote.
pub(crate) fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(effect: Effect, status: u16, body: Body) -> Answer {
        Answer {
            operation: "POST job/submit",
            effect,
            status,
            body,
        }
    }

    fn kind(effect: Effect, status: u16, errors: &Value) -> ErrorKind {
        let body = Body::Json(json!({"errors": errors}));
        answer(effect, status, body).check(&[]).unwrap_err().kind
    }

    #[test]
    fn the_number_decides_and_not_the_status() {
        let partition = json!([{"error_code": 2000, "error": "Invalid partition name specified"}]);
        for status in [200, 422, 500] {
            assert_eq!(kind(Effect::Acts, status, &partition), ErrorKind::Refused);
        }
        for (number, kind_wanted) in [
            (1007, ErrorKind::Unauthorized),
            (1800, ErrorKind::Unavailable),
            (2050, ErrorKind::Unavailable),
            (2070, ErrorKind::Unavailable),
            (5004, ErrorKind::Unclear),
            (2045, ErrorKind::Refused),
            (9202, ErrorKind::Protocol),
        ] {
            let errors = json!([{"error_number": number, "error": "x", "description": "y"}]);
            assert_eq!(kind(Effect::Acts, 500, &errors), kind_wanted, "{number}");
        }
    }

    #[test]
    fn an_unknown_user_is_one_jobs_refusal_and_elsewhere_a_credential_to_mend() {
        for number in [2010, 6010] {
            let errors = json!([{"error_number": number, "error": "x", "description": "y"}]);
            assert_eq!(kind(Effect::Makes, 500, &errors), ErrorKind::Refused);
            assert_eq!(kind(Effect::Reads, 500, &errors), ErrorKind::Unauthorized);
        }
    }

    #[test]
    fn not_permitted_and_try_again_prove_nothing_of_a_submit() {
        for number in [1, 11] {
            let errors = json!([{"error_number": number, "error": "x", "description": "y"}]);
            assert_eq!(kind(Effect::Makes, 500, &errors), ErrorKind::Unclear);
            assert_eq!(kind(Effect::Acts, 403, &errors), ErrorKind::Unavailable);
            assert_eq!(kind(Effect::Reads, 500, &errors), ErrorKind::Unavailable);
        }
    }

    #[test]
    fn a_list_that_is_missing_is_not_an_empty_one() {
        let whole = Body::Json(json!({"jobs": []}));
        let whole = answer(Effect::Reads, 200, whole);
        assert_eq!(whole.whole_list("jobs").unwrap().len(), 0);
        for body in [json!({}), json!({"jobs": null}), json!({"jobs": {}})] {
            let part = answer(Effect::Reads, 200, Body::Json(body));
            assert_eq!(
                part.whole_list("jobs").unwrap_err().kind,
                ErrorKind::Protocol
            );
        }
    }

    #[test]
    fn a_server_error_without_a_number_leaves_open_whether_a_submit_had_an_effect() {
        let zero = json!([{"error": "Unspecified error", "errno": -1}]);
        for status in [500, 502, 503, 504] {
            assert_eq!(kind(Effect::Acts, status, &zero), ErrorKind::Unclear);
            assert_eq!(kind(Effect::Acts, status, &json!([])), ErrorKind::Unclear);
            assert_eq!(kind(Effect::Reads, status, &zero), ErrorKind::Unavailable);
        }
    }

    #[test]
    fn text_answers_are_quoted_in_one_line() {
        let page = Body::Text("<html>\n  Bad\u{7} gateway\n".to_owned());
        let error = answer(Effect::Acts, 502, page).check(&[]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unclear);
        assert_eq!(error.message, "<html> Bad gateway (HTTP 502)");
        let ok = answer(Effect::Reads, 200, Body::Text("fine".to_owned()));
        assert_eq!(ok.check(&[]).unwrap_err().kind, ErrorKind::Protocol);
    }

    #[test]
    fn the_three_shapes_of_errors_are_read() {
        for shape in [
            json!({"error": "Invalid", "errno": 2017}),
            json!({"error": "Invalid", "error_code": 2017}),
            json!({"error": "Invalid", "error_number": 2017, "source": "x"}),
        ] {
            assert_eq!(
                SlurmError::read(&shape),
                SlurmError {
                    number: 2017,
                    text: "Invalid".to_owned()
                }
            );
        }
    }
}
