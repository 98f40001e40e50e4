//! What a stored document tells to whom.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::Caller;

/// What a screening found of the person who asked: for reviewers, as the record of it is.
///
/// Who it is about reads it among their evidence and in their export; the document does not name them, so it cannot
/// be told to them here and to nobody else.
const OF_THE_PERSON: &str = "/question/applicant/screening";

/// The document without what is not for the caller, and which places those are.
///
/// They are told where nothing stood in them, too, wherever it could have: that a place is left out says nothing of
/// the person then.
pub(super) fn told(caller: &Caller, document: String) -> (Box<RawValue>, Vec<String>) {
    if caller.is_reviewer() {
        let raw = RawValue::from_string(document).unwrap_or_default();
        return (raw, Vec::new());
    }
    let left = without(&document).map(RawValue::from_string);
    let raw = match left {
        Some(changed) => changed,
        None => RawValue::from_string(document),
    };
    (raw.unwrap_or_default(), vec![OF_THE_PERSON.to_owned()])
}

/// None where nothing stands there, so that the rest stays as it is stored to the byte.
fn without(document: &str) -> Option<String> {
    let mut read: Value = serde_json::from_str(document).ok()?;
    let applicant = read.pointer_mut("/question/applicant")?.as_object_mut()?;
    applicant.remove("screening")?;
    Some(read.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_found_of_the_person_is_taken_out() {
        let stored = r#"{"question":{"organisation":{"screening":"clear"},"applicant":{"screening":"hit","vetted":true}}}"#;
        let left = without(stored).unwrap();
        let of = |place: &str| {
            serde_json::from_str::<Value>(&left)
                .unwrap()
                .pointer(place)
                .cloned()
        };
        assert_eq!(
            of("/question/applicant"),
            Some(serde_json::json!({ "vetted": true }))
        );
        assert_eq!(of("/question/organisation/screening"), Some("clear".into()));
    }

    #[test]
    fn a_document_without_it_stays_as_it_is() {
        assert_eq!(without(r#"{"question": {"applicant": {}}}"#), None);
        assert_eq!(without("no document"), None);
    }
}
