use super::*;
use crate::contact::Vocabulary;

/// Reads the shipped directory with one text put for another in one of its files.
fn changed(from: &str, to: &str) -> Result<Directory, DirectoryError> {
    let shipped = DirectoryTexts::shipped();
    let put = |text: &str| text.replacen(from, to, 1);
    let words: Vec<(&str, String)> = shipped
        .words
        .iter()
        .map(|(name, it)| (*name, put(it)))
        .collect();
    let words: Vec<(&str, &str)> = words
        .iter()
        .map(|(name, it)| (*name, it.as_str()))
        .collect();
    let texts = [
        shipped.centres,
        shipped.sectors,
        shipped.services,
        shipped.finance,
        shipped.ranking,
    ]
    .map(put);
    let [centres, sectors, services, finance, ranking] = texts.each_ref().map(String::as_str);
    Directory::read(&DirectoryTexts {
        centres,
        sectors,
        services,
        finance,
        ranking,
        words: &words,
    })
}

#[track_caller]
fn assert_refused((from, to): (&str, &str), words: &str) {
    let error = changed(from, to).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn the_shipped_directory_has_the_seven_the_later_ones_and_the_antennas() {
    let directory = Directory::shipped().unwrap();
    let of_kind = |kind| directory.centres().iter().filter(move |it| it.kind == kind);
    assert_eq!(of_kind(CentreKind::Factory).count(), 19);
    assert_eq!(of_kind(CentreKind::Antenna).count(), 13);
    assert_eq!(of_kind(CentreKind::CompetenceCentre).count(), 12);
    let ours: Vec<_> = of_kind(CentreKind::Factory)
        .filter_map(|it| it.site.as_ref())
        .collect();
    assert_eq!(ours.len(), 7);
    let swiss = directory.centre(&"antenna-ch".parse().unwrap()).unwrap();
    let factories: Vec<String> = named(&swiss.factories)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(factories, ["it4lia", "lumi"]);
    let reviewed = directory.sectors().iter().filter(|it| it.review);
    let reviewed: Vec<&str> = reviewed.map(|it| it.code.as_str()).collect();
    assert_eq!(reviewed, ["defence", "dual_use"]);
    let finance: Vec<_> = { directory.finance().iter() }
        .map(|it| (it.id.as_str(), it.link.as_deref()))
        .collect();
    let addresses = [
        ("eic_accelerator", Some("https://eic.ec.europa.eu/")),
        ("investeu", Some("https://investeu.europa.eu/")),
        ("genai4eu", None),
    ];
    assert_eq!(finance, addresses);
}

#[test]
fn a_centre_that_has_not_said_has_the_clock_of_the_platform() {
    let directory = Directory::shipped().unwrap();
    for centre in directory.centres() {
        let within = centre.acknowledge_within.as_ref().unwrap();
        assert_eq!(within.value, 5);
        assert!(within.source.contains("platform default"));
    }
}

/// What a file says, what it says instead, and what is told of that.
const WRONG: &[((&str, &str), &str)] = &[
    (
        (
            r#"value = ["training"], source = "revista"#,
            r#"value = ["tea"], source = "revista"#,
        ),
        "centres.toml: `bsc`: services: `tea` is not known",
    ),
    (
        (
            r#""language_llm"], source = "public"#,
            r#""poetry"], source = "public"#,
        ),
        "centres.toml: `lumi`: sectors: `poetry` is not known",
    ),
    (
        (r#"value = ["fi", "sv""#, r#"value = ["xx", "sv""#),
        "centres.toml: `lumi`: languages: `xx` is not known",
    ),
    (
        (r#"country = "FI""#, r#"country = "QQ""#),
        "centres.toml: `lumi`: countries: `QQ` is not known",
    ),
    (
        (r#"id = "it4lia""#, r#"id = "bsc""#),
        "centres.toml: `bsc`: id: stands twice",
    ),
    (
        (r#"value = ["hammerhai"]"#, r#"value = ["antenna-be"]"#),
        "centres.toml: `antenna-gb`: factories: there is no factory `antenna-be`",
    ),
    (
        ("https://aifactory.lu", "http://aifactory.lu"),
        "centres.toml: `meluxina`: page: `http://aifactory.lu` is no `https://` address",
    ),
    (
        (
            "acknowledge_within = { value = 5",
            "acknowledge_within = { value = 0",
        ),
        "centres.toml: `bsc`: acknowledge_within: 0 is not between 1 and 60",
    ),
    (
        (
            r#"sector_match = { value = 20, source = "platform default", confidence = "certain", checked_on = "2026-11-22" }"#,
            "",
        ),
        "ranking.toml: `weights`: sector_match: has no weight",
    ),
    (
        (
            "uncertain_percent = { value = 60",
            "uncertain_percent = { value = 101",
        ),
        "ranking.toml: `uncertain_percent`",
    ),
    (
        (r#"fr = "Santé""#, r#"de = "Gesundheit""#),
        "sectors.toml: `health`: title: says nothing in `fr`",
    ),
    (
        ("Il propose : {service}.", "Il propose cela."),
        "words.fr.toml: `reasons`: service_offered: does not have the braces",
    ),
    (
        (r#"FI = "Finlande""#, ""),
        "words.fr.toml: `countries`: FI: stands in `en` or here, not in both",
    ),
    (
        (
            r#"sector_other = { value = 0, source = "platform default""#,
            r#"sector_other = { value = 0, source = " ""#,
        ),
        "this is empty: say where it comes from",
    ),
    (
        (
            r#"source = "founding documents (001), (002)""#,
            r#"source = "  ""#,
        ),
        "sectors.toml: `science`: source: names no source",
    ),
    ((r#"kind = "factory""#, r#"kind = "castle""#), "castle"),
    (("review = true", "revue = true"), "revue"),
];

#[test]
fn what_is_wrong_is_said_with_file_entry_and_field() {
    for (change, words) in WRONG {
        assert_refused(*change, words);
    }
}

#[test]
fn codes_have_names_in_each_language_and_stay_codes_in_others() {
    let directory = Directory::shipped().unwrap();
    let called = |list, code, lang| directory.called((list, code), lang);
    assert_eq!(called(Vocabulary::Timing, "open", "en"), "not planned yet");
    assert_eq!(called(Vocabulary::DataClass, "open", "en"), "open data");
    assert_eq!(called(Vocabulary::Language, "fr", "fr"), "français");
    assert_eq!(
        called(Vocabulary::Kind, "antenna", "en"),
        "AI factory antenna"
    );
    assert_eq!(called(Vocabulary::Country, "AT", "fr"), "Autriche");
    assert_eq!(called(Vocabulary::Country, "AT", "fi"), "AT");
}

#[test]
fn a_sector_a_service_or_a_weight_that_nobody_dated_is_refused() {
    let dated = "checked_on = \"2026-11-20\"\n\n[[";
    let undated = |row: &str| (format!("{dated}{row}]]"), format!("[[{row}]]"));
    for (row, file) in [("sector", "sectors.toml"), ("service", "services.toml")] {
        let (from, to) = undated(row);
        let said = changed(&from, &to).unwrap_err().to_string();
        assert!(
            said.starts_with(file) && said.contains("`checked_on`"),
            "{said}"
        );
    }
    let weight = r#"value = 30, source = "platform default", confidence = "certain""#;
    let from = format!(r#"{weight}, checked_on = "2026-11-22""#);
    let said = changed(&from, weight).unwrap_err().to_string();
    assert!(
        said.starts_with("ranking.toml") && said.contains("`checked_on`"),
        "{said}"
    );
    let said = changed(&from, &format!(r#"{weight}, checked_on = "lately""#));
    assert!(said.unwrap_err().to_string().starts_with("ranking.toml"));
}

/// The rules name a sector as pages do.
#[test]
fn the_policy_has_the_title_of_every_sector() {
    let directory = Directory::shipped().unwrap();
    let engine = policy_engine::Engine::shipped().unwrap();
    for sector in directory.sectors() {
        for language in ["en", "fr"] {
            let title = engine.title(policy_engine::TitleKind::Sector, &sector.code, language);
            assert_eq!(title, sector.title[language], "{}", sector.code);
        }
    }
}
