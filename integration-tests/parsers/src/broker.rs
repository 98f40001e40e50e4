//! What agents, issuers and people's own programs send to the broker and hear of it.

use agent_link::request::Claims;
use agent_link::{InviteText, KeyPair, answer};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::{answered, head};

const PIECE: usize = 7;

/// A message of an agent's, as JSON; on its first line there may be where it is sent to.
pub fn broker_report(bytes: &[u8]) {
    let (line, body) = head(bytes);
    broker_api::fuzzing::target(&line);
    broker_api::fuzzing::message(bytes);
    broker_api::fuzzing::message(body);
}

/// A request or an answer as it is signed: method and target, headers, an empty line, a body; or an
/// invite.
pub fn link_messages(bytes: &[u8]) {
    let _ = String::from_utf8_lossy(bytes).parse::<InviteText>();
    let (line, mut rest) = head(bytes);
    let mut headers = HeaderMap::new();
    loop {
        let (line, after) = head(rest);
        rest = after;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        let (name, value) = (
            name.parse::<HeaderName>(),
            HeaderValue::from_str(value.trim()),
        );
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let (method, target) = line.split_once(' ').unwrap_or(("POST", &line));
    let method: Method = method.parse().unwrap_or_default();
    let target: Uri = target.parse().unwrap_or_default();
    let key = KeyPair::from_seed(&[7; 32]);
    let asked = HeaderMap::from_iter([(
        HeaderName::from_static("signature"),
        HeaderValue::from_static("agent=:AAAA:"),
    )]);
    let _ = answer::verify(key.public(), &asked, StatusCode::OK, &headers, rest);
    if let Some(claims) = Claims::read(&headers, (&method, &target)) {
        let _ = (claims.is_by(key.public()), claims.covers(rest));
        let _ = answer::sign(&key, 1, &claims, StatusCode::OK, rest);
    }
}

/// Any endpoint's of an issuer: discovery, keys, tokens, introspection, userinfo.
pub fn oidc_answer(bytes: &[u8]) {
    broker_auth::fuzzing::answer(bytes);
}

/// A bearer, ID or logout token; or its claims and header as JSON, from which one is made.
pub fn oidc_token(bytes: &[u8]) {
    broker_auth::fuzzing::token(&String::from_utf8_lossy(bytes));
    broker_auth::fuzzing::unsigned(bytes);
}

/// The broker's answers at the command line (a status on the first line, then the body), its streams of
/// events, and an export of the ledger.
pub fn client_answer(bytes: &[u8]) {
    let (status, body) = answered(bytes);
    broker_client::fuzzing::answer(status, body);
    broker_cli::fuzzing::answer(body);
    broker_cli::fuzzing::ledger(body);
    broker_client::fuzzing::events(body, PIECE);
}
