//! When two names read alike: without case, marks over letters, punctuation, and what says the legal form.

use std::sync::LazyLock;

use serde::Deserialize;

/// The source and the countries beside them are for people; a test reads them.
#[derive(Deserialize)]
struct File {
    form: Vec<Form>,
}

/// How organisations of some countries write what they are.
#[derive(Deserialize)]
struct Form {
    words: Vec<String>,
}

/// The forms as words of their own, the longest first, so that `sp. z o.o. sp. k.` goes as a whole.
struct Forms(Vec<Vec<String>>);

#[expect(
    clippy::expect_used,
    reason = "the file is built in, and a test reads it"
)]
static FORMS: LazyLock<Forms> = LazyLock::new(|| {
    let text = include_str!("../../../../config/legal-forms.toml");
    Forms::read(text).expect("the shipped legal forms can be read")
});

impl Forms {
    fn read(text: &str) -> Result<Self, toml::de::Error> {
        let file: File = toml::from_str(text)?;
        let all = file.form.iter().flat_map(|it| &it.words);
        let mut forms: Vec<Vec<String>> = all.map(|it| words(it)).collect();
        forms.sort_by_key(|it| std::cmp::Reverse(it.len()));
        Ok(Self(forms))
    }

    /// Takes a form off the end, or off the beginning; never all that a name has.
    fn taken_off(&self, words: &mut Vec<String>) -> bool {
        for form in self.0.iter().filter(|it| it.len() < words.len()) {
            if words.ends_with(form) {
                words.truncate(words.len() - form.len());
                return true;
            }
            if words.starts_with(form) {
                words.drain(..form.len());
                return true;
            }
        }
        false
    }
}

/// Whether one name may be another spelling of the other. Names of different organisations may be.
pub(super) fn read_alike(one: &str, other: &str) -> bool {
    let key = key(one);
    !key.is_empty() && key == self::key(other)
}

/// What is left of a name; together, as `Open AI` and `OpenAI` are told apart by nothing else.
fn key(name: &str) -> String {
    let mut words = words(name);
    while FORMS.taken_off(&mut words) {}
    words.concat()
}

/// In lower case without marks. A point or an apostrophe stands within a word (`S.A.`), other
/// punctuation between two.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '.' | '\'' | '\u{2019}' | '\u{300}'..='\u{36f}' => {}
            _ if c.is_alphanumeric() => {
                if let Some(word) = words.last_mut() {
                    push_plain(word, c);
                }
            }
            _ => words.push(String::new()),
        }
    }
    words.retain(|it| !it.is_empty());
    words
}

/// The letters of Unicode's Latin and Greek blocks that European names are written with.
fn push_plain(word: &mut String, c: char) {
    let plain = match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'ά' => "α",
        'έ' => "ε",
        'ή' => "η",
        'ί' | 'ϊ' | 'ΐ' => "ι",
        'ό' => "ο",
        'ύ' | 'ϋ' | 'ΰ' => "υ",
        'ώ' => "ω",
        'ς' => "σ",
        _ => return word.push(c),
    };
    word.push_str(plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole {
        source: String,
        confidence: policy_engine::Confidence,
        checked_on: jiff::civil::Date,
        form: Vec<OfCountries>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct OfCountries {
        countries: Vec<String>,
        words: Vec<String>,
    }

    #[test]
    fn a_name_reads_alike_whatever_its_case_marks_punctuation_and_legal_form() {
        for (one, other) in [
            ("Pléione Labs, S.A.", "PLEIONE LABS SA"),
            ("Maia GmbH", "maia gmbh & co. kg"),
            ("Ålesund Software A/S", "Alesund Software AS"),
            ("AB Volvo", "Volvo"),
            ("Żubr Sp. z o.o.", "Zubr sp z oo"),
            ("Ελπίδα Α.Ε.", "ΕΛΠΙΔΑ ΑΕ"),
            ("Open-AI Oy", "OpenAI"),
            ("Cafe\u{301} Srl", "Café S.r.l."),
        ] {
            assert!(read_alike(one, other), "{:?} {:?}", key(one), key(other));
        }
    }

    #[test]
    fn other_names_do_not_and_a_name_that_is_a_legal_form_stays_one() {
        for (one, other) in [
            ("Siemens AG", "Siemens Energy AG"),
            ("Maia", "Maya"),
            ("SA", "AG"),
            ("", ""),
            ("GmbH", "Maia GmbH"),
        ] {
            assert!(!read_alike(one, other), "{one:?} {other:?}");
        }
        assert!(read_alike("S.A.", "SA"), "the name of somebody, too");
    }

    #[test]
    fn every_country_of_the_forms_is_one_and_where_they_are_from_is_said() {
        let file: Whole =
            toml::from_str(include_str!("../../../../config/legal-forms.toml")).unwrap();
        assert!(!file.source.is_empty());
        assert_eq!(file.confidence, policy_engine::Confidence::Uncertain);
        assert!(file.checked_on.year() >= 2026);
        let mut seen = std::collections::BTreeSet::new();
        for form in &file.form {
            assert!(form.countries.iter().all(|it| broker_model::is_country(it)));
            for words in &form.words {
                assert!(!super::words(words).is_empty(), "{words}");
                assert!(seen.insert(words.clone()), "{words} stands there twice");
            }
        }
    }
}
