use super::{AccountingPeriod, SizeClass, SizeFacts, SizeFound};
use crate::engine::Engine;

use SizeClass::{Large, Medium, Micro, Small, Unclear};

fn on() -> jiff::civil::Date {
    "2026-11-20".parse().unwrap()
}

/// A calendar year.
fn year(year: i16, awu_hundredths: u64, turnover_eur: u64, balance_eur: u64) -> AccountingPeriod {
    AccountingPeriod {
        awu_hundredths,
        balance_eur,
        estimated: false,
        first_day: None,
        last_day: jiff::civil::date(year, 12, 31),
        turnover_eur,
    }
}

/// Years from 2025 backwards, each in the class named.
fn years(classes: &[SizeClass]) -> SizeFacts {
    let persons = |class| match class {
        Micro => 900,
        Small => 4_900,
        Medium => 24_900,
        Large | Unclear => 25_000,
    };
    let periods = (0i16..).zip(classes);
    let periods = periods.map(|(back, class)| year(2025 - back, persons(*class), 1, 1));
    SizeFacts {
        periods: periods.collect(),
        ..SizeFacts::default()
    }
}

fn found(facts: &SizeFacts) -> SizeFound {
    Engine::shipped().unwrap().size(facts, on()).unwrap()
}

fn class_of(facts: &SizeFacts) -> (SizeClass, Vec<SizeClass>) {
    let found = found(facts);
    (found.class, found.possible)
}

/// The same figures in both years.
fn steady(awu_hundredths: u64, turnover_eur: u64, balance_eur: u64) -> SizeClass {
    let of = |it| year(it, awu_hundredths, turnover_eur, balance_eur);
    let facts = SizeFacts {
        periods: vec![of(2024), of(2025)],
        ..SizeFacts::default()
    };
    found(&facts).class
}

#[test]
fn persons_must_lie_below_their_ceiling() {
    let ceilings = [
        (1_000, Micro, Small),
        (5_000, Small, Medium),
        (25_000, Medium, Large),
    ];
    for (ceiling, below, above) in ceilings {
        assert_eq!(steady(ceiling - 1, 1, 1), below, "{ceiling} less 0.01");
        assert_eq!(steady(ceiling, 1, 1), above, "{ceiling}");
        assert_eq!(steady(ceiling + 1, 1, 1), above, "{ceiling} and 0.01");
    }
}

#[test]
fn money_may_reach_its_ceiling_and_one_of_the_two_suffices() {
    let million = 1_000_000;
    let ceilings = [
        (2 * million, 2 * million, Micro, Small),
        (10 * million, 10 * million, Small, Medium),
        (50 * million, 43 * million, Medium, Large),
    ];
    let far = 1_000 * million;
    for (turnover, balance, within, over) in ceilings {
        for (turnover, balance, expected) in [
            (turnover - 1, far, within),
            (turnover, far, within),
            (turnover + 1, far, Large),
            (far, balance - 1, within),
            (far, balance, within),
            (far, balance + 1, Large),
            (turnover, balance, within),
            (turnover + 1, balance, within),
            (turnover, balance + 1, within),
            (turnover + 1, balance + 1, over),
        ] {
            // Beyond one ceiling with the other far off, the next class may still hold.
            let expected = if expected == Large { over } else { expected };
            let found = steady(100, turnover, balance);
            assert_eq!(found, expected, "turnover {turnover}, balance {balance}");
        }
    }
    assert_eq!(steady(25_000, 0, 0), Large, "persons always count");
}

#[test]
fn a_half_person_decides() {
    assert_eq!(steady(24_950, 50_000_000, 43_000_001), Medium);
    assert_eq!(steady(25_050, 50_000_000, 43_000_000), Large);
}

#[test]
fn a_ceiling_exceeded_in_one_year_of_two_leaves_the_status_of_before() {
    let once = found(&years(&[Large, Medium, Medium]));
    assert_eq!((once.class, once.possible), (Medium, vec![Medium]));
    let words: Vec<_> = once.reasons.iter().map(|it| it.words.as_str()).collect();
    let expected = "over a ceiling of `medium` in the period to 2025-12-31, not in that to 2024-12-31, 2023-12-31: \
                    the status of before stays: within it";
    assert!(words.contains(&expected), "{words:#?}");
    assert_eq!(class_of(&years(&[Large, Large, Medium])).0, Large);
    assert_eq!(class_of(&years(&[Medium, Large, Large])).0, Large);
    assert_eq!(class_of(&years(&[Medium, Medium, Large])).0, Medium);
}

#[test]
fn two_different_years_without_an_earlier_one_are_unclear_and_ask_for_a_third() {
    let found = found(&years(&[Large, Medium]));
    assert_eq!(
        (found.class, found.possible),
        (Unclear, vec![Medium, Large])
    );
    let asked =
        "no period says what the status was before: add the period that ended before 2024-01-01";
    assert_eq!(found.reasons.last().unwrap().words, asked);
    assert_eq!(class_of(&years(&[Micro, Medium])).1, [Micro, Small, Medium]);
    assert_eq!(class_of(&years(&[Large, Medium, Large])).0, Unclear);
}

#[test]
fn each_ceiling_counts_by_itself() {
    assert_eq!(class_of(&years(&[Large, Medium, Micro, Micro])).0, Medium);
    assert_eq!(class_of(&years(&[Medium, Small, Micro, Micro])).0, Small);
}

#[test]
fn one_closed_period_suffices_only_if_it_is_the_first() {
    let mut facts = years(&[Small]);
    assert_eq!(
        class_of(&facts),
        (Unclear, vec![Micro, Small, Medium, Large])
    );
    let words = found(&facts).reasons.last().unwrap().words.clone();
    assert!(
        words.contains("add the period that ended before 2025-01-01"),
        "{words}"
    );
    facts.founded_on = Some("2025-03-01".parse().unwrap());
    assert_eq!(class_of(&facts), (Small, vec![Small]));
    assert_eq!(found(&facts).periods[0].first_day.to_string(), "2025-03-01");
    facts.founded_on = Some("2020-03-01".parse().unwrap());
    assert_eq!(class_of(&facts).0, Unclear);
}

#[test]
fn a_second_year_does_not_change_what_the_first_of_all_said() {
    let mut facts = years(&[Medium, Small]);
    facts.founded_on = Some("2024-02-01".parse().unwrap());
    assert_eq!(class_of(&facts).0, Small);
}

#[test]
fn an_estimate_is_said_to_be_one() {
    let mut facts = years(&[Micro]);
    facts.periods[0].estimated = true;
    facts.periods[0].last_day = "2026-12-31".parse().unwrap();
    let found = found(&facts);
    assert_eq!(found.class, Micro);
    assert!(found.periods[0].estimated);
    let reason = found
        .reasons
        .iter()
        .find(|it| it.words.contains("an estimate"))
        .unwrap();
    assert!(reason.source.ends_with("Art. 4(3)"));
}

#[test]
fn public_bodies_exclude_from_a_quarter_on_and_an_exception_is_for_a_person() {
    let public = |hundredths, exception: Option<&str>| {
        let mut facts = years(&[Micro, Micro]);
        facts.public_percent_hundredths = hundredths;
        facts.public_exception = exception.map(Into::into);
        class_of(&facts)
    };
    assert_eq!(public(2_499, None), (Micro, vec![Micro]));
    assert_eq!(public(2_500, None), (Large, vec![Large]));
    assert_eq!(public(2_501, None), (Large, vec![Large]));
    let university = Some("university_or_research_centre");
    assert_eq!(public(2_499, university), (Micro, vec![Micro]));
    assert_eq!(public(2_500, university), (Unclear, vec![Micro, Large]));
    assert_eq!(public(5_000, university), (Unclear, vec![Micro, Large]));
    assert_eq!(public(5_001, university), (Large, vec![Large]));
}

#[test]
fn the_classes_are_the_words_of_the_organisation() {
    let words = [Micro, Small, Medium, Large, Unclear].map(|class| {
        assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        class.as_str()
    });
    assert_eq!(words, ["micro", "small", "medium", "large", "unclear"]);
}

#[test]
fn accounts_without_end_are_refused_before_they_are_computed() {
    let engine = Engine::shipped().unwrap();
    let refused = |facts: &SizeFacts| engine.size(facts, on()).unwrap_err().field;
    let ten = years(&[Small; 10]);
    assert!(engine.size(&ten, on()).is_ok());
    assert_eq!(refused(&years(&[Small; 11])), "periods");
    let linked = |count, letters| SizeFacts {
        linked: vec![
            super::LinkedEnterprise {
                name: "n".repeat(letters),
                identifiers: std::collections::BTreeMap::new(),
                periods: vec![super::PeriodFigures {
                    awu_hundredths: 0,
                    balance_eur: 0,
                    last_day: jiff::civil::date(2025, 12, 31),
                    turnover_eur: 0,
                }],
            };
            count
        ],
        ..years(&[Small])
    };
    assert!(engine.size(&linked(200, 200), on()).is_ok());
    assert_eq!(refused(&linked(201, 200)), "linked");
    assert_eq!(refused(&linked(1, 201)), "linked[0].name");
}
