//! The readers of what an issuer, or whoever sends a token, says, for fuzz targets: none may panic.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker_model::SystemClock;
use openidconnect::StandardErrorResponse;
use openidconnect::core::{CoreErrorResponseType, CoreTokenResponse};
use serde_json::{Map, Value, json};

use crate::claims::Claims;
use crate::issuer::Issuer;
use crate::jwks::KeySet;
use crate::jwt::{self, Header};
use crate::{
    IssuerConfig, IssuerMetadata, PortalClient, RelyingParty, Secret, SigningAlgorithm,
    introspection, parse_entitlement,
};

/// What issuers and tokens say they are from, to be believed here.
pub const ISSUER: &str = "https://idp.example.eu";

static PARTY: LazyLock<Option<RelyingParty>> = LazyLock::new(|| {
    let mut config = IssuerConfig::new(ISSUER, "urn:alcyone:api");
    config.portal = Some(PortalClient::public("portal"));
    config.subject_case_insensitive = true;
    let generation = Arc::new(AtomicU64::new(0));
    let issuer = Issuer::new(config, Arc::new(SystemClock), generation).ok()?;
    RelyingParty::new(Arc::new(issuer), "https://b.example.eu/cb".parse().ok()?).ok()
});

/// The public key of RFC 7515, appendix A.3.
static KEYS: LazyLock<Option<KeySet>> = LazyLock::new(|| {
    KeySet::parse(json!({ "keys": [{
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }] }))
});

/// An answer of any endpoint: discovery, keys, tokens, introspection, userinfo.
pub fn answer(bytes: &[u8]) {
    let Some(party) = PARTY.as_ref() else { return };
    let issuer = party.issuer_of();
    if let Ok(metadata) = serde_json::from_slice::<IssuerMetadata>(bytes) {
        let _ = metadata.check(&issuer.http, ISSUER);
    }
    let _ = serde_json::from_slice::<CoreTokenResponse>(bytes);
    let _ = serde_json::from_slice::<StandardErrorResponse<CoreErrorResponseType>>(bytes);
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        keys(value);
    }
    if let Ok(map) = serde_json::from_slice::<Map<String, Value>>(bytes) {
        claims(&Claims::new(map), issuer);
    }
}

fn keys(value: Value) {
    let (Some(set), Some(known)) = (KeySet::parse(value), KEYS.as_ref()) else {
        return;
    };
    let _ = (set.count(), set.knows(Some("a")), set.lost_one_of(known));
    for alg in [
        SigningAlgorithm::RS256,
        SigningAlgorithm::ES256,
        SigningAlgorithm::EdDSA,
    ] {
        for key in set.candidates(None, alg) {
            let _ = format!("{key:?}").len();
        }
    }
}

fn claims(claims: &Claims, issuer: &Issuer) {
    let (config, now) = (&issuer.config, issuer.clock.now());
    let _ = (jwt::check(claims, config, now), claims.principal(config));
    let dated = introspection::with_expiry(claims.clone(), now);
    let _ = introspection::check(&dated, config, now);
    let mut filled = Claims::default();
    filled.fill_from(claims, &config.claims);
    let _ = (filled.lack(&config.claims), filled.principal(config));
    for name in &config.claims.entitlements {
        for text in claims.texts(name) {
            let _ = parse_entitlement(text);
        }
    }
}

/// A bearer, ID or logout token.
pub fn token(text: &str) {
    let (Some(party), Some(keys)) = (PARTY.as_ref(), KEYS.as_ref()) else {
        return;
    };
    let issuer = party.issuer_of();
    let _ = jwt::claimed_issuer(text);
    if let Some(known) = jwt::verified_elsewhere(text) {
        claims(&known, issuer);
    }
    let _ = party.verified_by(keys, text, &Secret::new("nonce"));
    let Some(header) = Header::of(text) else {
        return;
    };
    let _ = header.is_of_type(&issuer.config.access_token_types);
    if let Ok(alg) = header.allowed(&issuer.config) {
        let _ = jwt::verify(text, &header, alg, keys);
    }
}

/// The same of a token with these claims, a JSON object, that nobody has signed.
pub fn unsigned(claims: &[u8]) {
    let encoded = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let header = br#"{"alg":"ES256","typ":"at+jwt"}"#;
    token(&format!(
        "{}.{}.{}",
        encoded(header),
        encoded(claims),
        encoded(&[0; 64])
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_and_its_keys_are_some() {
        assert!(PARTY.is_some());
        assert_eq!(KEYS.as_ref().map(KeySet::count), Some(1));
    }
}
