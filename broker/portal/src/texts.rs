//! The words of the pages, by key, in catalogues: another language is another file, in `texts/` or in a
//! folder that the operator names.

mod folder;
mod places;

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

pub use folder::{Catalogues, TextFault};

const FILES: [(&str, &str); 2] = [
    ("en", include_str!("../texts/en.toml")),
    ("fr", include_str!("../texts/fr.toml")),
];

/// What the pages say where no folder is named.
pub(crate) static SHIPPED: LazyLock<Catalogues> = LazyLock::new(Catalogues::shipped);

#[derive(Clone)]
struct Catalogue {
    lang: String,
    texts: HashMap<String, String>,
}

impl Catalogue {
    /// A file of this crate that cannot be read leaves its keys to English, or to themselves; a test reads all.
    fn of_ours(lang: &str, text: &str) -> Self {
        let mut texts = HashMap::new();
        let _ = flatten("", &text.parse().unwrap_or_default(), &mut texts);
        Self {
            lang: lang.to_owned(),
            texts,
        }
    }
}

/// Gathers the texts of a file by their dotted keys, and returns the keys of what is no text.
fn flatten(prefix: &str, table: &toml::Table, texts: &mut HashMap<String, String>) -> Vec<String> {
    let mut odd = Vec::new();
    for (key, value) in table {
        let key = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            toml::Value::Table(table) => odd.extend(flatten(&key, table, texts)),
            toml::Value::String(text) => {
                texts.insert(key, text.clone());
            }
            _ => odd.push(key),
        }
    }
    odd
}

/// The catalogue in the language that a browser asks for.
#[derive(Clone, Copy)]
pub(crate) struct Texts {
    all: &'static Catalogues,
    catalogue: &'static Catalogue,
}

impl Texts {
    /// The best of the languages in `Accept-Language` (RFC 9110, 12.5.4); English for others.
    pub(crate) fn asked_for(all: &'static Catalogues, headers: &HeaderMap) -> Self {
        let asked = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let best = asked
            .map(ranked)
            .unwrap_or_default()
            .into_iter()
            .find_map(|lang| all.named(&lang));
        Self {
            all,
            catalogue: best.unwrap_or_else(|| all.english()),
        }
    }

    pub(crate) fn lang(self) -> &'static str {
        &self.catalogue.lang
    }

    /// The text under a key; a key without a text is shown as it is, which a test forbids.
    pub(crate) fn of(self, key: &str) -> &'static str {
        let own = self.catalogue.texts.get(key);
        let text = own.or_else(|| self.all.english().texts.get(key));
        text.map_or("…", String::as_str)
    }

    /// A word of the model or of the policy, as `word.{name}`; one that no catalogue has yet as it is.
    pub(crate) fn word(self, name: &str) -> String {
        let key = format!("word.{name}");
        let own = self.catalogue.texts.get(&key);
        let known = own.or_else(|| self.all.english().texts.get(&key));
        known.map_or_else(|| name.replace('_', " "), Clone::clone)
    }

    /// The same where a catalogue has it.
    pub(crate) fn known_word(self, name: &str) -> Option<&'static str> {
        let found = self.catalogue.texts.get(&format!("word.{name}"));
        found.map(String::as_str)
    }

    /// What use cases say in English, if it is as one of the texts `fault.*`: the one with the most words of its own.
    /// They are those of our own catalogue, whatever an operator has the pages say.
    pub(crate) fn fault(self, english: &str) -> Option<String> {
        let all = SHIPPED.english().texts.iter();
        let patterns = all.filter(|(key, _)| key.split('.').next() == Some("fault"));
        let fits = patterns.filter_map(|(key, pattern)| {
            let values = places::read(pattern, english)?;
            Some((pattern.len(), key, values))
        });
        let (_, key, values) = fits.max()?;
        let own = self.catalogue.texts.get(key)?;
        Some(filled(own, &values))
    }

    /// The text with `{name}` replaced.
    pub(crate) fn with(self, key: &str, values: &[(&str, &str)]) -> String {
        filled(self.of(key), values)
    }
}

fn filled(text: &str, values: &[(&str, &str)]) -> String {
    let fill =
        |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{name}}}"), value);
    values.iter().fold(text.to_owned(), fill)
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Texts").field(&self.lang()).finish()
    }
}

/// Primary subtags, best first; those of weight 0 are not wanted.
fn ranked(header: &str) -> Vec<String> {
    let weighed = header.split(',').take(20).filter_map(|part| {
        let mut parts = part.split(';').map(str::trim);
        let tag = parts.next()?.split('-').next()?.to_ascii_lowercase();
        let weight = parts
            .find_map(|p| p.strip_prefix("q="))
            .map_or(Some(1.0), |q| q.parse().ok());
        Some((tag, weight?))
    });
    let mut ranked: Vec<(String, f32)> = weighed.filter(|(_, weight)| *weight > 0.0).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.into_iter().map(|(tag, _)| tag).collect()
}

#[cfg(test)]
#[path = "texts/tests.rs"]
mod tests;
