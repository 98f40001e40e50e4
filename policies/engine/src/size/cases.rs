//! Runs `policies/cases/size/*.toml`: what the shipped table must find, as data.

use std::fs;
use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

use super::{
    AccountingPeriod, LinkedEnterprise, PeriodFigures, SizeClass, SizeFacts, SizeFound, Stake,
};
use crate::engine::Engine;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    on: Date,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// What is found; else `fault`.
    class: Option<SizeClass>,
    /// Only where it is unclear.
    #[serde(default)]
    possible: Vec<SizeClass>,
    /// The field that is refused.
    fault: Option<String>,
    /// The figures of the last two calendar years, both; else `periods`.
    steady: Option<Figures>,
    #[serde(default)]
    periods: Vec<AccountingPeriod>,
    /// In the same two years.
    partner: Option<Partner>,
    linked: Option<Figures>,
    founded_on: Option<Date>,
    public_exception: Option<String>,
    #[serde(default)]
    public_percent_hundredths: u32,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct Figures {
    awu_hundredths: u64,
    turnover_eur: u64,
    balance_eur: u64,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct Partner {
    percent_hundredths: u32,
    awu_hundredths: u64,
    turnover_eur: u64,
    balance_eur: u64,
}

impl Figures {
    fn in_two_years(self) -> Vec<PeriodFigures> {
        let of = |year| PeriodFigures {
            awu_hundredths: self.awu_hundredths,
            balance_eur: self.balance_eur,
            last_day: jiff::civil::date(year, 12, 31),
            turnover_eur: self.turnover_eur,
        };
        [2025, 2024].map(of).into()
    }
}

impl From<PeriodFigures> for AccountingPeriod {
    fn from(it: PeriodFigures) -> Self {
        Self {
            awu_hundredths: it.awu_hundredths,
            balance_eur: it.balance_eur,
            estimated: false,
            first_day: None,
            last_day: it.last_day,
            turnover_eur: it.turnover_eur,
        }
    }
}

impl Case {
    fn facts(&self) -> SizeFacts {
        let steady = self.steady.into_iter().flat_map(Figures::in_two_years);
        let steady = steady.map(AccountingPeriod::from);
        let partners = self.partner.into_iter().map(|it| Stake {
            name: "partner".to_owned(),
            percent_hundredths: it.percent_hundredths,
            periods: Figures {
                awu_hundredths: it.awu_hundredths,
                turnover_eur: it.turnover_eur,
                balance_eur: it.balance_eur,
            }
            .in_two_years(),
        });
        let linked = self.linked.into_iter().map(|it| LinkedEnterprise {
            name: "linked".to_owned(),
            identifiers: std::collections::BTreeMap::new(),
            periods: it.in_two_years(),
        });
        SizeFacts {
            founded_on: self.founded_on,
            linked: linked.collect(),
            partners: partners.collect(),
            periods: steady.chain(self.periods.iter().cloned()).collect(),
            public_exception: self.public_exception.clone(),
            public_percent_hundredths: self.public_percent_hundredths,
        }
    }

    fn expects(&self, found: &SizeFound) -> bool {
        let possible = match (self.class, self.possible.is_empty()) {
            (Some(class), true) => vec![class],
            _ => self.possible.clone(),
        };
        Some(found.class) == self.class && found.possible == possible
    }
}

fn all() -> Vec<(Date, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/size");
    let paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let files = paths.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        toml::from_str::<File>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    files
        .flat_map(|file| file.case.into_iter().map(move |case| (file.on, case)))
        .collect()
}

#[test]
fn every_size_case_is_found_as_written() {
    let engine = Engine::shipped().unwrap();
    let mut report = Vec::new();
    for (on, case) in all() {
        let answer = engine.size(&case.facts(), on);
        let is_right = match (&answer, &case.fault) {
            (Ok(found), None) => case.expects(found),
            (Err(fault), Some(field)) => fault.field == *field,
            _ => false,
        };
        if !is_right {
            report.push(format!("{}\n    {answer:?}", case.name));
        }
    }
    assert!(report.is_empty(), "\n{}\n", report.join("\n"));
}

/// A ceiling of the table that changes must fail a case: each is pinned from both sides.
#[test]
fn every_ceiling_of_the_table_is_pinned_by_the_cases() {
    let engine = Engine::shipped().unwrap();
    let table = &engine.tables().size_classes;
    let cases = all();
    let has = |read: fn(&Figures) -> u64, value: u64| {
        let mut steady = cases.iter().filter_map(|(_, case)| case.steady.as_ref());
        steady.any(|it| read(it) == value)
    };
    for row in &table.classes {
        let ceilings = &row.ceilings.value;
        let persons = u64::from(ceilings.headcount_below) * 100;
        for (read, at) in [
            ((|it| it.awu_hundredths) as fn(&Figures) -> u64, persons),
            (|it| it.turnover_eur, ceilings.turnover_up_to_eur),
            (|it| it.balance_eur, ceilings.balance_up_to_eur),
        ] {
            for value in [at - 1, at, at + 1] {
                assert!(has(read, value), "{}: {value}", row.id);
            }
        }
    }
}
