use super::*;

fn parse(text: &str) -> Result<IssuerConfig, toml::de::Error> {
    toml::from_str(text)
}

const LEAST: &str = "issuer = 'https://proxy.example.org'\naudiences = ['urn:alcyone:api']\n";

#[test]
fn two_lines_are_a_whole_issuer() {
    let config = parse(LEAST).unwrap();
    config.validate().unwrap();
    assert_eq!(
        config,
        IssuerConfig::new("https://proxy.example.org", "urn:alcyone:api")
    );
    assert_eq!(config.display_name(), "proxy.example.org");
}

#[test]
fn an_unknown_key_is_refused_by_its_name() {
    let error = parse(&format!("{LEAST}audience = 'x'\n")).unwrap_err();
    assert!(error.to_string().contains("`audience`"), "{error}");
}

#[test]
fn neither_none_nor_a_shared_secret_can_be_allowed_as_algorithm() {
    for bad in ["none", "HS256", "HS512"] {
        assert!(
            parse(&format!("{LEAST}algorithms = ['{bad}']\n")).is_err(),
            "{bad}"
        );
    }
    assert!(parse(&format!("{LEAST}algorithms = ['EdDSA']\n")).is_ok());
}

#[test]
fn a_plain_http_issuer_is_refused_unless_it_is_this_machine() {
    let check = |issuer: &str| IssuerConfig::new(issuer, "urn:a").validate();
    assert!(matches!(
        check("http://idp.example.org"),
        Err(ConfigError::InsecureIssuer { .. })
    ));
    assert!(matches!(
        check("http://127.0.0.1.example.org"),
        Err(ConfigError::InsecureIssuer { .. })
    ));
    assert!(matches!(
        check("ftp://localhost"),
        Err(ConfigError::InsecureIssuer { .. })
    ));
    for good in [
        "http://127.0.0.1:9400",
        "http://localhost:1",
        "http://[::1]:9",
        "https://x.eu",
    ] {
        check(good).unwrap();
    }
}

#[test]
fn an_audience_that_is_a_client_id_is_refused_where_id_tokens_look_like_access_tokens() {
    let mut config = IssuerConfig::new("https://x.eu", "portal");
    config.portal = Some(PortalClient::public("portal"));
    config.validate().unwrap();
    config.access_token_types.push("JWT".to_owned());
    assert!(matches!(
        config.validate(),
        Err(ConfigError::AudienceIsClient { .. })
    ));
}

#[test]
fn caches_without_a_bound_are_refused_by_key() {
    let error = parse(&format!("{LEAST}[limits]\ntoken_cache_seconds = 4000\n"))
        .unwrap()
        .validate()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`limits.token_cache_seconds = 4000`"),
        "{error}"
    );
}

#[test]
fn keys_cannot_be_asked_for_without_a_pause() {
    let config = parse(&format!("{LEAST}[limits]\njwks_min_refresh_seconds = 0\n")).unwrap();
    let error = config.validate().unwrap_err().to_string();
    assert!(
        error.contains("`limits.jwks_min_refresh_seconds = 0`"),
        "{error}"
    );
}

#[test]
fn introspection_without_a_secret_is_refused_before_the_first_request() {
    let config = parse(&format!("{LEAST}[introspection]\nclient_id = 'api'\n")).unwrap();
    assert!(matches!(
        config.validate(),
        Err(ConfigError::IntrospectionWithoutSecret { .. })
    ));
}

fn mapped(roles: &str) -> String {
    let parsed = parse(&format!("{LEAST}[[roles]]\n{roles}\n"));
    match parsed.map(|config| config.validate()) {
        Ok(Ok(())) => "fine".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_role_by_entitlement_says_what_it_is_about_or_is_refused_with_the_reason() {
    let ops = "entitlement = 'urn:geant:x.eu:group:ops:role=admin#aai.x.eu'\n";
    for good in [
        "role = 'operator'",
        "role = 'reviewer'",
        "role = 'auditor'",
        "role = 'auditor'\nshare = 'national:FI'",
        "role = 'lead'\nproject = 'finetune'",
        "role = 'site_admin'\nsite = 'lumi'",
    ] {
        assert_eq!(mapped(&format!("{ops}{good}")), "fine", "{good}");
    }
    for (bad, reason) in [
        ("role = 'king'", "unknown variant `king`"),
        ("role = 'member'", "needs `project`"),
        ("role = 'site_admin'", "needs `site`"),
        ("role = 'operator'\nsite = 'lumi'", "has a `site`"),
        ("role = 'reviewer'\nproject = 'x'", "has a `project`"),
        ("role = 'operator'\nshare = 'union'", "has a `share`"),
        (
            "role = 'operator'\nsites = ['lumi']",
            "unknown field `sites`",
        ),
    ] {
        let said = mapped(&format!("{ops}{bad}"));
        assert!(said.contains(reason), "{bad}: {said}");
    }
    let said = mapped("entitlement = 'hpc-users'\nrole = 'operator'");
    assert!(
        said.contains("entitlement `hpc-users` is no group"),
        "{said}"
    );
}
