//! An agent's signed request.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::base::{base, bytes_item, quoted, read_bytes_item, seconds};
use crate::key::nonce;
use crate::{KeyPair, PublicKey, content_digest};

pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static("signature");
pub(crate) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

const COMPONENTS: &str = "(\"@method\" \"@path\" \"@query\" \"content-digest\")";
const TAIL: &str = ";alg=\"ed25519\";tag=\"alcyone-agent\"";
const SHORTEST_NONCE: usize = 16;

/// The headers that make a request with this body the sender's, and of this moment.
///
/// `key_id` names the key to the broker: [`PublicKey::id`], or the id of an invite when enrolling.
pub fn sign(
    key: &KeyPair,
    key_id: &str,
    created: i64,
    target: (&Method, &Uri),
    body: &[u8],
) -> Vec<(HeaderName, HeaderValue)> {
    let digest = content_digest(body);
    let nonce = nonce();
    let params =
        format!("{COMPONENTS};created={created};nonce=\"{nonce}\";keyid=\"{key_id}\"{TAIL}");
    let text = base_of(target, &digest, &params);
    let signature = bytes_item(&key.sign(text.as_bytes()));
    [
        (CONTENT_DIGEST, digest),
        (SIGNATURE_INPUT, format!("agent={params}")),
        (SIGNATURE, format!("agent={signature}")),
    ]
    .into_iter()
    // All of it is base64 and what is written above.
    .filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)))
    .collect()
}

fn base_of((method, uri): (&Method, &Uri), digest: &str, params: &str) -> String {
    // RFC 9421, 2.2.7: an absent query is `?`.
    let query = format!("?{}", uri.query().unwrap_or_default());
    let lines = [
        ("\"@method\"", method.as_str()),
        ("\"@path\"", uri.path()),
        ("\"@query\"", &query),
        ("\"content-digest\"", digest),
    ];
    base(&lines, params)
}

/// What a request says of itself, and where it was sent to; nothing is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub key_id: String,
    /// Seconds since 1970, by the agent's clock.
    pub created: i64,
    pub nonce: String,
    method: Method,
    uri: Uri,
    params: String,
    digest: String,
    signature: Vec<u8>,
}

impl Claims {
    /// `None` for a request that is not signed, or in another profile than this one. The target is as
    /// the agent wrote it: what a proxy before the broker cuts off its path has to be there again.
    pub fn read(headers: &HeaderMap, (method, uri): (&Method, &Uri)) -> Option<Self> {
        let params = only(headers, &SIGNATURE_INPUT)?.strip_prefix("agent=")?;
        let rest = params.strip_prefix(COMPONENTS)?.strip_prefix(";created=")?;
        let (created, rest) = seconds(rest)?;
        let (nonce, rest) = quoted(rest.strip_prefix(";nonce=")?)?;
        let (key_id, rest) = quoted(rest.strip_prefix(";keyid=")?)?;
        let signature = read_bytes_item(only(headers, &SIGNATURE)?.strip_prefix("agent=")?)?;
        (rest == TAIL && nonce.len() >= SHORTEST_NONCE).then(|| Self {
            key_id: key_id.to_owned(),
            created,
            nonce: nonce.to_owned(),
            method: method.clone(),
            uri: uri.clone(),
            params: params.to_owned(),
            digest: only(headers, &CONTENT_DIGEST)
                .unwrap_or_default()
                .to_owned(),
            signature,
        })
    }

    /// Whether this key signed the target, the digest of a body, the time and the nonce.
    pub fn is_by(&self, key: &PublicKey) -> bool {
        let text = base_of((&self.method, &self.uri), &self.digest, &self.params);
        key.has_signed(text.as_bytes(), &self.signature)
    }

    /// Whether this is the body that was signed.
    pub fn covers(&self, body: &[u8]) -> bool {
        self.digest == content_digest(body)
    }

    /// What an answer binds itself to.
    pub(crate) fn signature_item(&self) -> String {
        bytes_item(&self.signature)
    }
}

/// The value of a header that is there once: of two, each side might take another.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?;
    if all.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = b"{\"want\":1}";

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    fn lease() -> Uri {
        uri("/agent/v1/lease")
    }

    fn read(headers: &HeaderMap, target: &Uri) -> Option<Claims> {
        Claims::read(headers, (&Method::POST, target))
    }

    fn signed(key: &KeyPair) -> HeaderMap {
        let lease = lease();
        let target = (&Method::POST, &lease);
        sign(key, &key.public().id(), 1_790_000_000, target, BODY)
            .into_iter()
            .collect()
    }

    #[test]
    fn a_signed_request_is_its_keys_and_nobody_elses() {
        let key = KeyPair::generate();
        let whole = uri("https://broker.example/agent/v1/lease");
        let claims = read(&signed(&key), &whole).unwrap();
        assert_eq!(claims.key_id, key.public().id());
        assert_eq!(claims.created, 1_790_000_000);
        assert!(claims.is_by(key.public()));
        assert!(claims.covers(BODY));
        assert!(!claims.is_by(KeyPair::generate().public()));
    }

    #[test]
    fn another_path_query_method_or_body_is_another_request() {
        let key = KeyPair::generate();
        let headers = signed(&key);
        for (method, target) in [
            (Method::POST, "/agent/v1/report"),
            (Method::POST, "/agent/v1/lease?want=9"),
            (Method::PUT, "/agent/v1/lease"),
        ] {
            let claims = Claims::read(&headers, (&method, &uri(target))).unwrap();
            assert!(!claims.is_by(key.public()), "{target}");
        }
        let claims = read(&headers, &lease()).unwrap();
        assert!(!claims.covers(b"{\"want\":9}"));
    }

    #[test]
    fn no_part_of_what_is_signed_can_be_changed() {
        let key = KeyPair::generate();
        for (name, from, to) in [
            (SIGNATURE_INPUT, "1790000000", "1790000001"),
            (SIGNATURE_INPUT, "nonce=\"", "nonce=\"x"),
            (SIGNATURE_INPUT, "keyid=\"", "keyid=\"x"),
        ] {
            let mut headers = signed(&key);
            let text = headers[&name].to_str().unwrap().replacen(from, to, 1);
            headers.insert(name, text.parse().unwrap());
            let claims = read(&headers, &lease()).unwrap();
            assert!(!claims.is_by(key.public()), "{to}");
        }
        let mut headers = signed(&key);
        headers.insert(CONTENT_DIGEST, content_digest(b"other").parse().unwrap());
        let claims = read(&headers, &lease()).unwrap();
        assert!(claims.covers(b"other"));
        assert!(!claims.is_by(key.public()));
    }

    #[test]
    fn another_profile_is_no_signature() {
        let key = KeyPair::generate();
        for (from, to) in [
            (" \"content-digest\"", ""),
            ("ed25519", "hmac-sha256"),
            ("agent=", "sig1="),
            ("alcyone-agent", "other"),
            (";created", ";expires=1;created"),
        ] {
            let mut headers = signed(&key);
            let text = headers[&SIGNATURE_INPUT].to_str().unwrap();
            let text = text.replacen(from, to, 1);
            headers.insert(SIGNATURE_INPUT, text.parse().unwrap());
            assert_eq!(read(&headers, &lease()), None, "{to}");
        }
        let mut twice = signed(&key);
        let input = twice[&SIGNATURE_INPUT].clone();
        twice.append(SIGNATURE_INPUT, input);
        assert_eq!(read(&twice, &lease()), None);
        assert_eq!(read(&HeaderMap::new(), &lease()), None);
    }

    proptest! {
        #[test]
        fn whatever_the_headers_hold_nothing_panics(
            input in "\\PC{0,200}",
            tail in "[\\x20-\\x7e]{0,200}",
            signature in "[\\x20-\\x7e]{0,80}",
        ) {
            for input in [input.clone(), format!("agent={COMPONENTS};created={tail}")] {
                let mut headers = HeaderMap::new();
                if let Ok(value) = HeaderValue::from_str(&input) {
                    headers.insert(SIGNATURE_INPUT, value);
                }
                headers.insert(SIGNATURE, format!("agent={signature}").parse().unwrap());
                let _ = read(&headers, &lease());
            }
        }
    }
}
