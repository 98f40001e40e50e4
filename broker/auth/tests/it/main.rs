//! The relying party and the resource server against real OpenID providers: the development
//! issuer in this process, and npm `oidc-provider` in a process of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its support too"
)]

mod bearer;
mod debug;
mod dev_issuer;
mod hanging;
mod keys;
mod login;
mod opaque;
mod support;
