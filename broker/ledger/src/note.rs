//! Signed notes (C2SP `signed-note`): a text, a blank line, and one line for each signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::key::{Signer, VerifierKey, is_key_name};

/// More than witnesses and a key rotation need; the specification asks for 16 at least.
const MAX_SIGNATURES: usize = 32;

const DASH: &str = "\u{2014} ";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a signed note is a text, an empty line and lines of signatures, and this is not one")]
    Form,
    #[error("signature line {line} is not `— name base64`")]
    SignatureForm { line: usize },
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    #[error("a checkpoint is three lines (origin, size, root in base64), and this is not one")]
    CheckpointForm,
    #[error("the signature of `{0}` does not fit the text: one of the two was changed")]
    BadSignature(String),
    #[error("no key that you trust for `{origin}` has signed; signed by: {signed_by}")]
    NoTrustedSignature { origin: String, signed_by: String },
    #[error("`{0}` has signed the note already")]
    SignedTwice(String),
}

/// A signature as it stands in a note; nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    pub name: String,
    pub key_id: [u8; 4],
    pub bytes: Vec<u8>,
}

impl NoteSignature {
    /// Whether it claims to be by this key: the name and the id have to agree.
    pub fn claims(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.key_id == key.id()
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let decoded = STANDARD.decode(encoded).ok()?;
        let (key_id, bytes) = decoded.split_first_chunk::<4>()?;
        if !is_key_name(name) || bytes.is_empty() {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            key_id: *key_id,
            bytes: bytes.to_vec(),
        })
    }
}

/// A signature line for `text`, ending in a newline.
pub(crate) fn signature_line(text: &str, signer: &Signer) -> String {
    let mut bytes = signer.verifier().id().to_vec();
    bytes.extend_from_slice(&signer.sign(text));
    format!("{DASH}{} {}\n", signer.name(), STANDARD.encode(bytes))
}

/// Splits a note into its text, which ends in a newline, and its signatures.
pub(crate) fn split(note: &str) -> Result<(&str, Vec<NoteSignature>), NoteError> {
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Form);
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Form)?;
    let (text, rest) = note.split_at(at + 1);
    let lines = rest
        .strip_prefix('\n')
        .and_then(|lines| lines.strip_suffix('\n'))
        .ok_or(NoteError::Form)?;
    if lines.split('\n').count() > MAX_SIGNATURES {
        return Err(NoteError::TooManySignatures);
    }
    let signatures = (1..)
        .zip(lines.split('\n'))
        .map(|(line, text)| NoteSignature::parse(text).ok_or(NoteError::SignatureForm { line }))
        .collect::<Result<_, _>>()?;
    Ok((text, signatures))
}
