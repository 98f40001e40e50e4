use policy_engine::SizeFacts;
use serde_json::json;

use super::*;
use crate::fields::Fields;

fn typed(fields: &[(&str, &str)]) -> Typed {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Typed::from(Fields::from(fields.iter().map(own).collect::<Vec<_>>()))
}

#[test]
fn one_more_row_is_shown_where_it_is_asked_for_and_what_was_typed_stays() {
    let first = [
        ("size_facts.partners[0].name", "Atlas"),
        ("rows.partners", "2"),
    ];
    assert_eq!(rows(&typed(&first), PARTNERS, 3).len(), 2);
    let more = [first[0], first[1], ("more", "partners")];
    assert_eq!(rows(&typed(&more), PARTNERS, 3).len(), 3);
    assert_eq!(rows(&typed(&more), LINKED, 3).len(), 1);
}

#[test]
fn what_is_shown_of_a_group_is_read_back_the_same() {
    let figures = json!([{ "last_day": "2025-12-31", "awu_hundredths": 1250, "turnover_eur": 7, "balance_eur": 8 }]);
    let own = json!([{ "last_day": "2025-12-31", "awu_hundredths": 1, "turnover_eur": 1, "balance_eur": 1 }]);
    let facts = json!({
        "periods": own,
        "partners": [{ "name": "Atlas", "percent_hundredths": 3333, "periods": figures }],
        "linked": [{ "name": "Maia", "identifiers": { "vat": "FR40303265045" }, "periods": figures }],
    });
    let facts: SizeFacts = serde_json::from_value(facts).unwrap();
    let mut typed = Typed::from(Fields::from(filled_in(&facts)));
    let day = "2025-12-31".parse().unwrap();
    let (partners, linked, _) = read(&mut typed, &[(0, day)]);
    assert_eq!((partners, linked), (facts.partners, facts.linked));
    assert!(!typed.is_wrong());
}

#[test]
fn a_large_group_loses_no_enterprise_by_being_saved_again() {
    let linked = |number: u32| json!({ "name": format!("Number {number}"), "periods": [] });
    let linked: Vec<_> = (0..200).map(linked).collect();
    let facts = json!({ "periods": [], "linked": linked });
    let facts: SizeFacts = serde_json::from_value(facts).unwrap();
    let mut typed = Typed::from(Fields::from(filled_in(&facts)));
    assert_eq!(rows(&typed, LINKED, 1).len(), 200);
    let (_, read_back, _) = read(&mut typed, &[]);
    assert_eq!(read_back, facts.linked);
}

#[test]
fn a_fault_of_the_second_filled_row_stands_at_the_row_where_it_was_typed() {
    let mut typed = typed(&[
        ("size_facts.partners[0].name", "Atlas"),
        ("size_facts.partners[3].name", "Maia"),
    ]);
    typed.wrong(
        "size_facts.partners[1].periods[1].last_day",
        "is none",
        "a day",
    );
    let filled = Filled {
        periods: vec![0, 2],
        partners: filled(&typed, PARTNERS),
        linked: Vec::new(),
    };
    at_their_rows(&mut typed, &filled);
    assert_eq!(
        typed.faults[0].field,
        "size_facts.partners[3].periods[2].last_day"
    );
}
