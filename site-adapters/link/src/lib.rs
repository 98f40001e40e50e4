//! How a site's agent and the broker prove to each other who they are: invites, keys, and messages
//! that are signed both ways. Pure: no clock, no socket, no file.
//!
//! TLS is there besides. What is here holds where TLS ends early (a proxy of the site that looks into
//! it, a load balancer of the broker), and it is the only thing that names an agent.
//!
//! A message is signed as RFC 9421 says, in one narrow profile ([`request`], [`answer`]): the same
//! components in the same order every time, Ed25519, and nothing to negotiate. So whoever checks reads
//! no structured fields in general, and two readers cannot understand one message differently.

pub mod answer;
mod base;
mod digest;
mod invite;
mod key;
pub mod request;
mod wire;

pub use digest::content_digest;
pub use invite::{InvalidInvite, InviteText};
pub use key::{InvalidKey, KeyPair, PublicKey};
pub use wire::{EnrolReply, EnrolRequest, RotateReply, RotateRequest};
