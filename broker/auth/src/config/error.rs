use std::io;
use std::path::PathBuf;

/// What is wrong with the configuration of an issuer, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("`issuer = \"{issuer}\"` is not a URL")]
    NotAUrl {
        issuer: String,
        source: url::ParseError,
    },
    #[error(
        "`issuer = \"{issuer}\"` is neither https nor on this machine: tokens would travel in the clear"
    )]
    InsecureIssuer { issuer: String },
    #[error("issuer `{issuer}` appears twice: give each issuer one `[[issuers]]` section")]
    IssuerTwice { issuer: String },
    #[error("no issuer is configured: nobody could sign in; add an `[[issuers]]` section")]
    NoIssuer,
    #[error("issuer `{issuer}`: `{key}` is empty, so no token could pass; name at least one")]
    EmptyList { issuer: String, key: &'static str },
    #[error(
        "issuer `{issuer}`: `leeway_seconds = {given}` keeps expired tokens alive; at most {most}"
    )]
    LeewayTooLong {
        issuer: String,
        given: u32,
        most: u32,
    },
    #[error("issuer `{issuer}`: `limits.{key} = {given}` is out of range; {least} to {most}")]
    OutOfRange {
        issuer: String,
        key: &'static str,
        given: u32,
        least: u32,
        most: u32,
    },
    #[error(
        "issuer `{issuer}`: audience `{audience}` is also a client id, so an ID token would pass for an \
         access token; take `jwt` out of `access_token_types` or use an audience of its own"
    )]
    AudienceIsClient { issuer: String, audience: String },
    #[error("issuer `{issuer}`: `introspection` needs `client_secret_file` or `client_secret_env`")]
    IntrospectionWithoutSecret { issuer: String },
    #[error("issuer `{issuer}`: `roles`: the entry for entitlement `{entitlement}` {reason}")]
    RoleMapping {
        issuer: String,
        entitlement: String,
        reason: &'static str,
    },
    #[error("secret file `{}` cannot be read", path.display())]
    SecretUnreadable { path: PathBuf, source: io::Error },
    #[error("environment variable `{variable}` is to hold a secret and is not set")]
    SecretUnset { variable: String },
    #[error("`{place}` is to hold a secret and is empty")]
    SecretEmpty { place: String },
    #[error("a secret is named twice, as file `{}` and as variable `{variable}`: keep one", path.display())]
    SecretTwice { path: PathBuf, variable: String },
    #[error("the HTTP client cannot be built")]
    HttpClient { source: reqwest::Error },
}
