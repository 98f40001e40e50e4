//! Catalogues of an operator's own, laid over the ones of this program.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::{Catalogue, FILES, flatten};

/// Words of the model and of the policy: a folder of policy may bring some that nobody here knows.
const OPEN: &str = "word";

/// The words of the pages, in every language that there is.
#[derive(Clone)]
pub struct Catalogues {
    english: Catalogue,
    others: Vec<Catalogue>,
}

/// A text, or a whole file, that no page can say as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFault {
    file: String,
    key: Option<String>,
    reason: String,
    remedy: String,
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        write!(f, "{}; {}", self.reason, self.remedy)
    }
}

impl Catalogues {
    /// The ones that this program was built with.
    pub fn shipped() -> Self {
        let mut all = FILES
            .map(|(lang, text)| Catalogue::of_ours(lang, text))
            .to_vec();
        let english = all.remove(0);
        Self {
            english,
            others: all,
        }
    }

    /// The same with files named `<language>.toml` over them: a new language, or other words in one that is there.
    /// What a file leaves out stays as it is: in our words of that language, else in English.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files, in their order.
    pub fn with_files(files: &[(&str, &str)]) -> Result<Self, Vec<TextFault>> {
        let shipped = Self::shipped();
        let mut all = shipped.clone();
        let mut faults = Vec::new();
        for (file, text) in files {
            match read(file, text, &shipped.english) {
                Ok((lang, texts)) => all.lay_over(lang, texts),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() {
            Ok(all)
        } else {
            Err(faults)
        }
    }

    fn lay_over(&mut self, lang: &str, texts: HashMap<String, String>) {
        if lang == self.english.lang {
            return self.english.texts.extend(texts);
        }
        match self.others.iter_mut().find(|it| it.lang == lang) {
            Some(there) => there.texts.extend(texts),
            None => self.others.push(Catalogue {
                lang: lang.to_owned(),
                texts,
            }),
        }
    }

    /// English first.
    pub fn languages(&self) -> Vec<&str> {
        self.all().map(|it| it.lang.as_str()).collect()
    }

    /// By language the keys that its readers see in English, sorted; a language that has all is not named.
    pub fn in_english(&self) -> Vec<(&str, Vec<&str>)> {
        let lacking = |of: &Catalogue| {
            let keys = self.english.texts.keys().map(String::as_str);
            let mut keys: Vec<&str> = keys.filter(|key| !of.texts.contains_key(*key)).collect();
            keys.sort_unstable();
            keys
        };
        let found = { self.others.iter() }.map(|it| (it.lang.as_str(), lacking(it)));
        found.filter(|(_, keys)| !keys.is_empty()).collect()
    }

    pub(super) fn english(&self) -> &Catalogue {
        &self.english
    }

    pub(super) fn named(&self, lang: &str) -> Option<&Catalogue> {
        self.all().find(|it| it.lang == lang)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Catalogue> {
        std::iter::once(&self.english).chain(&self.others)
    }
}

impl fmt::Debug for Catalogues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Catalogues")
            .field(&self.languages())
            .finish()
    }
}

/// A file's language and texts, or all that is wrong with it.
fn read<'f>(
    file: &'f str,
    text: &str,
    english: &Catalogue,
) -> Result<(&'f str, HashMap<String, String>), Vec<TextFault>> {
    let fault = |key: Option<&str>, reason: String, remedy: &str| TextFault {
        file: file.to_owned(),
        key: key.map(str::to_owned),
        reason,
        remedy: remedy.to_owned(),
    };
    let Some(lang) = language(file) else {
        let reason = "is not called by a language".to_owned();
        let remedy = "name it by two or three small letters (ISO 639), as `de.toml`";
        return Err(vec![fault(None, reason, remedy)]);
    };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        vec![fault(
            None,
            error.to_string().trim_end().to_owned(),
            "mend the line",
        )]
    })?;
    let mut texts = HashMap::new();
    let odd = flatten("", &table, &mut texts);
    let mut faults: Vec<TextFault> = odd
        .into_iter()
        .map(|key| {
            fault(
                Some(&key),
                "is no text".to_owned(),
                "put its words in quotes",
            )
        })
        .collect();
    for (key, text) in &texts {
        if let Err((reason, remedy)) = check(key, text, english) {
            faults.push(fault(Some(key), reason, &remedy));
        }
    }
    faults.sort_by(|a, b| a.key.cmp(&b.key));
    if faults.is_empty() {
        Ok((lang, texts))
    } else {
        Err(faults)
    }
}

/// `de` of `de.toml`.
fn language(file: &str) -> Option<&str> {
    let lang = file.strip_suffix(".toml")?;
    let fits = (2..=3).contains(&lang.len()) && lang.bytes().all(|it| it.is_ascii_lowercase());
    fits.then_some(lang)
}

/// A text of an operator's against the English one, which the pages fill in.
fn check(key: &str, text: &str, english: &Catalogue) -> Result<(), (String, String)> {
    if text.trim().is_empty() {
        let remedy = "write it, or leave the key out and it stands in English";
        return Err(("is empty".to_owned(), remedy.to_owned()));
    }
    let Some(ours) = english.texts.get(key) else {
        if key.split('.').next() == Some(OPEN) {
            return Ok(());
        }
        let remedy = "take it out, or mend its name: `en.toml` of the portal's texts has them all";
        return Err(("no page has such a text".to_owned(), remedy.to_owned()));
    };
    let (asked, given) = (places(ours), places(text));
    if asked == given {
        return Ok(());
    }
    let named = |all: &BTreeSet<&str>| {
        let all: Vec<String> = all.iter().map(|it| format!("{{{it}}}")).collect();
        if all.is_empty() {
            "none".to_owned()
        } else {
            all.join(", ")
        }
    };
    Err((
        format!("has the places {}", named(&given)),
        format!(
            "the English has {}: keep each of them, as it is written",
            named(&asked)
        ),
    ))
}

/// What stands in braces in a text.
pub(super) fn places(text: &str) -> BTreeSet<&str> {
    let parts = text.split('{').skip(1);
    parts
        .filter_map(|rest| Some(rest.split_once('}')?.0))
        .collect()
}
