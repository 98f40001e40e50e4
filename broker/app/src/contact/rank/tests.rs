use std::collections::BTreeSet;

use broker_model::{DataClass, SizeClass, Timing};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::contact::shipped;

const SIZES: [SizeClass; 5] = [
    SizeClass::Micro,
    SizeClass::Small,
    SizeClass::Medium,
    SizeClass::Large,
    SizeClass::Unclear,
];

fn today() -> Date {
    "2026-11-22".parse().unwrap()
}

fn need(services: &[&str]) -> ContactNeed {
    ContactNeed {
        services: services.iter().map(|it| (*it).to_owned()).collect(),
        sector: None,
        data_class: DataClass::Open,
        size: None,
        country: None,
        language: None,
        timing: Timing::Open,
    }
}

fn codes(reasons: &[Reason]) -> Vec<&str> {
    reasons.iter().map(|it| it.code.as_str()).collect()
}

/// Some need that the shipped directory knows the words of.
fn any_need() -> impl Strategy<Value = ContactNeed> {
    let directory = shipped();
    let services: Vec<String> = directory
        .services()
        .iter()
        .map(|it| it.kind.clone())
        .collect();
    let sectors: Vec<String> = directory
        .sectors()
        .iter()
        .map(|it| it.code.clone())
        .collect();
    let languages: Vec<String> = directory
        .languages()
        .iter()
        .map(|it| (*it).to_owned())
        .collect();
    let countries = ["FI", "FR", "BE", "NO", "CH", "US"].map(str::to_owned);
    let count = services.len();
    (
        subsequence(services, 1..=count),
        prop::option::of(select(sectors)),
        select(DataClass::ALL.to_vec()),
        prop::option::of(select(SIZES.to_vec())),
        prop::option::of(select(countries.to_vec())),
        prop::option::of(select(languages)),
        select(Timing::ALL.to_vec()),
    )
        .prop_map(
            |(services, sector, data_class, size, country, language, timing)| ContactNeed {
                services,
                sector,
                data_class,
                size,
                country,
                language,
                timing,
            },
        )
}

fn order(ranking: &Ranking) -> Vec<&CentreId> {
    ranking.centres.iter().map(|it| &it.centre).collect()
}

proptest! {
    #[test]
    fn every_centre_is_told_once_and_the_order_is_that_of_the_sums(need in any_need()) {
        let directory = shipped();
        let ranking = directory.rank(&need, today());
        let cannot = ranking.cannot.iter().map(|it| &it.centre);
        let told: Vec<&CentreId> = order(&ranking).into_iter().chain(cannot).collect();
        let once: BTreeSet<&CentreId> = told.iter().copied().collect();
        prop_assert_eq!(told.len(), once.len());
        prop_assert_eq!(told.len(), directory.centres().len());
        prop_assert!(ranking.centres.is_sorted_by(|a, b| a.score >= b.score));
        for (at, centre) in ranking.centres.iter().enumerate() {
            let sum: u32 = centre.reasons.iter().map(|it| it.weight).sum();
            prop_assert_eq!((centre.rank, centre.score), (at + 1, sum));
            prop_assert!(!centre.reasons.is_empty());
        }
        prop_assert!(ranking.cannot.iter().all(|it| !it.why.is_empty()));
    }

    #[test]
    fn the_size_of_an_organisation_changes_nothing(need in any_need()) {
        let directory = shipped();
        let rank = |size| {
            let need = ContactNeed { size, ..need.clone() };
            let Ranking { notes, centres, cannot, .. } = directory.rank(&need, today());
            (notes, centres, cannot)
        };
        for size in SIZES {
            prop_assert_eq!(rank(None), rank(Some(size)));
        }
    }

    #[test]
    fn every_reason_is_said_in_every_language_without_a_gap(need in any_need()) {
        let ranking = shipped().rank(&need, today());
        let reasons = ranking.centres.iter().flat_map(|it| &it.reasons);
        let why = ranking.cannot.iter().flat_map(|it| &it.why);
        for reason in reasons.chain(why).chain(&ranking.notes) {
            prop_assert_eq!(reason.words.keys().collect::<Vec<_>>(), ["en", "fr"]);
            for words in reason.words.values() {
                prop_assert!(!words.is_empty() && !words.contains(['{', '}']), "{}", words);
            }
        }
    }

    #[test]
    fn asking_again_gives_the_same_answer(need in any_need()) {
        prop_assert_eq!(shipped().rank(&need, today()), shipped().rank(&need, today()));
    }
}

#[test]
fn a_centre_with_service_sector_country_and_language_comes_first() {
    let finnish = ContactNeed {
        sector: Some("language_llm".to_owned()),
        country: Some("FI".to_owned()),
        language: Some("fi".to_owned()),
        ..need(&["training"])
    };
    let ranking = shipped().rank(&finnish, today());
    let first = &ranking.centres[0];
    assert_eq!((first.centre.as_str(), first.rank), ("lumi", 1));
    let said = [
        "service_offered",
        "sector_match",
        "same_country",
        "language_spoken",
    ];
    assert_eq!(codes(&first.reasons), said);
    let language = &first.reasons[3];
    assert_eq!(language.words["en"], "It helps in your language, Finnish.");
    assert_eq!(language.words["fr"], "Il aide dans votre langue : finnois.");
    assert_eq!(language.params["language"], ["fi"]);
    assert!(
        !language.certain && language.weight == 7,
        "12, of which 60 percent"
    );
}

#[test]
fn an_antenna_brings_what_its_factory_offers_to_its_own_country() {
    let belgian = ContactNeed {
        country: Some("BE".to_owned()),
        ..need(&["talent"])
    };
    let ranking = shipped().rank(&belgian, today());
    let mut antennas = ranking.centres.iter();
    let antenna = antennas
        .find(|it| it.centre.as_str() == "antenna-be")
        .unwrap();
    assert_eq!(codes(&antenna.reasons), ["service_through", "same_country"]);
    assert_eq!(
        antenna.reasons[0].words["en"],
        "It belongs to LUMI AI Factory, which offers: Attracting talent."
    );
    assert_eq!(ranking.centres[0].centre, antenna.centre);
}

#[test]
fn who_offers_none_of_it_is_told_with_the_reason_and_who_is_unknown_stays() {
    let ranking = shipped().rank(&need(&["finance_link"]), today());
    let mut out = ranking.cannot.iter();
    let bsc = out.find(|it| it.centre.as_str() == "bsc").unwrap();
    assert_eq!(codes(&bsc.why), ["service_none"]);
    assert_eq!(
        bsc.why[0].words["en"],
        "It offers none of what you ask for: Meeting those who finance."
    );
    assert_eq!(ranking.centres[0].centre.as_str(), "meluxina");
    let mut able = ranking.centres.iter();
    let unknown = able.find(|it| it.centre.as_str() == "piast").unwrap();
    assert_eq!(codes(&unknown.reasons), ["services_unknown"]);
}

#[test]
fn equals_are_not_always_in_the_same_order() {
    let firsts = |service: &str| {
        let ranking = shipped().rank(&need(&[service]), today());
        let equal = ranking.centres.into_iter().filter(|it| it.score == 0);
        equal.map(|it| it.centre).next().unwrap()
    };
    let services = shipped();
    let services = services.services().iter().map(|it| firsts(&it.kind));
    assert!(services.collect::<BTreeSet<_>>().len() > 2);
}

#[test]
fn defence_is_said_to_go_to_a_person_first() {
    let defence = ContactNeed {
        sector: Some("defence".to_owned()),
        ..need(&["data"])
    };
    let notes = shipped().rank(&defence, today()).notes;
    assert_eq!(codes(&notes), ["size_not_counted", "sector_review"]);
}
