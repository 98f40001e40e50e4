use broker_model::Principal;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::assurance::assurance;
use crate::entitlement::parse_entitlement;
use crate::{AuthError, ClaimMap, IssuerConfig};

/// What an issuer said of somebody. No `Debug`: it is personal data.
#[derive(Clone, Default)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// One text or a list of texts, as `aud` and `eduperson_*` may be either.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let value = self.0.get(name);
        let list = value.and_then(Value::as_array).into_iter().flatten();
        value
            .and_then(Value::as_str)
            .into_iter()
            .chain(list.filter_map(Value::as_str))
    }

    /// A `NumericDate`: seconds since 1970, possibly with a fraction, which is cut.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        let value = self.0.get(name)?;
        let seconds = value
            .as_i64()
            .or_else(|| value.as_f64().and_then(whole_seconds))?;
        Timestamp::from_second(seconds).ok()
    }

    fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }

    pub(crate) fn or_set(mut self, name: &str, value: Value) -> Self {
        self.0.entry(name).or_insert(value);
        self
    }

    /// Adds what only userinfo says. What the token itself says stands, and how somebody signed
    /// in (`acr`) is never taken over: it belongs to one token, userinfo to all of a person's.
    pub(crate) fn fill_from(&mut self, userinfo: &Self, map: &ClaimMap) {
        for (name, value) in &userinfo.0 {
            let of_the_login =
                name == &map.acr || name == "acr" || name == "auth_time" || name == "amr";
            if !of_the_login && !self.0.contains_key(name) {
                self.0.insert(name.clone(), value.clone());
            }
        }
    }

    /// Whether userinfo may say more than the token does.
    pub(crate) fn lack(&self, map: &ClaimMap) -> bool {
        let missing = |name: &String| !self.has(name);
        missing(&map.subject)
            || missing(&map.name)
            || missing(&map.email)
            || missing(&map.assurance)
            || map.entitlements.iter().all(missing)
    }

    /// Reads the principal by the issuer's claim map.
    pub(crate) fn principal(&self, config: &IssuerConfig) -> Result<Principal, AuthError> {
        let map = &config.claims;
        let owned = |name: &str| self.text(name).map(str::to_owned);
        let entitlements = map.entitlements.iter().flat_map(|name| self.texts(name));
        Ok(Principal {
            issuer: config.issuer.clone(),
            subject: self.subject(config)?,
            name: owned(&map.name),
            email: owned(&map.email),
            email_verified: self.flag(&map.email_verified),
            home_organisation: owned(&map.home_organisation),
            assurance: assurance(self.texts(&map.assurance), self.texts(&map.acr)),
            // Values that name no group, as resource capabilities, say nothing here.
            entitlements: entitlements
                .filter_map(|text| parse_entitlement(text).ok())
                .collect(),
        })
    }

    fn subject(&self, config: &IssuerConfig) -> Result<String, AuthError> {
        let claim = &config.claims.subject;
        let text = self.text(claim).ok_or_else(|| AuthError::MissingClaim {
            claim: claim.clone(),
        })?;
        let folded = |text: &str| config.fold_subject(text);
        let subject = folded(text);
        let scope = subject.rsplit_once('@').map(|(_, scope)| scope);
        let foreign = config
            .subject_scope
            .as_deref()
            .is_some_and(|own| scope != Some(&folded(own)));
        if foreign
            || config
                .refused_subjects
                .iter()
                .any(|refused| folded(refused) == subject)
        {
            return Err(AuthError::SubjectRefused);
        }
        Ok(subject)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "out of range saturates, and far dates are refused by the clock"
)]
fn whole_seconds(seconds: f64) -> Option<i64> {
    seconds.is_finite().then(|| seconds.floor() as i64)
}

#[cfg(test)]
mod tests {
    use broker_model::IdentityAssurance;
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        let Value::Object(claims) = value else {
            panic!("no object")
        };
        Claims::new(claims)
    }

    fn my_access_id() -> IssuerConfig {
        let mut config = IssuerConfig::new("https://proxy.myaccessid.org", "urn:alcyone:api");
        config.claims.subject = "voperson_id".to_owned();
        config.subject_case_insensitive = true;
        config.subject_scope = Some("myaccessid.org".to_owned());
        config.refused_subjects = vec!["test@myaccessid.org".to_owned()];
        config
    }

    #[test]
    fn both_entitlement_claims_are_read_and_capabilities_are_passed_over() {
        let principal = claims(json!({
            "sub": "a", "email": "a@x.eu", "email_verified": "true",
            "eduperson_entitlement": "urn:geant:x.eu:group:hpc#aai.x.eu",
            "entitlements": ["urn:geant:x.eu:group:ops:role=admin#aai.x.eu", "urn:geant:x.eu:res:gpu"],
            "eduperson_assurance": ["https://refeds.org/assurance/IAP/medium"],
            "acr": "https://refeds.org/profile/mfa",
        }))
        .principal(&IssuerConfig::new("https://x.eu", "a"))
        .unwrap();
        assert_eq!(principal.entitlements.len(), 2);
        assert!(principal.email_verified);
        assert_eq!(principal.assurance.identity, IdentityAssurance::Medium);
        assert!(principal.assurance.multi_factor);
    }

    #[test]
    fn a_my_access_id_subject_is_folded_scoped_and_never_the_test_account() {
        let subject = |id: &str| {
            claims(json!({ "sub": "x", "voperson_id": id }))
                .principal(&my_access_id())
                .map(|p| p.subject)
        };
        assert_eq!(
            subject("ABC123@MyAccessID.org").unwrap(),
            "abc123@myaccessid.org"
        );
        assert!(matches!(
            subject("TEST@myaccessid.org"),
            Err(AuthError::SubjectRefused)
        ));
        assert!(matches!(
            subject("abc@evil.example"),
            Err(AuthError::SubjectRefused)
        ));
        assert!(matches!(
            subject("myaccessid.org"),
            Err(AuthError::SubjectRefused)
        ));
    }

    #[test]
    fn a_subject_claim_that_is_missing_is_named() {
        let error = claims(json!({ "sub": "x" }))
            .principal(&my_access_id())
            .unwrap_err();
        assert!(error.to_string().contains("`voperson_id`"), "{error}");
    }

    #[test]
    fn userinfo_fills_gaps_but_never_the_strength_of_a_login() {
        let mut token = claims(json!({ "sub": "a", "name": "Token" }));
        let userinfo = claims(json!({
            "sub": "a", "name": "Userinfo", "email": "a@x.eu", "acr": "https://refeds.org/profile/mfa",
        }));
        token.fill_from(&userinfo, &ClaimMap::default());
        assert_eq!(token.text("name"), Some("Token"));
        assert_eq!(token.text("email"), Some("a@x.eu"));
        assert_eq!(token.text("acr"), None);
    }

    #[test]
    fn dates_may_have_a_fraction_and_nonsense_is_none() {
        let all = claims(json!({ "a": 10, "b": 10.9, "c": "10", "d": 1e300, "e": -1e300 }));
        assert_eq!(all.time("a"), Timestamp::from_second(10).ok());
        assert_eq!(all.time("b"), Timestamp::from_second(10).ok());
        assert_eq!(
            (all.time("c"), all.time("d"), all.time("e")),
            (None, None, None)
        );
    }
}
