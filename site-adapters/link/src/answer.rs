//! The broker's signed answer: to this one request, and to no other (RFC 9421, 2.4).

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::base::{base, bytes_item, read_bytes_item, seconds};
use crate::request::{CONTENT_DIGEST, Claims, SIGNATURE, SIGNATURE_INPUT, only};
use crate::{KeyPair, PublicKey, content_digest};

const COMPONENTS: &str = "(\"@status\" \"content-digest\" \"signature\";req;key=\"agent\")";
const TAIL: &str = ";alg=\"ed25519\";tag=\"alcyone-broker\"";

/// Why an answer is not taken for the broker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTheBrokers {
    #[error("it is not signed, so it comes from something between here and the broker")]
    Unsigned,
    #[error("it is not signed with the key that this agent was enrolled with")]
    AnotherKey,
    #[error("its body is not the one that was signed")]
    AnotherBody,
}

/// The headers that make an answer the broker's.
pub fn sign(
    key: &KeyPair,
    created: i64,
    request: &Claims,
    status: StatusCode,
    body: &[u8],
) -> Vec<(HeaderName, HeaderValue)> {
    let digest = content_digest(body);
    let key_id = key.public().id();
    let params = format!("{COMPONENTS};created={created};keyid=\"{key_id}\"{TAIL}");
    let text = base_of(status, &digest, &request.signature_item(), &params);
    let signature = bytes_item(&key.sign(text.as_bytes()));
    [
        (CONTENT_DIGEST, digest),
        (SIGNATURE_INPUT, format!("broker={params}")),
        (SIGNATURE, format!("broker={signature}")),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)))
    .collect()
}

/// Whether the broker with this key answered so to the request that was sent with these headers.
///
/// Its time is not looked at: the answer names the request's signature, and with it a nonce that was
/// made a moment ago.
pub fn verify(
    key: &PublicKey,
    request: &HeaderMap,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), NotTheBrokers> {
    let read = || {
        let params = only(headers, &SIGNATURE_INPUT)?.strip_prefix("broker=")?;
        let rest = params.strip_prefix(COMPONENTS)?.strip_prefix(";created=")?;
        let (_, rest) = seconds(rest)?;
        let key_id = rest.strip_prefix(";keyid=\"")?.strip_suffix(TAIL)?;
        let signature = read_bytes_item(only(headers, &SIGNATURE)?.strip_prefix("broker=")?)?;
        let asked = only(request, &SIGNATURE)?.strip_prefix("agent=")?;
        let digest = only(headers, &CONTENT_DIGEST)?;
        Some((params, key_id.strip_suffix('"')?, signature, asked, digest))
    };
    let (params, key_id, signature, asked, digest) = read().ok_or(NotTheBrokers::Unsigned)?;
    let text = base_of(status, digest, asked, params);
    if key_id != key.id() || !key.has_signed(text.as_bytes(), &signature) {
        return Err(NotTheBrokers::AnotherKey);
    }
    if digest != content_digest(body) {
        return Err(NotTheBrokers::AnotherBody);
    }
    Ok(())
}

fn base_of(status: StatusCode, digest: &str, request: &str, params: &str) -> String {
    let lines = [
        ("\"@status\"", status.as_str()),
        ("\"content-digest\"", digest),
        ("\"signature\";req;key=\"agent\"", request),
    ];
    base(&lines, params)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::request;

    struct Exchange {
        broker: KeyPair,
        asked: HeaderMap,
        answered: HeaderMap,
    }

    const BODY: &[u8] = b"{\"attempts\":[]}";

    fn asked(agent: &KeyPair) -> HeaderMap {
        let uri = "/agent/v1/lease".parse().unwrap();
        let target = (&Method::POST, &uri);
        let headers = request::sign(agent, &agent.public().id(), 1, target, b"{}");
        headers.into_iter().collect()
    }

    fn exchange() -> Exchange {
        let (agent, broker) = (KeyPair::generate(), KeyPair::generate());
        let asked = asked(&agent);
        let uri = "/agent/v1/lease".parse().unwrap();
        let claims = Claims::read(&asked, (&Method::POST, &uri)).unwrap();
        let answered = sign(&broker, 2, &claims, StatusCode::OK, BODY);
        Exchange {
            broker,
            asked,
            answered: answered.into_iter().collect(),
        }
    }

    impl Exchange {
        fn verify(&self, status: StatusCode, body: &[u8]) -> Result<(), NotTheBrokers> {
            verify(
                self.broker.public(),
                &self.asked,
                status,
                &self.answered,
                body,
            )
        }
    }

    #[test]
    fn an_answer_is_the_brokers_with_its_status_and_body() {
        let it = exchange();
        assert_eq!(it.verify(StatusCode::OK, BODY), Ok(()));
        let other = Err(NotTheBrokers::AnotherKey);
        assert_eq!(it.verify(StatusCode::UNAUTHORIZED, BODY), other);
        let body = it.verify(StatusCode::OK, b"{\"attempts\":[1]}");
        assert_eq!(body, Err(NotTheBrokers::AnotherBody));
    }

    #[test]
    fn an_answer_to_another_request_is_none_to_this_one() {
        let mut it = exchange();
        it.asked = asked(&KeyPair::generate());
        assert_eq!(
            it.verify(StatusCode::OK, BODY),
            Err(NotTheBrokers::AnotherKey)
        );
    }

    #[test]
    fn an_impostor_with_a_key_of_its_own_is_told_apart() {
        let mut it = exchange();
        it.broker = KeyPair::generate();
        assert_eq!(
            it.verify(StatusCode::OK, BODY),
            Err(NotTheBrokers::AnotherKey)
        );
        it.answered = HeaderMap::new();
        assert_eq!(
            it.verify(StatusCode::OK, BODY),
            Err(NotTheBrokers::Unsigned)
        );
    }
}
