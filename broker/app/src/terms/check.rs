//! What must hold in each document of a set, and between them.

use broker_model::{TermsDocument, TermsText};
use url::Url;

use super::TermsFault;

type Read<'a> = (&'a str, TermsDocument);

pub(super) fn all(read: &[Read<'_>], faults: &mut Vec<TermsFault>) {
    for (at, (file, document)) in read.iter().enumerate() {
        let mut said = Said { file, faults };
        whose(document, &mut said);
        texts(document, &mut said);
        let earlier = read.get(..at).unwrap_or_default();
        beside(document, earlier, &mut said);
    }
}

/// Collects what is wrong with one file.
struct Said<'a> {
    file: &'a str,
    faults: &'a mut Vec<TermsFault>,
}

impl Said<'_> {
    fn add(&mut self, place: &str, reason: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(TermsFault {
            file: self.file.to_owned(),
            place: Some(place.to_owned()),
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }
}

fn whose(document: &TermsDocument, said: &mut Said<'_>) {
    let id = document.scope.document_id();
    if document.id.as_str() != id {
        let reason = format!("`{}` is not the id of terms of this scope", document.id);
        said.add("id", reason, format!("write `id = \"{id}\"`"));
    }
    let version = &document.version;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if version.is_empty() || version.len() > 32 || !version.chars().all(is_plain) {
        let reason = format!("`{version}` cannot be typed as a version");
        said.add(
            "version",
            reason,
            "use 1 to 32 letters, digits, `.`, `-` or `_`",
        );
    }
    if document.source.trim().is_empty() {
        said.add(
            "source",
            "says nothing",
            "say who decided on the text, and where",
        );
    }
}

fn texts(document: &TermsDocument, said: &mut Said<'_>) {
    if !document.text.contains_key("en") {
        let remedy = "add `[text.en]`: who reads no other of its languages is shown this one";
        said.add("text", "has no English", remedy);
    }
    for (language, text) in &document.text {
        if language.len() != 2 || !language.bytes().all(|it| it.is_ascii_lowercase()) {
            let reason = format!("`{language}` is no language");
            said.add(
                "text",
                reason,
                "use its two letters of ISO 639-1: `en`, `fr`",
            );
        }
        one_text(&format!("text.{language}"), text, said);
    }
}

fn one_text(place: &str, text: &TermsText, said: &mut Said<'_>) {
    if text.title.trim().is_empty() {
        said.add(&format!("{place}.title"), "says nothing", "give it a title");
    }
    match (&text.body, &text.link) {
        (Some(body), None) => {
            if body.trim().is_empty() {
                said.add(&format!("{place}.body"), "says nothing", "write the text");
            }
            if text.sha256.is_some() {
                let reason = "stands beside a body, whose digest is computed";
                said.add(&format!("{place}.sha256"), reason, "leave it out");
            }
        }
        (None, Some(link)) => linked(place, link, text.sha256.as_deref(), said),
        _ => {
            let reason = "has not exactly one of `body` and `link`";
            said.add(place, reason, "write the text, or name where it lies");
        }
    }
}

fn linked(place: &str, link: &str, sha256: Option<&str>, said: &mut Said<'_>) {
    if !Url::parse(link).is_ok_and(|it| it.scheme() == "https") {
        let reason =
            format!("`{link}` is no address that can be trusted to stay the same on the way");
        said.add(
            &format!("{place}.link"),
            reason,
            "use an `https://` address",
        );
    }
    let is_digest =
        |it: &str| it.len() == 64 && it.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !sha256.is_some_and(is_digest) {
        let reason = "a link without the SHA-256 of what lies there may say anything tomorrow";
        let remedy = "write the 64 digits that `sha256sum` prints, in lower case";
        said.add(&format!("{place}.sha256"), reason, remedy);
    }
}

/// One version stands once, and on one day one version comes into force.
fn beside(document: &TermsDocument, earlier: &[Read<'_>], said: &mut Said<'_>) {
    for (file, other) in earlier.iter().filter(|(_, it)| it.id == document.id) {
        if other.version == document.version {
            let reason = format!("version {} stands in {file}, too", document.version);
            said.add(
                "version",
                reason,
                "give the newer text a version of its own",
            );
        }
        if other.effective == document.effective {
            let reason = format!("{file} comes into force on {}, too", document.effective);
            said.add(
                "effective",
                reason,
                "let one of the two come into force on another day",
            );
        }
    }
}
