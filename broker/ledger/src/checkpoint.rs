use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;
use crate::key::{Signer, VerifierKey};
use crate::note::{NoteError, NoteSignature, signature_line, split};

/// The head of the tree at one size (C2SP `tlog-checkpoint`).
///
/// Extension lines are refused: nobody but the signer could check what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the ledger, and of the key that must have signed.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// Three lines: what the signatures are over.
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root.as_bytes());
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// The signed note. `signer` must bear the origin's name, or no auditor will accept it.
    pub fn sign(&self, signer: &Signer) -> String {
        let text = self.text();
        let signature = signature_line(&text, signer);
        format!("{text}\n{signature}")
    }

    /// Adds a signature to a note: of a new key while keys are changed, or of a witness.
    pub fn cosign(note: &str, signer: &Signer) -> Result<String, NoteError> {
        let (text, signatures) = split(note)?;
        let key = signer.verifier();
        if signatures.iter().any(|signature| signature.claims(&key)) {
            return Err(NoteError::SignedTwice(key.to_string()));
        }
        Ok(format!("{note}{}", signature_line(text, signer)))
    }

    /// Reads a note without verifying anything.
    pub fn parse(note: &str) -> Result<SignedCheckpoint, NoteError> {
        let (text, signatures) = split(note)?;
        let checkpoint = Self::parse_text(text).ok_or(NoteError::CheckpointForm)?;
        Ok(SignedCheckpoint {
            checkpoint,
            text: text.to_owned(),
            signatures,
        })
    }

    /// Reads a note and verifies it as [`SignedCheckpoint::verify`] does.
    pub fn verify(note: &str, trusted: &[VerifierKey]) -> Result<Self, NoteError> {
        let signed = Self::parse(note)?;
        signed.verify(trusted)?;
        Ok(signed.checkpoint)
    }

    fn parse_text(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root: [u8; 32] = STANDARD.decode(root).ok()?.try_into().ok()?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: Hash(root),
        };
        // Leading zeros, a `+` sign or a fourth line would come out differently.
        (!origin.is_empty() && checkpoint.text() == text).then_some(checkpoint)
    }
}

/// A checkpoint with the signatures that stand below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    pub checkpoint: Checkpoint,
    pub signatures: Vec<NoteSignature>,
    text: String,
}

impl SignedCheckpoint {
    /// Checks that a trusted key of the origin's name has signed.
    ///
    /// Every signature that claims a known key must fit. Signatures by unknown keys say nothing and
    /// are passed over, so that witnesses may sign and keys may change.
    pub fn verify(&self, trusted: &[VerifierKey]) -> Result<(), NoteError> {
        self.check_claims(trusted)?;
        let by_origin = trusted
            .iter()
            .filter(|key| key.name() == self.checkpoint.origin)
            .any(|key| self.signatures.iter().any(|s| s.claims(key)));
        if by_origin {
            return Ok(());
        }
        let names: Vec<_> = self.signatures.iter().map(|s| s.name.as_str()).collect();
        Err(NoteError::NoTrustedSignature {
            origin: self.checkpoint.origin.clone(),
            signed_by: names.join(", "),
        })
    }

    /// Checks that every signature that claims to be by one of these keys is by it.
    pub(crate) fn check_claims(&self, keys: &[VerifierKey]) -> Result<(), NoteError> {
        for signature in &self.signatures {
            let claimed = keys.iter().filter(|key| signature.claims(key));
            for key in claimed {
                if !key.has_signed(&self.text, &signature.bytes) {
                    return Err(NoteError::BadSignature(key.to_string()));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
