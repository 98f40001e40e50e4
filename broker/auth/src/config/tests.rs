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
fn introspection_without_a_secret_is_refused_before_the_first_request() {
    let config = parse(&format!("{LEAST}[introspection]\nclient_id = 'api'\n")).unwrap();
    assert!(matches!(
        config.validate(),
        Err(ConfigError::IntrospectionWithoutSecret { .. })
    ));
}
