use broker_model::{Ids, ManualClock};
use jiff::SignedDuration;

use super::*;

fn period() -> (Date, Date, Option<FundingShare>) {
    (
        "2026-11-01".parse().unwrap(),
        "2026-11-30".parse().unwrap(),
        None,
    )
}

fn organisations(many: usize) -> Vec<OrganisationId> {
    let (ids, clock) = (Ids::from_os(), ManualClock::at(Timestamp::UNIX_EPOCH));
    (0..many).map(|_| ids.next(&clock)).collect()
}

fn used(organisation: OrganisationId, what: (&'static str, &str, &[&str]), hours: i64) -> Use {
    let (size, country, sectors) = what;
    Use {
        organisation,
        is_by_present: false,
        size,
        country: country.to_owned(),
        sectors: sectors.iter().map(|it| (*it).to_owned()).collect(),
        gpu: GpuMillis::from_hours(hours),
    }
}

fn told(parts: &[UsedPart]) -> Vec<(&str, u32, u64)> {
    let told = parts
        .iter()
        .map(|it| (it.of.as_str(), it.permille, it.organisations));
    told.collect()
}

#[test]
fn use_is_told_by_size_country_and_sector_the_largest_first() {
    let [ours, theirs, others] = organisations(3)[..] else {
        panic!("three");
    };
    let uses = [
        used(ours, ("small", "FR", &["health", "energy"]), 100),
        used(ours, ("small", "FR", &["health"]), 200),
        used(theirs, ("large", "FI", &[]), 650),
        used(others, ("small", "FI", &["energy"]), 50),
    ];
    let found = indicators(period(), &uses, &[]);
    assert_eq!(found.gpu, GpuMillis::from_hours(1000));
    assert_eq!(found.organisations, 3);
    assert_eq!(told(&found.by_size), [("large", 650, 1), ("small", 350, 2)]);
    assert_eq!(told(&found.by_country), [("FI", 700, 2), ("FR", 300, 1)]);
    let sectors = [("not_said", 650, 1), ("health", 300, 1), ("energy", 150, 2)];
    assert_eq!(told(&found.by_sector), sectors);
    assert_eq!(found.top_10_permille, Some(1000));
}

#[test]
fn the_ten_that_used_most_are_counted_by_organisation_and_not_by_project() {
    let many = organisations(21);
    let first = many[0];
    let mut uses: Vec<Use> = many
        .iter()
        .map(|it| used(*it, ("micro", "DE", &[]), 10))
        .collect();
    uses.extend([
        used(first, ("micro", "DE", &[]), 40),
        used(first, ("micro", "DE", &[]), 50),
    ]);
    let found = indicators(period(), &uses, &[]);
    // 100 of the first and 9 times 10, of 300.
    assert_eq!(found.top_10_permille, Some(633));
}

#[test]
fn of_nothing_nothing_is_said() {
    let found = indicators(period(), &[], &[]);
    assert_eq!(found.top_10_permille, None);
    assert!(found.by_size.is_empty() && found.access.is_empty());
}

#[test]
fn each_step_to_access_is_measured_by_share_of_those_that_took_it() {
    let begin: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    let after = |hours| begin + SignedDuration::from_hours(hours);
    let of = |share: &FundingShare, outcome| Access {
        share: share.clone(),
        applied_at: begin,
        outcome,
    };
    let accepted = |at, job: Option<i64>| Outcome::Accepted {
        at: after(at),
        account_at: job.map(|it| after(it - 4)),
        first_job_at: job.map(after),
    };
    let (union, sold) = (FundingShare::Union, FundingShare::Commercial);
    let access = [
        of(&union, accepted(24, Some(30))),
        of(&union, accepted(48, Some(100))),
        of(&union, accepted(96, None)),
        of(&union, Outcome::Rejected { at: after(72) }),
        of(&union, Outcome::Waiting),
        of(&sold, Outcome::Withdrawn),
    ];
    let found = indicators(period(), &[], &access).access;
    let [of_union, of_sold] = &found[..] else {
        panic!("{found:?}");
    };
    let spread = |count, median_hours, ninth_decile_hours| Spread {
        count,
        median_hours,
        ninth_decile_hours,
        longest_hours: ninth_decile_hours,
    };
    assert_eq!(
        (of_union.applications, of_union.waiting, of_union.rejected),
        (5, 1, 1)
    );
    assert_eq!(of_union.decision, Some(spread(4, 48, 96)));
    assert_eq!(of_union.first_job, Some(spread(2, 6, 52)));
    assert_eq!(of_union.account, Some(spread(2, 2, 48)));
    assert_eq!(of_sold.account, None);
    assert_eq!(of_union.whole, Some(spread(2, 30, 100)));
    assert_eq!((of_sold.applications, of_sold.withdrawn), (1, 1));
    assert_eq!(of_sold.decision, None);
}

#[test]
fn nine_of_ten_took_no_longer_than_the_ninth_decile() {
    let begin = Timestamp::UNIX_EPOCH;
    let times = (1..=20).map(|it| (begin, begin + SignedDuration::from_hours(it)));
    let found = spread(times).unwrap();
    assert_eq!((found.median_hours, found.ninth_decile_hours), (10, 18));
}
