use std::collections::BTreeMap;

use broker_model::{FollowUp, OrganisationId};
use jiff::civil::Date;
use policy_engine::FollowUpFacts;

use crate::{Broker, Result};

/// Something that an organisation owes, and its last day: what is overdue follows from the day that asks,
/// so this may be remembered over midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    kind: String,
    due_on: Date,
}

impl Broker {
    /// Without what has no last day, and what the hours may not ask for: those stand in the way of nothing.
    pub(crate) async fn owed_by(&self, organisation: OrganisationId) -> Result<Vec<Owed>> {
        let all: Vec<FollowUp> = self.dossiers_of(organisation).await?;
        let open = all
            .into_iter()
            .filter(|it| it.is_open() && !it.is_by_default());
        Ok(open
            .filter_map(|it| {
                Some(Owed {
                    due_on: it.due_on?,
                    kind: it.kind,
                })
            })
            .collect())
    }
}

/// What the policy is told: of each kind how much is overdue. That nothing is says that somebody looked.
pub(crate) fn overdue(owed: &[Owed], today: Date) -> Vec<FollowUpFacts> {
    let mut kinds: BTreeMap<&str, Vec<Date>> = BTreeMap::new();
    for one in owed.iter().filter(|it| it.due_on < today) {
        kinds.entry(&one.kind).or_default().push(one.due_on);
    }
    let facts = kinds.into_iter().map(|(kind, days)| FollowUpFacts {
        kind: kind.to_owned(),
        oldest_due: days.iter().min().copied(),
        overdue: u32::try_from(days.len()).unwrap_or(u32::MAX),
    });
    facts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_what_is_overdue_on_that_day_is_counted_with_its_oldest() {
        let day = |text: &str| -> Date { text.parse().unwrap() };
        let owed: Vec<Owed> = [
            ("outcome_survey", "2027-08-22"),
            ("final_report", "2027-05-22"),
            ("final_report", "2027-02-28"),
        ]
        .map(|(kind, due)| Owed {
            kind: kind.to_owned(),
            due_on: day(due),
        })
        .into();
        assert_eq!(overdue(&owed, day("2027-02-28")), []);
        let counted = |today| -> Vec<(String, u32, Option<Date>)> {
            let facts = overdue(&owed, day(today)).into_iter();
            facts
                .map(|it| (it.kind, it.overdue, it.oldest_due))
                .collect()
        };
        let report = |count| ("final_report".to_owned(), count, Some(day("2027-02-28")));
        assert_eq!(counted("2027-03-01"), [report(1)]);
        let survey = ("outcome_survey".to_owned(), 1, Some(day("2027-08-22")));
        assert_eq!(counted("2027-08-23"), [report(2), survey]);
    }
}
