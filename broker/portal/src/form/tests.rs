use super::*;

#[test]
fn hundredths_are_read_exactly_or_not_at_all() {
    for (text, expected) in [
        ("249.5", Some(24_950)),
        ("249,55", Some(24_955)),
        ("3", Some(300)),
        ("3.", Some(300)),
        ("0.01", Some(1)),
        ("1.005", None),
        (".5", None),
        ("-1", None),
        ("1e3", None),
        ("999999999999999999999", None),
    ] {
        assert_eq!(hundredths(text), expected, "{text}");
    }
    assert_eq!(of_hundredths(24_950), "249.5");
    assert_eq!(of_hundredths(300), "3");
}

#[test]
fn a_number_that_is_none_is_a_fault_at_its_field() {
    let mut typed = Typed::from(Fields::parse(b"months=three&hours=12"));
    assert_eq!(typed.read::<u32>("months", "1 to 60"), None);
    assert_eq!(typed.read::<u32>("hours", "1 and more"), Some(12));
    assert_eq!(
        typed.fault("months").unwrap().reason,
        "`three` cannot be read"
    );
    assert!(typed.fault("hours").is_none());
}
