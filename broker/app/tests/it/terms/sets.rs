use broker_app::TermsSet;
use jiff::civil::date;

use super::file;

/// What is said of a set with one text put for another in its only file.
#[track_caller]
fn assert_refused((from, to): (&str, &str), place: &str, words: &str) {
    let (name, text) = file("lumi", "2026-01", "2026-01-01");
    assert!(text.contains(from), "{from}");
    let broken = [(name, text.replacen(from, to, 1))];
    let faults = TermsSet::read(&broken).unwrap_err().0;
    let fault = faults.first().unwrap();
    assert_eq!(fault.file, "site-lumi-2026-01.toml");
    assert_eq!(fault.place.as_deref(), Some(place), "{fault}");
    assert!(fault.to_string().contains(words), "{fault}");
    assert!(!fault.remedy.is_empty());
}

#[test]
fn a_broken_file_is_told_with_place_reason_and_remedy() {
    for (change, place, words) in [
        (
            ("id = \"site-lumi\"", "id = \"site-bsc\""),
            "id",
            "write `id = \"site-lumi\"`",
        ),
        (
            ("version = \"2026-01\"", "version = \"1 a\""),
            "version",
            "cannot be typed",
        ),
        (("made for a test", " "), "source", "who decided"),
        (("text.en", "text.de"), "text", "has no English"),
        (("text.fr", "text.French"), "text", "is no language"),
        (("Conditions de lumi", ""), "text.fr.title", "says nothing"),
        (
            ("Be kind to lumi, says 2026-01.", " "),
            "text.en.body",
            "says nothing",
        ),
        (("2026-01-01", "2026-13-01"), "line 5", "month"),
        (
            ("title = \"Terms", "heading = \"Terms"),
            "line 8",
            "unknown field `heading`",
        ),
    ] {
        assert_refused(change, place, words);
    }
}

#[test]
fn a_text_elsewhere_needs_an_address_and_the_digest_of_what_lies_there() {
    let body = "body = \"Be kind to lumi, says 2026-01.\"";
    let good = format!(
        "link = \"https://lumi.example/terms\"\nsha256 = \"{}\"",
        "a".repeat(64)
    );
    let (name, text) = file("lumi", "2026-01", "2026-01-01");
    let read = TermsSet::read(&[(name, text.replace(body, &good))]).unwrap();
    assert!(read.documents()[0].has_text(&"a".repeat(64)));
    for (from, to, place) in [
        ("https:", "http:", "text.en.link"),
        ("aaaa", "AAAA", "text.en.sha256"),
        ("link", "body", "text.en.sha256"),
        ("sha256", "body", "text.en"),
    ] {
        assert_refused((body, &good.replacen(from, to, 1)), place, "");
    }
}

#[test]
fn of_one_document_every_version_and_every_day_stands_once() {
    let of = |version, day| file("platform", version, day);
    let (name, same_version) = of("2026-01", "2026-02-01");
    let files = [
        of("2026-01", "2026-01-01"),
        (format!("copy-{name}"), same_version),
        of("2026-03", "2026-02-01"),
        file("lumi", "2026-01", "2026-01-01"),
    ];
    let broken = TermsSet::read(&files).unwrap_err();
    let places: Vec<_> = broken
        .0
        .iter()
        .filter_map(|it| it.place.as_deref())
        .collect();
    assert_eq!(places, ["version", "effective"], "{broken}");
}

#[test]
fn the_version_in_force_is_the_latest_that_has_begun() {
    let files = [
        file("platform", "c", "2027-01-01"),
        file("platform", "a", "2026-01-01"),
        file("lumi", "later", "2026-06-01"),
        file("platform", "b", "2026-06-01"),
    ];
    let set = TermsSet::read(&files).unwrap();
    let on = |day| {
        let in_force = set.in_force(day);
        let named = in_force
            .iter()
            .map(|it| format!("{} {}", it.id, it.version));
        named.collect::<Vec<_>>()
    };
    assert_eq!(on(date(2025, 12, 31)), Vec::<String>::new());
    assert_eq!(on(date(2026, 5, 31)), ["platform a"]);
    assert_eq!(on(date(2026, 6, 1)), ["platform b", "site-lumi later"]);
    assert_eq!(on(date(2027, 1, 1)), ["platform c", "site-lumi later"]);
}
