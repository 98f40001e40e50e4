//! Identifiers: numbers that exist, numbers mistyped, and a table gone wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod folder;

use std::sync::LazyLock;

use policy_engine::{CheckedIdentifier, Checksum, Engine, IdentifierFault, IdentifierKind};
use proptest::prelude::*;

use crate::folder::Folder;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::shipped().unwrap());

/// VAT numbers that these bodies publish in imprints and on invoices, put down from memory and not
/// fetched again; the two of `python-stdnum` are samples of that library. That all of them keep the
/// rules is what makes the rules certain: a wrong one would let about one in ten pass.
const PUBLISHED: &str = "
ATU37675002      TU Wien
BE0419052173     KU Leuven
BG000670680      Sofia University
BG175074752      python-stdnum
CHE115203630     ETH Zurich
CZ61989100       VSB - Technical University of Ostrava
CZ00216208       Charles University
DE811193231      TU Munich
DE129274202      Siemens
EE100030417      University of Tartu
EL094019245      OTE
ESS0800099D      Barcelona Supercomputing Center
ESQ0818003F      Universitat Politecnica de Catalunya
ESA15075062      Inditex
FI09206320       CSC
FR40180089013    CNRS
FR59542051180    TotalEnergies
GB220430231      Tesco
HR27759560625    INA
HU10625790       MOL
IE6388047V       Google Ireland
IT00502591209    CINECA
LT212154314      Telia Lietuva
LU20260743       Amazon EU
LV40003032949    Latvenergo
MT12894031       University of Malta
NL001569569B01   TU Delft
NL123456789B13   python-stdnum
NO974767880      NTNU
PL6750001923     AGH Krakow
PT501413197      University of Porto
RO1590082        OMV Petrom
SE202100305401   KTH
SE556016068001   Ericsson
SI82646716       Krka
SK2020845332     Comenius University
";

/// As the register of the Global LEI Foundation has them, from memory too.
const LEIS: &str = "
506700GE1G29325QX363 Global Legal Entity Identifier Foundation
5493001KJTIIGC8Y1R12 Bloomberg Finance
7LTWFZYICNSX8D621K86 Deutsche Bank
HWUPKR0MPOU8FGXBT394 Apple
W38RGI023J3WT1HWRP32 Siemens
";

fn first_words(table: &'static str) -> impl Iterator<Item = &'static str> {
    table
        .lines()
        .filter_map(|line| line.split_whitespace().next())
}

fn vat(value: &str, country: Option<&str>) -> Result<CheckedIdentifier, IdentifierFault> {
    ENGINE.check_identifier(IdentifierKind::Vat, value, country)
}

fn lei(value: &str) -> Result<CheckedIdentifier, IdentifierFault> {
    ENGINE.check_identifier(IdentifierKind::Lei, value, None)
}

fn euid(value: &str, country: Option<&str>) -> Result<CheckedIdentifier, IdentifierFault> {
    ENGINE.check_identifier(IdentifierKind::Euid, value, country)
}

#[test]
fn numbers_of_known_bodies_pass() {
    for number in first_words(PUBLISHED) {
        let found = vat(number, None).unwrap();
        assert_eq!(
            (found.checksum, found.note),
            (Checksum::Passed, None),
            "{number}"
        );
        assert_eq!(found.value, number);
    }
    for number in first_words(LEIS) {
        assert_eq!(lei(number).unwrap().checksum, Checksum::Passed, "{number}");
    }
}

#[test]
fn a_number_may_be_written_as_people_do_and_without_its_prefix() {
    let same = |written: &str, country, value: &str| {
        assert_eq!(vat(written, country).unwrap().value, value, "{written}");
    };
    same("be 0419.052.173", None, "BE0419052173");
    same(" FR 40 180 089 013 ", Some("FR"), "FR40180089013");
    same("CHE-115.203.630 MWST", None, "CHE115203630MWST");
    same("811193231", Some("DE"), "DE811193231");
    same("094019245", Some("GR"), "EL094019245");
    same("EL094019245", Some("EL"), "EL094019245");
    same("u37675002", Some("AT"), "ATU37675002");
    assert_eq!(
        lei("7ltw fzyi cnsx 8d62 1k86").unwrap().value,
        "7LTWFZYICNSX8D621K86"
    );
}

#[test]
fn what_has_not_the_form_is_told_what_it_looks_like() {
    let fault = vat("DE12345678", Some("DE")).unwrap_err();
    assert_eq!(fault.field, "vat");
    assert_eq!(
        fault.reason,
        "`DE12345678` has not the form of a VAT number of DE"
    );
    assert_eq!(fault.allowed, "DE#########, where # is a digit");
    let greek = vat("GR094019245", Some("GR")).unwrap_err();
    assert_eq!(greek.allowed, "EL#########, where # is a digit");
    let nowhere = vat("094019245", None).unwrap_err();
    assert!(nowhere.allowed.contains("AT, BE, BG"), "{nowhere}");
    assert!(vat("", None).is_err() && vat("DE", None).is_err());
    let long = vat(&"9".repeat(10_000), Some("DE")).unwrap_err();
    assert!(long.reason.len() < 120, "{long}");
}

#[test]
fn a_number_of_another_country_is_noted_and_not_refused() {
    let found = vat("FR40180089013", Some("DE")).unwrap();
    let note = "it is a number of FR, and the organisation is established in DE";
    assert_eq!(
        (found.checksum, found.note.as_deref()),
        (Checksum::Passed, Some(note))
    );
    assert_eq!(vat("XI220430231", Some("GB")).unwrap().note, None);
    assert_eq!(vat("GB220430231", Some("UK")).unwrap().note, None);
}

#[test]
fn what_nobody_can_check_is_said_to_be_unchecked() {
    for number in [
        "BG7523169263",
        "CZ7103192745",
        "LV16117519997",
        "FRK7399859412",
        "GBGD001",
    ] {
        assert_eq!(
            vat(number, None).unwrap().checksum,
            Checksum::NotChecked,
            "{number}"
        );
    }
    let uncertain = vat("DK30060946", None).unwrap();
    assert_eq!(
        (uncertain.checksum, uncertain.note),
        (Checksum::NotChecked, None)
    );
    let unfitting = vat("DK30060947", None).unwrap();
    assert!(
        unfitting
            .note
            .unwrap()
            .contains("by a rule that is not certain")
    );
    let pic = |value| ENGINE.check_identifier(IdentifierKind::Pic, value, None);
    assert_eq!(pic("999 997 930").unwrap().value, "999997930");
    assert_eq!(pic("999997930").unwrap().checksum, Checksum::NotChecked);
    for wrong in ["99999793", "9999979301", "99999793A", ""] {
        assert_eq!(
            pic(wrong).unwrap_err().allowed,
            "#########, where # is a digit"
        );
    }
}

#[test]
fn persons_and_old_numbers_have_their_own_rules() {
    for number in [
        "ES54362315K",
        "ESX5253868R",
        "IE8D79739I",
        "IE3668997OH",
        "LT100004801610",
    ] {
        assert_eq!(
            vat(number, None).unwrap().checksum,
            Checksum::Passed,
            "{number}"
        );
    }
    for number in [
        "ES54362315A",
        "ESI1234567A",
        "IE8D79739J",
        "IE3668997OA",
        "FR41180089013",
    ] {
        let fault = vat(number, None).unwrap_err();
        assert!(fault.reason.contains("check digits"), "{fault}");
    }
}

#[test]
fn a_key_of_france_must_fit_and_monaco_has_no_siren() {
    // (12 + 3 * (6154 mod 97)) mod 97 is 44.
    assert_eq!(
        vat("FR44000006154", None).unwrap().checksum,
        Checksum::Passed
    );
    assert!(vat("FR45000006154", None).is_err());
}

#[test]
fn an_euid_names_country_register_and_number() {
    for value in [
        "DEK1101R.HRB116737",
        "FR7501.180089013",
        "BEKBOBCE.0419052173",
        "ELGEMI.1234_5",
    ] {
        let found = euid(value, None).unwrap();
        assert_eq!(
            (found.value.as_str(), found.checksum),
            (value, Checksum::NotChecked)
        );
    }
    for (value, reason) in [
        ("DEK1101R", "has no dot"),
        ("D.1", "begins with no country"),
        ("ZZREG.1", "begins with no country that is known here"),
        ("DE.1", "names no register"),
        ("DEK1.", "has no number"),
        ("DEK1.12_", "has no number"),
        ("DEK1.1_2_3", "has no number"),
        ("DEK1.-", "has no number"),
        ("\u{e9}\u{e9}K1.1", "begins with no country"),
    ] {
        let fault = euid(value, None).unwrap_err();
        assert!(fault.reason.contains(reason), "{fault}");
    }
    let long = format!("DEK1.{}", "1".repeat(60));
    assert!(euid(&long, None).unwrap_err().reason.contains("too long"));
    let note = euid("ELGEMI.1", Some("DE")).unwrap().note.unwrap();
    assert_eq!(
        note,
        "it is of a register in GR, and the organisation is established in DE"
    );
    assert_eq!(euid("ELGEMI.1", Some("GR")).unwrap().note, None);
}

/// Every other number that differs in one digit.
fn mistyped(number: &str) -> Vec<String> {
    let places = number.char_indices().filter(|(_, c)| c.is_ascii_digit());
    let each = places.flat_map(|(at, old)| {
        let others = ('0'..='9').filter(move |new| *new != old);
        others.map(move |new| {
            let mut changed = number.to_owned();
            changed.replace_range(at..=at, &new.to_string());
            changed
        })
    });
    each.collect()
}

#[test]
fn a_single_wrong_digit_is_refused_where_the_rule_can_see_it() {
    // Rules by 11 that fold the tenth rest into another, Britain's two rests, persons in Latvia, and
    // the two digits that follow in the Netherlands and Sweden.
    let weak = ["BG", "CZ", "EL", "GB", "LT", "LV", "NL", "PT", "RO", "SE"];
    for number in first_words(PUBLISHED) {
        let all = mistyped(number);
        let passed = all
            .iter()
            .filter(|it| vat(it, None).is_ok_and(|found| found.checksum == Checksum::Passed));
        let most = if weak.iter().any(|it| number.starts_with(it)) {
            all.len() / 5
        } else {
            0
        };
        assert!(passed.count() <= most, "{number}");
    }
    for number in first_words(LEIS) {
        assert!(
            mistyped(number).iter().all(|it| lei(it).is_err()),
            "{number}"
        );
    }
}

#[test]
fn two_digits_of_an_lei_that_change_places_are_seen() {
    assert!(lei("506700GE1G29325QX336").is_err());
    assert!(lei("5493001KJTIIGC8Y1R21").is_err());
}

const TABLE: &str = "tables/identifiers.toml";

#[test]
fn a_table_that_cannot_be_is_refused_with_its_line() {
    for (from, to, reason) in [
        (
            "prefix = \"BE\"",
            "prefix = \"AT\"",
            "prefix `AT`: this prefix stands twice",
        ),
        (
            "prefix = \"EL\"",
            "prefix = \"el\"",
            "two capital letters each",
        ),
        ("\"U########\"", "\"u########\"", "`u########` is no form"),
        (
            "check = \"cy\"",
            "check = \"cyprus\"",
            "unknown variant `cyprus`",
        ),
        ("longest = 64\n", "", "missing field `longest`"),
    ] {
        let complaint = Folder::new().edit(TABLE, from, to).complaint();
        assert!(
            complaint.starts_with("tables/identifiers.toml:"),
            "{complaint}"
        );
        assert!(complaint.contains(reason), "{complaint}");
    }
    let without = "forms = [{ form = \"#########\" }]";
    let complaint = Folder::new().edit(TABLE, without, "forms = []").complaint();
    assert!(complaint.contains("`pic` has no form"), "{complaint}");
}

#[test]
fn the_forms_belong_to_the_policy() {
    let folder = Folder::new().edit(TABLE, "longest = 64", "longest = 10");
    let engine = folder.load().unwrap();
    assert_ne!(engine.digest(), ENGINE.digest());
    let long = engine.check_identifier(IdentifierKind::Euid, "DEK1101R.HRB1", None);
    assert!(long.unwrap_err().reason.contains("too long"));
}

/// The two digits that make 18 signs an LEI.
fn with_check_digits(head: &str) -> String {
    let values = head
        .chars()
        .chain(['0', '0'])
        .map(|c| c.to_digit(36).unwrap());
    let rest = values.fold(0, |rest, value| {
        (rest * if value > 9 { 100 } else { 10 } + value) % 97
    });
    format!("{head}{:02}", 98 - rest)
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in any::<String>(), country in proptest::option::of("[A-Z]{2}|.*")) {
        for kind in IdentifierKind::ALL {
            let _ = ENGINE.check_identifier(kind, &text, country.as_deref());
        }
    }

    #[test]
    fn nothing_near_a_form_is_too_odd(text in "(AT|BE|CH|CY|ES|FR|IE|NL|RO|SE)[A-Z0-9+* .-]{0,14}") {
        if let Ok(found) = vat(&text, None) {
            prop_assert_eq!(vat(&found.value, None).unwrap(), found);
        }
    }

    #[test]
    fn any_lei_with_its_check_digits_passes_and_no_neighbour_does(head in "[A-Z0-9]{18}") {
        let number = with_check_digits(&head);
        prop_assert_eq!(lei(&number).unwrap().checksum, Checksum::Passed);
        prop_assert!(mistyped(&number).iter().all(|it| lei(it).is_err()));
    }

    #[test]
    fn of_ten_last_digits_luhn_takes_one(head in "[0-9]{10}") {
        let passed = (0..10).filter(|last| vat(&format!("IT{head}{last}"), None).is_ok());
        prop_assert_eq!(passed.count(), 1);
    }

    #[test]
    fn of_the_last_digits_mod_97_takes_one(head in "[01][0-9]{7}") {
        let passed = (0..100).filter(|last| vat(&format!("BE{head}{last:02}"), None).is_ok());
        prop_assert_eq!(passed.count(), 1);
    }
}

#[test]
fn of_a_number_that_fits_no_form_it_is_said_which_state_it_was_held_against_and_why() {
    let told = |value: &str, country| vat(value, country).unwrap_err().reason;
    let abroad = told("DE12", Some("FR"));
    assert!(
        abroad.contains("a VAT number of DE, which its prefix DE says it is"),
        "{abroad}"
    );
    let nowhere = told("QQ1366", Some("FR"));
    assert!(
        nowhere.contains("of FR, and no prefix that is known here says that it is another state's"),
        "{nowhere}"
    );
    let home = told("FR12", Some("FR"));
    assert!(home.ends_with("a VAT number of FR"), "{home}");
    // A number of another state is taken, and what is noted says so.
    let taken = vat("DE136695976", Some("FR")).unwrap();
    let note = taken.note.unwrap_or_default();
    assert!(note.contains("of DE") && note.contains("in FR"), "{note}");
}
