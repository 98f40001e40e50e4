//! What lets somebody in: 256 random bits, shown once. The broker keeps a digest, from which nobody makes
//! the code again.

use agent_link::KeyPair;
use sha2::{Digest, Sha256};

/// So that people, and programs that look for secrets where none should be, know it when they see one.
const PREFIX: &str = "join_";
/// 256 bits in base64url without padding.
const CHARS: usize = 43;

pub(super) fn fresh() -> String {
    format!("{PREFIX}{}", KeyPair::generate().secret())
}

/// The name of the claim that leads from a code to its invitation; nothing for what is no code.
pub(super) fn claim(code: &str) -> Option<String> {
    let code = code.trim();
    let random = code.strip_prefix(PREFIX)?;
    let is_whole = random.len() == CHARS && { random.bytes() }
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    is_whole.then(|| format!("invitation:{}", hex::encode(Sha256::digest(code))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_with_white_space_around_it_and_in_no_other_form() {
        let code = fresh();
        let name = claim(&code).unwrap();
        assert_eq!(claim(&format!(" {code}\n")), Some(name.clone()));
        assert!(!name.contains(&code["join_".len()..]), "{name}");
        assert_ne!(claim(&fresh()), Some(name));
        let short = &code[..code.len() - 1];
        for other in ["", "join_", short, &format!("{code}A"), &code[5..]] {
            assert_eq!(claim(other), None, "{other}");
        }
    }
}
