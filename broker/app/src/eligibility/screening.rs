//! What the records of screening against sanctions and export control say of an organisation.

use std::collections::BTreeSet;

use broker_model::{Evidence, OrganisationId, PersonId};
use jiff::Timestamp;
use jiff::civil::Date;
use policy_engine::{Engine, EvidenceKindInfo};

use crate::{Broker, Result};

/// The question that records of screening answer, in `policies/tables/evidence_kinds.toml`.
const SCREENING: &str = "screening";

impl Broker {
    /// Every record, of it and of its people, by kind, the one that was looked at last of each last. One that was taken back before anybody
    /// looked is none; one that was refused stays, whoever takes it back.
    pub(crate) async fn screenings(&self, of: OrganisationId) -> Result<Vec<Evidence>> {
        let mut found: Vec<Evidence> = self.dossiers_of(of).await?;
        found.retain(|it| {
            self.is_screening(it) && (it.withdrawn_at.is_none() || it.check.is_some())
        });
        found.sort_by(|a, b| (&a.kind, seen_at(a), a.id).cmp(&(&b.kind, seen_at(b), b.id)));
        Ok(found)
    }

    /// The kinds of such records.
    pub fn screening_kinds(&self) -> Vec<String> {
        let engine = self.policy();
        let kinds = engine.evidence_kinds().iter();
        let shows = |shows: &[String]| shows.iter().any(|shown| shown == SCREENING);
        let kinds = kinds.filter(|kind| shows(&kind.shows));
        kinds.map(|kind| kind.id.clone()).collect()
    }

    pub(crate) fn is_screening(&self, evidence: &Evidence) -> bool {
        let engine = self.policy();
        let mut kinds = engine.evidence_kinds().iter();
        let kind = kinds.find(|kind| kind.id == evidence.kind.0);
        kind.is_some_and(|kind| kind.shows.iter().any(|shown| shown == SCREENING))
    }
}

/// What the applicant says of its days does not put a record before one that was found bad.
fn seen_at(evidence: &Evidence) -> Option<Timestamp> {
    let seen = evidence.check.as_ref().map(|it| it.at);
    seen.or(evidence.added_at)
}

/// Of an organisation itself, or of one of its people.
pub(super) fn outcome_of(
    engine: &Engine,
    screenings: &[Evidence],
    person: Option<PersonId>,
    today: Date,
) -> Option<String> {
    let about = screenings.iter().filter(|it| it.person == person);
    let about: Vec<Evidence> = about.cloned().collect();
    outcome(engine.evidence_kinds(), &about, today).map(str::to_owned)
}

/// The kinds that there is a record of: nothing is said of the others.
pub(super) fn kinds_of(screenings: &[Evidence], person: Option<PersonId>) -> Vec<String> {
    let about = screenings.iter().filter(|it| it.person == person);
    let kinds: BTreeSet<&String> = about.map(|it| &it.kind.0).collect();
    kinds.into_iter().cloned().collect()
}

/// Nothing where nobody screened. Of each kind the latest record counts: what a reviewer found good says that nothing
/// was found, until it expires: by its own last day or by how long its kind is valid. Anything else is for a person, and
/// no machine says that there was a hit.
fn outcome(
    kinds: &[EvidenceKindInfo],
    screenings: &[Evidence],
    today: Date,
) -> Option<&'static str> {
    let latest = screenings
        .chunk_by(|a, b| a.kind == b.kind)
        .filter_map(<[Evidence]>::last);
    let clear = |it: &Evidence| {
        let kind = kinds.iter().find(|kind| kind.id == it.kind.0);
        let last = kind.map_or(it.expires_on, |kind| {
            kind.last_day(it.issued_on, it.expires_on)
        });
        let in_force = it.issued_on <= today && last.is_none_or(|last| today <= last);
        it.stands() && it.is_checked() && in_force
    };
    let mut answers = latest.map(clear).peekable();
    answers.peek()?;
    Some(if answers.all(|it| it) {
        "clear"
    } else {
        "unsettled"
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(kind: &str, change: serde_json::Value) -> Evidence {
        let mut record = json!({
            "id": "evi_0192f0c1234570008000000000000001",
            "organisation": "org_0192f0c1234570008000000000000002",
            "kind": kind, "issued_on": "2026-10-01", "source": "list of 1 October",
            "checked_by": "a reviewer",
        });
        if let (Some(record), Some(change)) = (record.as_object_mut(), change.as_object()) {
            record.extend(change.clone());
        }
        serde_json::from_value(record).unwrap()
    }

    fn on(day: &str, records: &[Evidence]) -> Option<&'static str> {
        let engine = Engine::shipped().unwrap();
        outcome(engine.evidence_kinds(), records, day.parse().unwrap())
    }

    #[test]
    fn nobody_screened_says_nothing() {
        assert_eq!(on("2026-11-20", &[]), None);
    }

    #[test]
    fn a_checked_record_is_clear_up_to_its_last_day() {
        let record = record("sanctions_screening", json!({ "expires_on": "2026-11-20" }));
        let records = [record];
        assert_eq!(on("2026-11-20", &records), Some("clear"));
        assert_eq!(on("2026-11-21", &records), Some("unsettled"));
        assert_eq!(on("2026-09-30", &records), Some("unsettled"));
    }

    #[test]
    fn one_without_a_last_day_is_clear_for_a_year() {
        let records = [record("sanctions_screening", json!({}))];
        assert_eq!(on("2027-09-30", &records), Some("clear"));
        assert_eq!(on("2027-10-01", &records), Some("unsettled"));
        let own = json!({ "expires_on": "2029-10-01" });
        let records = [record("export_screening", own)];
        assert_eq!(on("2029-10-01", &records), Some("clear"));
    }

    #[test]
    fn one_that_was_refused_or_that_nobody_looked_at_is_not_settled() {
        let refused = json!({ "checked_by": null, "check": {
            "accepted": false, "words": "a name on the list", "at": "2026-10-02T08:00:00Z",
            "by": "per_0192f0c1234570008000000000000003",
        }});
        let unseen = json!({ "checked_by": null });
        for change in [refused, unseen] {
            let good = record("export_screening", json!({}));
            let records = [good, record("sanctions_screening", change)];
            assert_eq!(on("2026-11-20", &records), Some("unsettled"));
        }
    }

    #[test]
    fn a_later_record_of_a_kind_takes_the_place_of_an_earlier_one() {
        let earlier = record("sanctions_screening", json!({ "expires_on": "2026-11-01" }));
        let later = record("sanctions_screening", json!({ "issued_on": "2026-11-02" }));
        assert_eq!(on("2026-11-20", &[earlier, later]), Some("clear"));
    }
}
