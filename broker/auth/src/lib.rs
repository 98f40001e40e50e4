//! Who is calling: the OpenID Connect relying party of the portal, and the resource server that
//! checks every bearer token.
//!
//! Tokens, codes and secrets stay inside this crate: nothing here prints one, in `Debug`, in an
//! error or in a log. What leaves is a [`Principal`](broker_model::Principal).

mod assurance;
mod authenticator;
mod away;
mod claims;
mod config;
#[cfg(feature = "dev-issuer")]
pub mod dev_issuer;
mod entitlement;
mod error;
mod fresh;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod introspection;
mod issuer;
mod jwks;
mod jwt;
mod logout;
mod metadata;
mod opaque;
mod revocations;
mod rp;
mod secret;
#[cfg(feature = "testing")]
pub mod testing;
mod turns;
mod userinfo;

pub use assurance::{MFA_PROFILE, assurance};
pub use authenticator::{Authenticator, DeviceSignIn};
pub use config::{
    ClaimMap, ConfigError, DeviceClient, IntrospectionClient, IssuerConfig, Limits, MappedRole,
    PortalClient, RoleMapping, SigningAlgorithm,
};
pub use entitlement::{NotAGroup, parse_entitlement};
pub use error::{AuthError, Endpoint};
pub use logout::LogoutNotice;
pub use metadata::IssuerMetadata;
pub use revocations::Revoked;
pub use rp::{LoggedIn, LoginAnswer, PendingLogin, RelyingParty};
pub use secret::Secret;
