//! What the days of evidence must keep to, wherever it is told of: handed in, recorded, or put in a question.

use jiff::civil::Date;
use policy_engine::EvidenceKindInfo;

/// A reason, and what is allowed instead.
type Wrong = (String, String);

/// Nothing where the kind is not known: that is told by itself.
pub(crate) fn wrong_first_day(
    kind: Option<&EvidenceKindInfo>,
    issued_on: Date,
    today: Date,
) -> Option<Wrong> {
    if issued_on > today {
        let reason = format!("{issued_on} is to come; it would count from then on");
        return Some((reason, format!("a day up to {today}")));
    }
    let since = kind?.issued_since?;
    (issued_on < since).then(|| {
        let reason = format!(
            "{issued_on} is before {since}, and there is no evidence of this kind from before"
        );
        (reason, format!("a day from {since} to {today}"))
    })
}

/// A last day before the first is a slip, and no evidence that has expired.
pub(crate) fn contradiction(issued_on: Date, expires_on: Option<Date>) -> Option<String> {
    let last = expires_on.filter(|last| *last < issued_on)?;
    Some(format!("{last} is before the first day, {issued_on}"))
}
