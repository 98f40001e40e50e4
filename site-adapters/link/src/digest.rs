use aws_lc_rs::digest::{SHA256, digest};

use crate::base::bytes_item;

/// The value of `Content-Digest` (RFC 9530) for a body: SHA-256, and no other.
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256={}", bytes_item(digest(&SHA256, body).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9530, B.2: the same representation, without content coding.
    #[test]
    fn the_digest_is_that_of_the_rfc() {
        assert_eq!(
            content_digest(b"{\"hello\": \"world\"}"),
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
        );
    }
}
