//! Files on the way to the broker.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use broker_client::{Client, Error};
use broker_model::{AnnouncedFile, Evidence, EvidenceId, OrganisationId};

use crate::exit::Failure;
use crate::words::{fill, say};

/// The broker takes no larger one, whatever it is set to; what it is set to, it says itself.
const LARGEST: u64 = 64 * 1024 * 1024;
const TAKEN: &str = "PDF, PNG, JPEG or plain text (UTF-8)";

/// A file that was read.
#[derive(Debug)]
pub(super) struct Local {
    path: PathBuf,
    name: String,
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Local {
    pub(super) fn announced(&self) -> AnnouncedFile {
        AnnouncedFile {
            name: self.name.clone(),
            media_type: self.media_type.to_owned(),
            size_bytes: self.bytes.len() as u64,
        }
    }
}

pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Local>, Failure> {
    paths.iter().map(|path| local(path)).collect()
}

/// Sends one after the other, and says which are left where one fails.
pub(super) async fn send(
    client: &Client,
    (of, id): (OrganisationId, EvidenceId),
    files: &[Local],
) -> anyhow::Result<Option<Evidence>> {
    let mut last = None;
    for (done, file) in files.iter().enumerate() {
        let named = (file.name.as_str(), file.media_type);
        let sent = client.add_evidence_file((of, id), named, &file.bytes).await;
        let left = files.get(done..).unwrap_or_default();
        let is_at_fault =
            matches!(&sent, Err(Error::Problem(it)) if matches!(it.status, 400 | 413));
        last = Some(sent.with_context(|| {
            if is_at_fault {
                instead((of, id), left)
            } else {
                repeat((of, id), left)
            }
        })?);
    }
    Ok(last)
}

fn words_of_shell(left: &[Local]) -> String {
    let paths = left.iter().map(|it| quoted(&it.path.to_string_lossy()));
    let paths: Vec<String> = paths.collect();
    paths.join(" ")
}

/// The same file again would be refused again.
fn instead((of, id): (OrganisationId, EvidenceId), left: &[Local]) -> String {
    let paths = words_of_shell(left);
    fill(
        "{id} is there, and not uploaded to it: {paths}; another file in the first one's place: \
         `alcyone evidence file add {id} FILE --organisation {of}`, or take it back: \
         `alcyone evidence withdraw {id} --organisation {of}`",
    )
    .with("id", id)
    .with("paths", &paths)
    .with("of", of)
    .to_string()
}

fn repeat((of, id): (OrganisationId, EvidenceId), left: &[Local]) -> String {
    let paths = words_of_shell(left);
    fill(
        "{id} is there, and not uploaded to it: {paths}; only that again: \
         `alcyone evidence file add {id} {paths} --organisation {of}`",
    )
    .with("id", id)
    .with("paths", &paths)
    .with("of", of)
    .to_string()
}

/// As a shell takes it for one word.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

fn local(path: &Path) -> Result<Local, Failure> {
    let shown = path.display();
    let unreadable = |reason: String| {
        Failure::Usage(
            fill("{shown} cannot be read: {reason}")
                .with("shown", &shown)
                .with("reason", say(&reason))
                .to_string(),
        )
    };
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if size.len() == 0 {
        return Err(Failure::Usage(
            fill("{shown} is empty").with("shown", &shown).to_string(),
        ));
    }
    if size.len() > LARGEST {
        let bytes = size.len();
        let words = fill("{shown} has {bytes} bytes, and no broker takes more than {largest}")
            .with("shown", &shown)
            .with("bytes", bytes)
            .with("largest", LARGEST)
            .to_string();
        return Err(Failure::Usage(words));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let name = path.file_name().and_then(|it| it.to_str());
    let name = name.ok_or_else(|| unreadable("its name is no text".to_owned()))?;
    let media_type = media_type(path, &bytes).map_err(|reason| {
        Failure::Usage(
            fill("{shown} {reason}; allowed: {taken}")
                .with("shown", &shown)
                .with("reason", say(&reason))
                .with("taken", say(TAKEN))
                .to_string(),
        )
    })?;
    Ok(Local {
        path: path.to_owned(),
        name: name.to_owned(),
        media_type,
        bytes,
    })
}

/// By the first bytes; a name that says otherwise is a mistake of one or the other.
fn media_type(path: &Path, bytes: &[u8]) -> Result<&'static str, String> {
    let found = by_bytes(bytes).ok_or("is of a kind that is not taken, by its first bytes")?;
    let extension = path.extension().and_then(|it| it.to_str());
    let called = match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "txt" => "text/plain",
        _ => found,
    };
    if called == found {
        return Ok(found);
    }
    Err(fill("is called {called}, and its first bytes are {found}")
        .with("called", called)
        .with("found", found)
        .to_string())
}

/// As the broker finds it.
fn by_bytes(bytes: &[u8]) -> Option<&'static str> {
    let first: [(&[u8], &str); 3] = [
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
    ];
    if let Some((_, found)) = first.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(found);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_plain).then_some("text/plain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say_and_its_name_may_not_say_otherwise() {
        let of = |name: &str, bytes: &[u8]| media_type(Path::new(name), bytes);
        assert_eq!(of("a.PDF", b"%PDF-1.7"), Ok("application/pdf"));
        assert_eq!(of("scan.jpeg", b"\xff\xd8\xff\xe0"), Ok("image/jpeg"));
        assert_eq!(of("notes.md", "déclaré".as_bytes()), Ok("text/plain"));
        assert_eq!(of("notes", b"words"), Ok("text/plain"));
        let png = b"\x89PNG\r\n\x1a\n....";
        let words = of("a.pdf", png).unwrap_err();
        assert_eq!(
            words,
            "is called application/pdf, and its first bytes are image/png"
        );
        assert!(of("a.docx", b"PK\x03\x04\x00\x00").is_err());
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, word) in [
            ("a/b.pdf", "a/b.pdf"),
            ("my file.pdf", "'my file.pdf'"),
            ("it's", r"'it'\''s'"),
            ("a$(b)", "'a$(b)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(path), word);
        }
    }
}
