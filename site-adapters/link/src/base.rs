//! The signature base (RFC 9421, 2.5): what is signed, line by line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Each line is a component identifier as it stands in the list (`"@method"`, with its quotes and
/// parameters) and its value.
pub(crate) fn base(lines: &[(&str, &str)], params: &str) -> String {
    let mut text = String::new();
    for (component, value) in lines {
        text.push_str(component);
        text.push_str(": ");
        text.push_str(value);
        text.push('\n');
    }
    text.push_str("\"@signature-params\": ");
    text.push_str(params);
    text
}

/// A byte sequence of RFC 8941, as `Signature` and `Content-Digest` have it.
pub(crate) fn bytes_item(bytes: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(bytes))
}

pub(crate) fn read_bytes_item(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(inner).ok()
}

/// Cuts `"…"` off the front; what is between the quotes has neither quote nor backslash nor control.
pub(crate) fn quoted(text: &str) -> Option<(&str, &str)> {
    let (inner, rest) = text.strip_prefix('"')?.split_once('"')?;
    let plain = |c: char| c.is_ascii_graphic() && c != '\\';
    (!inner.is_empty() && inner.len() <= 128 && inner.chars().all(plain)).then_some((inner, rest))
}

/// Cuts a number of seconds off the front.
pub(crate) fn seconds(text: &str) -> Option<(i64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    // 12 digits are 30 000 years.
    let number = digits.parse().ok().filter(|_| digits.len() <= 12)?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::{KeyPair, PublicKey};

    /// RFC 9421, B.1.4 and B.2.6.
    #[test]
    fn the_rfcs_own_ed25519_signature_is_made_and_verified() {
        let seed = URL_SAFE_NO_PAD.decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU");
        let pair = KeyPair::from_seed(&seed.unwrap().try_into().unwrap());
        let public: PublicKey = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"
            .parse()
            .unwrap();
        assert_eq!(pair.public(), &public);
        let text = base(
            &[
                ("\"date\"", "Tue, 20 Apr 2021 02:07:55 GMT"),
                ("\"@method\"", "POST"),
                ("\"@path\"", "/foo"),
                ("\"@authority\"", "example.com"),
                ("\"content-type\"", "application/json"),
                ("\"content-length\"", "18"),
            ],
            "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
             ;created=1618884473;keyid=\"test-key-ed25519\"",
        );
        let signature = bytes_item(&pair.sign(text.as_bytes()));
        assert_eq!(
            signature,
            ":wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
        );
        let signature = read_bytes_item(&signature).unwrap();
        assert!(public.has_signed(text.as_bytes(), &signature));
        assert!(!public.has_signed(b"another text", &signature));
    }

    #[test]
    fn only_a_plain_text_is_taken_out_of_quotes() {
        assert_eq!(quoted("\"abc\";x"), Some(("abc", ";x")));
        for bad in ["abc", "\"", "\"\"", "\"a b\"", "\"a\\\"b\"", "\"\u{e4}\""] {
            assert_eq!(quoted(bad), None, "{bad}");
        }
        assert_eq!(seconds("12;"), Some((12, ";")));
        assert_eq!(seconds("-12"), None);
        assert_eq!(seconds("1234567890123"), None);
    }
}
