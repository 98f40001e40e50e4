//! The size of an enterprise: what is refused, what holds of any facts, and a table gone wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod folder;

use std::sync::LazyLock;

use jiff::civil::Date;
use policy_engine::{
    AccountingPeriod, Engine, LinkedEnterprise, PeriodFigures, SizeClass, SizeFacts, SizeFault,
    SizeFound, Stake,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::folder::Folder;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::shipped().unwrap());

fn find(facts: &SizeFacts) -> Result<SizeFound, SizeFault> {
    ENGINE.size(facts, "2026-11-20".parse().unwrap())
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Two small years with a partner and a linked enterprise.
fn facts() -> SizeFacts {
    let period = |last_day| AccountingPeriod {
        awu_hundredths: 3_000,
        balance_eur: 4_000_000,
        estimated: false,
        first_day: None,
        last_day,
        turnover_eur: 6_000_000,
    };
    let days = [day("2025-12-31"), day("2024-12-31")];
    let figures = days.map(|last_day| PeriodFigures {
        awu_hundredths: 1_001,
        balance_eur: 1_000_001,
        last_day,
        turnover_eur: 2_000_001,
    });
    SizeFacts {
        periods: days.map(period).to_vec(),
        partners: vec![Stake {
            name: "Partner".into(),
            percent_hundredths: 3_333,
            periods: figures.to_vec(),
        }],
        linked: vec![LinkedEnterprise {
            identifiers: std::collections::BTreeMap::new(),
            name: "Linked".into(),
            periods: figures.to_vec(),
        }],
        ..SizeFacts::default()
    }
}

#[test]
fn a_partner_counts_by_its_share_and_a_linked_enterprise_whole() {
    let found = find(&facts()).unwrap();
    let latest = found.periods.first().unwrap();
    // 30 + 10.01 + 3.336333 persons, rounded down; a third of a euro is rounded up.
    assert_eq!(latest.awu_hundredths, 4_334);
    assert_eq!(latest.turnover_eur, 6_000_000 + 2_000_001 + 666_601);
    assert_eq!(latest.balance_eur, 4_000_000 + 1_000_001 + 333_301);
    assert_eq!(found.class, SizeClass::Small);
    let words: Vec<_> = found.reasons.iter().map(|it| it.words.as_str()).collect();
    assert!(words.contains(&"partner `Partner` counts by its share of 33.33 percent"));
    assert!(words.contains(&"linked enterprise `Linked` counts whole"));
}

#[test]
fn a_share_below_a_quarter_does_not_count() {
    let awu = |hundredths| {
        let mut facts = facts();
        facts.linked.clear();
        facts.partners[0].percent_hundredths = hundredths;
        find(&facts).unwrap().periods[0].awu_hundredths
    };
    assert_eq!(awu(2_499), 3_000);
    assert_eq!(awu(2_500), 3_250);
    assert_eq!(awu(5_000), 3_500);
}

#[test]
fn a_group_crosses_a_ceiling_exactly_where_its_true_figures_do() {
    let class = |turnover, percent| {
        let mut facts = facts();
        facts.linked.clear();
        facts.partners[0].percent_hundredths = percent;
        for period in &mut facts.periods {
            period.balance_eur = 11_000_000;
        }
        for period in &mut facts.partners[0].periods {
            period.turnover_eur = turnover;
        }
        find(&facts).unwrap().class
    };
    assert_eq!(class(8_000_000, 5_000), SizeClass::Small);
    assert_eq!(class(8_000_001, 5_000), SizeClass::Medium);
    assert_eq!(class(12_001_200, 3_333), SizeClass::Small);
    assert_eq!(class(12_001_201, 3_333), SizeClass::Medium);
}

#[test]
fn figures_beyond_all_measure_are_large() {
    let mut facts = facts();
    for period in facts.linked[0]
        .periods
        .iter_mut()
        .chain(&mut facts.partners[0].periods)
    {
        period.awu_hundredths = u64::MAX;
        period.turnover_eur = u64::MAX;
        period.balance_eur = u64::MAX;
    }
    let found = find(&facts).unwrap();
    assert_eq!(
        (found.class, found.periods[0].turnover_eur),
        (SizeClass::Large, u64::MAX)
    );
}

/// The facts as JSON, one value changed.
fn fault(pointer: &str, value: Value) -> SizeFault {
    let mut facts = facts();
    facts.founded_on = Some(day("2001-01-01"));
    facts.public_exception = Some("venture_capital".into());
    let latest = facts.periods.first_mut().unwrap();
    latest.first_day = Some(day("2025-01-01"));
    let mut facts = serde_json::to_value(facts).unwrap();
    *facts.pointer_mut(pointer).unwrap() = value;
    find(&serde_json::from_value(facts).unwrap()).unwrap_err()
}

/// What is changed, to what, and the fault: its field and words of its reason.
const FAULTS: &str = r#"
/periods | [] | periods | there is none
/periods/0/last_day | "2026-12-31" | periods[0].last_day | is after 2026-11-20
/periods/0/first_day | "2026-01-01" | periods[0].first_day | after the last day
/periods/0/first_day | "2025-01-02" | periods[0].first_day | there is a gap
/periods/0/first_day | "2024-12-31" | periods[0].first_day | they overlap
/periods/1/last_day | "2025-12-31" | periods[0].first_day | they overlap
/periods/0/estimated | true | periods[0].estimated | no accounts are closed
/founded_on | "2027-01-01" | founded_on | is after 2026-11-20
/founded_on | "2025-01-01" | periods[1].last_day | before the day of founding
/public_percent_hundredths | 10001 | public_percent_hundredths | 100.01 percent
/public_exception | "aunt" | public_exception | `aunt` is no exception
/partners/0/percent_hundredths | 0 | partners[0].percent_hundredths | no share
/partners/0/percent_hundredths | 5001 | partners[0].percent_hundredths | is linked
/partners/0/percent_hundredths | 10001 | partners[0].percent_hundredths | the whole
/partners/0/periods | [] | partners[0].periods | no figures for the period
/linked/0/periods/0/last_day | "2023-12-31" | linked[0].periods | no period of the enterprise
"#;

#[test]
fn a_fact_that_cannot_be_is_named_with_what_is_allowed() {
    for row in FAULTS.trim().lines() {
        let [pointer, value, field, reason] = row.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let fault = fault(pointer, serde_json::from_str(value).unwrap());
        assert_eq!(fault.field, field, "{fault}");
        let is_told = fault.reason.contains(reason) && !fault.allowed.is_empty();
        assert!(is_told, "{fault}");
    }
    let message = fault("/public_percent_hundredths", json!(20_000)).to_string();
    let expected =
        "`public_percent_hundredths`: 200 percent is more than the whole; allowed: 0 to 10000";
    assert_eq!(message, expected);
}

#[test]
fn two_rows_for_one_period_are_refused() {
    let mut facts = facts();
    let row = facts.linked[0].periods[0].clone();
    facts.linked[0].periods.push(row);
    assert!(find(&facts).unwrap_err().reason.contains("two rows"));
}

#[test]
fn the_latest_period_may_have_ended_two_years_ago_and_not_a_day_more() {
    let on = |text: &str| ENGINE.size(&facts(), day(text));
    assert!(on("2027-12-31").is_ok());
    let fault = on("2028-01-01").unwrap_err();
    assert_eq!(fault.field, "periods");
    assert!(
        fault.reason.contains("more than 2 years before 2028-01-01"),
        "{fault}"
    );
}

#[test]
fn a_year_that_ends_with_february_follows_a_leap_year() {
    let mut facts = facts();
    (facts.partners, facts.linked) = (Vec::new(), Vec::new());
    facts.periods[0].last_day = day("2025-02-28");
    facts.periods[1].last_day = day("2024-02-29");
    let found = find(&facts).unwrap();
    let firsts: Vec<_> = found
        .periods
        .iter()
        .map(|it| it.first_day.to_string())
        .collect();
    assert_eq!(firsts, ["2024-03-01", "2023-03-01"]);
}

#[test]
fn an_estimate_for_a_period_that_has_not_begun_is_refused() {
    let mut facts = facts();
    (facts.partners, facts.linked) = (Vec::new(), Vec::new());
    facts.periods.truncate(1);
    facts.periods[0].estimated = true;
    facts.periods[0].last_day = day("2028-12-31");
    assert!(find(&facts).unwrap_err().reason.contains("has not begun"));
    facts.periods[0].last_day = Date::MAX;
    assert!(find(&facts).is_err());
}

#[test]
fn unknown_facts_are_refused() {
    let facts = json!({ "periods": [], "parters": [] });
    assert!(serde_json::from_value::<SizeFacts>(facts).is_err());
}

const TABLE: &str = "tables/size_classes.toml";

#[test]
fn a_table_that_contradicts_itself_is_refused_with_its_line() {
    let rows = [
        (
            "headcount_below = 250",
            "headcount_below = 50",
            "each ceiling of `medium` lies above",
        ),
        (
            "balance_up_to_eur = 10_000_000",
            "balance_up_to_eur = 2_000_000",
            "each ceiling of `small`",
        ),
        (
            "id = \"micro\"",
            "id = \"large\"",
            "micro, small and medium, in this order",
        ),
        (
            "[linked_above_percent]\nvalue = 50",
            "[linked_above_percent]\nvalue = 24",
            "`linked_above_percent` lies",
        ),
        (
            "[consecutive_periods]\nvalue = 2",
            "[consecutive_periods]\nvalue = 0",
            "`consecutive_periods` lies",
        ),
        (
            "id = \"venture_capital\"",
            "id = \"institutional_investor\"",
            "stands twice",
        ),
    ];
    for (from, to, reason) in rows {
        let complaint = Folder::new().edit(TABLE, from, to).complaint();
        assert!(
            complaint.starts_with("tables/size_classes.toml:"),
            "{complaint}"
        );
        assert!(complaint.contains(reason), "{complaint}");
    }
    let complaint = Folder::new()
        .edit(TABLE, "confidence = \"certain\"\n", "")
        .complaint();
    assert!(
        complaint.contains("missing field `confidence`"),
        "{complaint}"
    );
}

#[test]
fn the_ceilings_are_those_of_the_table_and_belong_to_the_policy() {
    let folder = Folder::new().edit(TABLE, "headcount_below = 50,", "headcount_below = 20,");
    let engine = folder.load().unwrap();
    assert_ne!(engine.digest(), ENGINE.digest());
    assert_eq!(
        engine.size(&facts(), day("2026-11-20")).unwrap().class,
        SizeClass::Medium
    );
}

#[test]
fn a_value_that_is_not_certain_leaves_the_size_to_a_person() {
    let text = std::fs::read_to_string(Folder::new().path(TABLE)).unwrap();
    let (head, tail) = text.split_once("[partner_from_percent]").unwrap();
    let tail = tail.replacen("confidence = \"certain\"", "confidence = \"uncertain\"", 1);
    let folder = Folder::new().write(TABLE, &format!("{head}[partner_from_percent]{tail}"));
    let engine = folder.load().unwrap();
    let on = day("2026-11-20");
    let found = engine.size(&facts(), on).unwrap();
    assert_eq!(
        (found.class, found.possible),
        (SizeClass::Unclear, vec![SizeClass::Small])
    );
    let mut alone = facts();
    alone.partners.clear();
    assert_eq!(engine.size(&alone, on).unwrap().class, SizeClass::Small);
}

/// Around every ceiling and far from each.
fn figure(ceilings: [u64; 3]) -> impl Strategy<Value = u64> {
    let near = proptest::sample::select(ceilings.to_vec());
    let near = (near, 0u64..=4).prop_map(|(ceiling, by)| (ceiling + 2).saturating_sub(by));
    prop_oneof![4 => near, 2 => 0u64..60_000_000, 1 => Just(0), 1 => Just(u64::MAX)]
}

fn figures(last_day: Date) -> impl Strategy<Value = PeriodFigures> {
    let awu = figure([1_000, 5_000, 25_000]);
    let turnover = figure([2_000_000, 10_000_000, 50_000_000]);
    let balance = figure([2_000_000, 10_000_000, 43_000_000]);
    (awu, turnover, balance).prop_map(move |(awu_hundredths, turnover_eur, balance_eur)| {
        PeriodFigures {
            awu_hundredths,
            balance_eur,
            last_day,
            turnover_eur,
        }
    })
}

fn all_years() -> impl Strategy<Value = Vec<PeriodFigures>> {
    [2025, 2024, 2023]
        .map(|year| figures(jiff::civil::date(year, 12, 31)))
        .prop_map(Vec::from)
}

fn any_facts() -> impl Strategy<Value = SizeFacts> {
    let partner = (1u32..=5_000, all_years()).prop_map(|(percent_hundredths, periods)| Stake {
        name: "P".into(),
        percent_hundredths,
        periods,
    });
    let partners = proptest::collection::vec(partner, 0..4);
    (all_years(), partners, 0u32..=3_000).prop_map(|(own, partners, public)| SizeFacts {
        periods: own
            .into_iter()
            .map(|it| AccountingPeriod {
                awu_hundredths: it.awu_hundredths,
                balance_eur: it.balance_eur,
                estimated: false,
                first_day: None,
                last_day: it.last_day,
                turnover_eur: it.turnover_eur,
            })
            .collect(),
        partners,
        public_percent_hundredths: public,
        ..SizeFacts::default()
    })
}

fn ends(found: &SizeFound) -> (SizeClass, SizeClass) {
    (
        *found.possible.first().unwrap(),
        *found.possible.last().unwrap(),
    )
}

proptest! {
    #[test]
    fn another_linked_enterprise_never_makes_it_smaller(facts in any_facts(), periods in all_years()) {
        let before = find(&facts).unwrap();
        let mut larger = facts;
        larger.linked.push(LinkedEnterprise {
            identifiers: std::collections::BTreeMap::new(),
            name: "L".into(),
            periods,
        });
        let after = find(&larger).unwrap();
        let ((least, most), (least_after, most_after)) = (ends(&before), ends(&after));
        prop_assert!(least <= least_after && most <= most_after, "{before:?} {after:?}");
    }

    #[test]
    fn a_larger_share_never_makes_it_smaller(facts in any_facts(), percent in 1u32..=5_000) {
        let mut larger = facts.clone();
        for partner in &mut larger.partners {
            partner.percent_hundredths = partner.percent_hundredths.max(percent);
        }
        let (before, after) = (find(&facts).unwrap(), find(&larger).unwrap());
        prop_assert!(ends(&before).0 <= ends(&after).0 && ends(&before).1 <= ends(&after).1);
    }

    #[test]
    fn the_order_of_partners_and_of_periods_does_not_matter(facts in any_facts()) {
        let mut turned = facts.clone();
        turned.partners.reverse();
        turned.periods.rotate_left(1);
        turned.partners.iter_mut().for_each(|it| it.periods.reverse());
        let (found, again) = (find(&facts).unwrap(), find(&turned).unwrap());
        prop_assert_eq!(found.class, again.class);
        prop_assert_eq!(found.periods, again.periods);
    }

    #[test]
    fn the_class_is_the_only_one_possible_or_unclear_and_has_its_reasons(facts in any_facts()) {
        let found = find(&facts).unwrap();
        match found.possible.as_slice() {
            [class] => prop_assert_eq!(found.class, *class),
            several => {
                prop_assert!(several.is_sorted() && found.class == SizeClass::Unclear);
                prop_assert!(found.reasons.len() > found.periods.len());
            }
        }
        prop_assert!(found.reasons.iter().all(|it| !it.words.is_empty() && !it.source.is_empty()));
    }

    #[test]
    fn facts_and_answers_survive_json(facts in any_facts()) {
        let found = find(&facts).unwrap();
        let text = serde_json::to_string(&facts).unwrap();
        prop_assert_eq!(find(&serde_json::from_str(&text).unwrap()).unwrap(), found.clone());
        let text = serde_json::to_string(&found).unwrap();
        prop_assert_eq!(serde_json::from_str::<SizeFound>(&text).unwrap(), found);
    }
}
