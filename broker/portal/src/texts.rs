//! The words of the pages, by key, in catalogues: another language is another file in `texts/`.

mod places;

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

const FILES: [(&str, &str); 2] = [
    ("en", include_str!("../texts/en.toml")),
    ("fr", include_str!("../texts/fr.toml")),
];

static CATALOGUES: LazyLock<Vec<Catalogue>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|(lang, text)| Catalogue::read(lang, text))
        .collect()
});

struct Catalogue {
    lang: &'static str,
    texts: HashMap<String, String>,
}

impl Catalogue {
    /// A file that cannot be read leaves its keys to English, or to themselves; a test reads all.
    fn read(lang: &'static str, text: &str) -> Self {
        let mut texts = HashMap::new();
        flatten(
            "",
            &text.parse::<toml::Table>().unwrap_or_default(),
            &mut texts,
        );
        Self { lang, texts }
    }
}

fn flatten(prefix: &str, table: &toml::Table, texts: &mut HashMap<String, String>) {
    for (key, value) in table {
        let key = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            toml::Value::Table(table) => flatten(&key, table, texts),
            toml::Value::String(text) => {
                texts.insert(key, text.clone());
            }
            _ => {}
        }
    }
}

/// The catalogue in the language that a browser asks for.
#[derive(Clone, Copy)]
pub(crate) struct Texts {
    catalogue: Option<&'static Catalogue>,
}

impl Texts {
    /// The best of the languages in `Accept-Language` (RFC 9110, 12.5.4); English for others.
    pub(crate) fn asked_for(headers: &HeaderMap) -> Self {
        let asked = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let best = asked
            .map(ranked)
            .unwrap_or_default()
            .into_iter()
            .find_map(named);
        Self {
            catalogue: best.or_else(|| named("en")),
        }
    }

    pub(crate) fn lang(self) -> &'static str {
        self.catalogue.map_or("en", |catalogue| catalogue.lang)
    }

    /// The text under a key; a key without a text is shown as it is, which a test forbids.
    pub(crate) fn of(self, key: &str) -> &'static str {
        let in_english = || named("en").and_then(|catalogue| catalogue.texts.get(key));
        let text = self
            .catalogue
            .and_then(|catalogue| catalogue.texts.get(key));
        text.or_else(in_english).map_or("…", String::as_str)
    }

    /// A word of the model or of the policy, as `word.{name}`; one that no catalogue has yet as it is.
    pub(crate) fn word(self, name: &str) -> String {
        let key = format!("word.{name}");
        let known = self.catalogue.and_then(|it| it.texts.get(&key));
        known.map_or_else(|| name.replace('_', " "), Clone::clone)
    }

    /// The same where a catalogue has it.
    pub(crate) fn known_word(self, name: &str) -> Option<&'static str> {
        let found = self.catalogue?.texts.get(&format!("word.{name}"));
        found.map(String::as_str)
    }

    /// What use cases say in English, if it is as one of the texts `fault.*`: the one with the most words of its own.
    pub(crate) fn fault(self, english: &str) -> Option<String> {
        let all = named("en")?.texts.iter();
        let patterns = all.filter(|(key, _)| key.split('.').next() == Some("fault"));
        let fits = patterns.filter_map(|(key, pattern)| {
            let values = places::read(pattern, english)?;
            Some((pattern.len(), key, values))
        });
        let (_, key, values) = fits.max()?;
        Some(self.with(key, &values))
    }

    /// The text with `{name}` replaced.
    pub(crate) fn with(self, key: &str, values: &[(&str, &str)]) -> String {
        let fill = |text: String, (name, value): &(&str, &str)| {
            text.replace(&format!("{{{name}}}"), value)
        };
        values.iter().fold(self.of(key).to_owned(), fill)
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Texts").field(&self.lang()).finish()
    }
}

fn named(lang: &str) -> Option<&'static Catalogue> {
    CATALOGUES.iter().find(|catalogue| catalogue.lang == lang)
}

/// Primary subtags, best first; those of weight 0 are not wanted.
fn ranked(header: &str) -> Vec<&str> {
    let weighed = header.split(',').take(20).filter_map(|part| {
        let mut parts = part.split(';').map(str::trim);
        let tag = parts.next()?.split('-').next()?;
        let weight = parts
            .find_map(|p| p.strip_prefix("q="))
            .map_or(Some(1.0), |q| q.parse().ok());
        Some((tag, weight?))
    });
    let mut ranked: Vec<(&str, f32)> = weighed.filter(|(_, weight)| *weight > 0.0).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.into_iter().map(|(tag, _)| tag).collect()
}

#[cfg(test)]
#[path = "texts/tests.rs"]
mod tests;
