//! Words of the command line that have a form of their own, with what is said of others.

use broker_client::wire::SetItem;
use broker_model::{ControlId, SiteId};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::DeserializeOwned;

use super::Whom;

/// A moment, for people who write `tomorrow`.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        "expected a date and a time with `Z` (UTC) or an offset, as `2026-11-21T10:00:00Z` or \
         `2026-11-21T12:00:00+02:00`"
            .to_owned()
    })
}

/// A day, for people who write `tomorrow`.
pub(super) fn day(text: &str) -> Result<Date, String> {
    let is_plain = text.len() == 10;
    { text.parse().ok() }
        .filter(|_| is_plain)
        .ok_or_else(|| "expected a day with its year and month, as `2026-11-21`".to_owned())
}

/// A language, for people who write `french`.
pub(super) fn language(text: &str) -> Result<String, String> {
    let is_code = text.len() == 2 && text.bytes().all(|it| it.is_ascii_alphabetic());
    { is_code.then(|| text.to_ascii_lowercase()) }
        .ok_or_else(|| "expected a language by its two letters (ISO 639-1), as `fr`".to_owned())
}

/// One of the words that an enum has on the wire; clap lists them.
pub(super) fn one_of<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value::<T>(word.into()))
}

pub(super) fn local_account(text: &str) -> Result<(SiteId, String), String> {
    let form = "expected a site with the account there, as `meluxina=p200981`";
    let (site, account) = text.split_once('=').ok_or(form)?;
    if account.trim().is_empty() {
        return Err(form.to_owned());
    }
    let site: SiteId = site.parse().map_err(|error| format!("{error}; {form}"))?;
    Ok((site, account.to_owned()))
}

/// A person, for people who write a name.
pub(super) fn whom(text: &str) -> Result<Whom, String> {
    if text == "me" {
        return Ok(Whom::Me);
    }
    let form = "expected `me`, or an id that `members` lists, as `per_0192f0c1…`";
    let person = text.parse().map_err(|_| form.to_owned())?;
    Ok(Whom::Person(person))
}

/// A month that is written in another way would match nothing and look like no usage.
pub(super) fn month(text: &str) -> Result<String, String> {
    let digits = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    let is_month = |month: &str| digits(month, 2) && matches!(month.parse::<u8>(), Ok(1..=12));
    let fits =
        { text.split_once('-') }.is_some_and(|(year, month)| digits(year, 4) && is_month(month));
    if fits {
        return Ok(text.to_owned());
    }
    Err("expected a UTC month with its year, as `2026-11`".to_owned())
}

/// What is set at a site, by any of the ids that `site show` lists.
pub(super) fn set_item(text: &str) -> Result<ControlId, String> {
    match text.parse::<SetItem>() {
        Ok(SetItem(item)) => Ok(item),
        Err(error) => Err(format!("{error}; `alcyone site show SITE` lists them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_taken_in_utc_or_with_an_offset_and_another_is_shown_how() {
        let utc = moment("2026-11-21T10:00:00Z").unwrap();
        assert_eq!(moment("2026-11-21T12:00:00+02:00").unwrap(), utc);
        for other in [
            "tomorrow",
            "",
            "2026-11-21",
            "2026-11-21T10:00:00",
            "10:00Z",
        ] {
            let words = moment(other).unwrap_err();
            assert!(words.contains("`2026-11-21T10:00:00Z`"), "{other}: {words}");
        }
    }

    #[test]
    fn a_day_is_taken_with_its_year_and_another_text_is_shown_how() {
        assert_eq!(day("2024-02-29").unwrap().to_string(), "2024-02-29");
        for other in [
            "",
            "tomorrow",
            "2026-02-30",
            "2026-11",
            "21.11.2026",
            "2026-11-21T10:00",
        ] {
            let words = day(other).unwrap_err();
            assert!(words.contains("`2026-11-21`"), "{other}: {words}");
        }
    }

    #[test]
    fn a_language_is_two_letters() {
        assert_eq!(language("FR").unwrap(), "fr");
        for other in ["", "french", "fr-LU", "f1", "é"] {
            let words = language(other).unwrap_err();
            assert!(words.contains("`fr`"), "{other}: {words}");
        }
    }

    #[test]
    fn an_account_has_its_site() {
        let (site, account) = local_account("meluxina=p200981").unwrap();
        assert_eq!((site.as_str(), account.as_str()), ("meluxina", "p200981"));
        for other in ["p200981", "meluxina=", "=p200981", ""] {
            let words = local_account(other).unwrap_err();
            assert!(words.contains("`meluxina=p200981`"), "{other}: {words}");
        }
    }

    #[test]
    fn a_month_has_its_year() {
        assert_eq!(month("2026-11").unwrap(), "2026-11");
        for other in ["11", "2026-13", "2026-1", "november", "26-11", ""] {
            let words = month(other).unwrap_err();
            assert!(words.contains("`2026-11`"), "{other}: {words}");
        }
    }

    #[test]
    fn an_id_of_nothing_that_is_set_is_told_every_kind_and_where_they_are_listed() {
        for kind in ["win", "drn", "inc", "vet", "org"] {
            let words = set_item("foo").unwrap_err();
            assert!(words.contains(&format!("`{kind}_…`")), "{words}");
            assert!(words.contains("`alcyone site show SITE`"), "{words}");
            let id = format!("{kind}_0192f0c1d2e37abc8def0123456789ab");
            assert_eq!(set_item(&id).unwrap().to_string(), id);
        }
    }
}
