//! What this program says itself, in the language of who reads it. The English stands in the code, and
//! `texts/fr.toml` has the French by it; what a catalogue does not have is said in English. Programs read
//! `--json`, which is no text of a catalogue.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::sync::LazyLock;

type Catalogue = HashMap<String, String>;

static FRENCH: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("../texts/fr.toml")));

/// What this program says, and words of the broker's. A file that cannot be read leaves all to English; a test
/// reads ours.
fn read(text: &str) -> Catalogue {
    let tables: HashMap<String, Catalogue> = toml::from_str(text).unwrap_or_default();
    tables.into_values().flatten().collect()
}

tokio::task_local! {
    static READS: Option<&'static Catalogue>;
}

/// Does something for somebody who reads `language`. None is English, as is every language that nobody wrote.
pub(crate) async fn read_in<F: Future>(language: Option<&str>, does: F) -> F::Output {
    let catalogue = match language {
        Some("fr") => Some(&*FRENCH),
        _ => None,
    };
    READS.scope(catalogue, does).await
}

/// The text in the language of who reads.
pub(crate) fn say(english: &str) -> &str {
    let found = READS.try_with(|it| it.as_ref()?.get(english));
    found.ok().flatten().map_or(english, String::as_str)
}

/// A word as the broker has it, `needs_evidence`, the way a person reads it.
pub(crate) fn word(code: &str) -> String {
    say(&code.replace('_', " ")).to_owned()
}

/// Several of what hours are counted in: `GPU-hours`.
pub(crate) fn units(unit: &str) -> String {
    say(&format!("{unit}s")).to_owned()
}

/// The text with its places, `{name}`, still to be filled.
pub(crate) fn fill(english: &str) -> Filled<'_> {
    Filled {
        text: say(english),
        values: Vec::new(),
    }
}

/// A text that is written out once its places are filled. What is put in is not looked at again.
pub(crate) struct Filled<'t> {
    text: &'t str,
    values: Vec<(&'static str, String)>,
}

impl Filled<'_> {
    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }
}

impl Display for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.text.split('{');
        f.write_str(parts.next().unwrap_or_default())?;
        for part in parts {
            let known = part.split_once('}').and_then(|(name, after)| {
                let (_, value) = self.values.iter().find(|(it, _)| *it == name)?;
                Some((value, after))
            });
            match known {
                Some((value, after)) => write!(f, "{value}{after}")?,
                None => write!(f, "{{{part}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
