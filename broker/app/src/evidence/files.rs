//! Files of evidence: in an object store under the digest of their bytes, so that the ledger's word on one
//! holds wherever it lies.

use std::sync::Arc;

use broker_model::{AnnouncedFile, EntryKind, Evidence, EvidenceFile, EvidenceId, OrganisationId};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};

use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Result};

const LONGEST_NAME: usize = 120;
const MOST_FILES: usize = 20;

/// Where files lie, and how large one may be.
#[derive(Clone, Debug)]
pub struct FileStore {
    pub objects: Arc<dyn ObjectStore>,
    pub largest_bytes: usize,
}

/// A file as it was sent.
#[derive(Clone, Debug)]
pub struct Upload {
    pub name: String,
    /// What the sender says it is.
    pub media_type: String,
    pub bytes: Bytes,
}

impl Broker {
    /// Keeps a file with evidence that is not judged yet; the same bytes again change nothing.
    pub async fn add_evidence_file(
        &self,
        caller: &Caller,
        (of, id): (OrganisationId, EvidenceId),
        upload: Upload,
    ) -> Result<Evidence> {
        self.represented(caller, of).await?;
        let mut evidence = self.one_evidence(caller, (of, id)).await?;
        let files = self.files()?;
        let media_type = check(&upload, files.largest_bytes)?;
        let sha256 = hex::encode(Sha256::digest(&upload.bytes));
        if evidence.files.iter().any(|it| it.sha256 == sha256) {
            // Retention may have taken the same bytes of other evidence away while these came: they are there again.
            files.put(&sha256, upload.bytes).await?;
            return Ok(evidence);
        }
        if !evidence.stands() || evidence.is_checked() {
            let words = "it was judged, or taken back: hand in evidence of its own with this file";
            return Err(Error::NotWaiting(words.to_owned()));
        }
        if evidence.files.len() >= MOST_FILES {
            let words = format!("it has {MOST_FILES} files, and more are not taken");
            return Err(Error::NotWaiting(words));
        }
        let file = EvidenceFile {
            sha256: sha256.clone(),
            name: upload.name.trim().to_owned(),
            media_type: media_type.to_owned(),
            size_bytes: upload.bytes.len() as u64,
            added_at: self.inner.clock.now(),
        };
        // Before the commit: a file that nothing names is in nobody's way, a name without its file is.
        files.put(&sha256, upload.bytes.clone()).await?;
        let entry = { self.organisation_entry(EntryKind::EvidenceFileAdded, (caller, of)) }
            .with("evidence", id.to_string())
            .with("file_sha256", sha256.clone())
            .with("size_bytes", file.size_bytes);
        evidence.files.push(file);
        let kept = self.commit_evidence(evidence, entry).await?;
        // Retention that saw nobody name the bytes may have taken them in between; from now on it sees this.
        if !files.has(&sha256).await? {
            files.put(&sha256, upload.bytes).await?;
        }
        Ok(kept)
    }

    /// A file with its bytes, which are what their digest says; not for auditors.
    pub async fn evidence_file(
        &self,
        caller: &Caller,
        of: (OrganisationId, EvidenceId),
        sha256: &str,
    ) -> Result<(EvidenceFile, Bytes)> {
        // Who funds sees what was shown and by which digest; what stands in the files is for who judges it.
        if !caller.represents(of.0) && !caller.sees_all_organisations() {
            return Err(Error::NotFound("file"));
        }
        let evidence = self.one_evidence(caller, of).await?;
        let file = evidence.files.into_iter().find(|it| it.sha256 == sha256);
        let file = file.ok_or(Error::NotFound("file"))?;
        let bytes = self.files()?.found(sha256).await?;
        let bytes = bytes.ok_or_else(|| Error::FileLost(sha256.to_owned()))?;
        if hex::encode(Sha256::digest(&bytes)) != sha256 {
            return Err(Error::FileChanged(sha256.to_owned()));
        }
        Ok((file, bytes))
    }
}

impl FileStore {
    async fn put(&self, sha256: &str, bytes: Bytes) -> Result<()> {
        let put = self.objects.put(&path(sha256), bytes.into()).await;
        put.map(drop)
            .map_err(|error| Error::Files(error.to_string()))
    }

    async fn has(&self, sha256: &str) -> Result<bool> {
        match self.objects.head(&path(sha256)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(Error::Files(error.to_string())),
        }
    }

    /// What lies there, if it does.
    async fn found(&self, sha256: &str) -> Result<Option<Bytes>> {
        let failed = |error: object_store::Error| Error::Files(error.to_string());
        match self.objects.get(&path(sha256)).await {
            Ok(found) => found.bytes().await.map(Some).map_err(failed),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Deletes it unless somebody names it by the time it is gone: then it is put back.
    pub(crate) async fn delete_unless(
        &self,
        sha256: &str,
        named: impl AsyncFnOnce() -> Result<bool>,
    ) -> Result<()> {
        let bytes = self.found(sha256).await?;
        self.delete(sha256).await?;
        match bytes {
            Some(bytes) if named().await? => self.put(sha256, bytes).await,
            _ => Ok(()),
        }
    }

    /// One that is not there is deleted already.
    async fn delete(&self, sha256: &str) -> Result<()> {
        match self.objects.delete(&path(sha256)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::Files(error.to_string())),
        }
    }
}

fn path(sha256: &str) -> Path {
    Path::from_iter(["evidence", sha256])
}

/// What the file is, if it is what it says, of a kind that is taken, and not too large.
fn check(upload: &Upload, largest: usize) -> Result<&'static str> {
    let mut faults = Faults::default();
    faults.check_name("name", &upload.name, LONGEST_NAME);
    if is_path(&upload.name) {
        faults.add("name", "is a path", "the file's own name");
    }
    check_size("file", upload.bytes.len() as u64, largest, &mut faults);
    let found = media_type(&upload.bytes);
    let said = said(&upload.media_type);
    match found {
        None => faults.add(
            "file",
            "is of a kind that is not taken, by its first bytes",
            TAKEN,
        ),
        Some(found) if !said.eq_ignore_ascii_case(found) => {
            let reason = format!(
                "says it is `{}`, and its bytes are {found}",
                said.escape_debug()
            );
            faults.add("file", reason, TAKEN);
        }
        Some(_) => {}
    }
    faults.check("evidence")?;
    Ok(found.unwrap_or_default())
}

fn is_path(name: &str) -> bool {
    name.contains(['/', '\\', '\n'])
}

fn check_size(field: &str, size: u64, largest: usize, faults: &mut Faults) {
    if size == 0 || size > largest as u64 {
        let allowed = format!("1 to {largest} bytes");
        faults.add(field, format!("has {size} bytes"), &allowed);
    }
}

/// The same of files that are to come, as far as it can be told without their bytes.
pub(super) fn check_announced(files: &[AnnouncedFile], largest: usize, faults: &mut Faults) {
    if files.len() > MOST_FILES {
        let reason = format!("are {}", files.len());
        faults.add("files", reason, &format!("up to {MOST_FILES}"));
    }
    for (at, file) in files.iter().enumerate().take(MOST_FILES) {
        faults.check_text(&format!("files[{at}].name"), &file.name, LONGEST_NAME);
        if is_path(&file.name) {
            let field = format!("files[{at}].name");
            faults.add(&field, "is a path", "the file's own name");
        }
        let field = format!("files[{at}].size_bytes");
        check_size(&field, file.size_bytes, largest, faults);
        let said = said(&file.media_type);
        if !TYPES.iter().any(|it| said.eq_ignore_ascii_case(it)) {
            let reason = format!("`{}` is not taken", said.escape_debug());
            faults.add(&format!("files[{at}].media_type"), reason, TAKEN);
        }
    }
}

/// Without its parameters.
fn said(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

const TYPES: [&str; 4] = ["application/pdf", "image/png", "image/jpeg", "text/plain"];
const TAKEN: &str =
    "application/pdf, image/png, image/jpeg or text/plain (UTF-8), sent as what it is";

/// By the first bytes that each format prescribes (ISO 32000-2, 7.5.2; PNG, 5.2; JPEG, B.1.1.3).
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"%PDF-") {
        return Some("application/pdf");
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("image/png");
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Some("image/jpeg");
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_plain).then_some("text/plain")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(name: &str, media_type: &str, bytes: &'static [u8]) -> Upload {
        Upload {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            bytes: Bytes::from_static(bytes),
        }
    }

    #[test]
    fn a_file_is_taken_for_what_its_bytes_say() {
        for (media_type, bytes) in [
            ("application/pdf", b"%PDF-1.7\n...".as_slice()),
            ("image/png", b"\x89PNG\r\n\x1a\n...."),
            ("image/jpeg", b"\xff\xd8\xff\xe0...."),
            ("text/plain; charset=utf-8", "déclaré à Paris\n".as_bytes()),
        ] {
            let file = upload("pledge", media_type, bytes);
            let found = check(&file, 100).unwrap();
            assert!(media_type.starts_with(found), "{media_type}");
        }
    }

    #[test]
    fn a_file_that_is_not_what_it_says_is_refused_with_what_it_is() {
        let file = upload("pledge.pdf", "application/pdf", b"\x89PNG\r\n\x1a\n....");
        let Err(Error::Invalid("evidence", faults)) = check(&file, 100) else {
            panic!("taken");
        };
        let reason = "says it is `application/pdf`, and its bytes are image/png";
        assert_eq!(faults[0].reason, reason);
    }

    #[test]
    fn executables_empty_and_large_files_and_paths_are_refused() {
        for file in [
            upload("a", "text/plain", b"\x7fELF\x02\x01\x01\x00"),
            upload("a", "text/plain", b""),
            upload("a", "text/plain", b"12345678901"),
            upload("../a", "text/plain", b"words"),
            upload("", "text/plain", b"words"),
            upload("a", "text/html", b"<script>"),
        ] {
            assert!(check(&file, 10).is_err(), "{file:?}");
        }
    }
}
