//! The pages people see: rendered here, readable without scripts, and calling the use cases of
//! `broker-app` rather than the HTTP API.
//!
//! A request passes [`frame`](mod@frame) (headers, language, error pages), becomes a visitor by its
//! cookie ([`visitor`]), and is answered by one handler per page. Every form carries a token of its
//! session; no page loads anything from elsewhere, and no page holds a script or a style of its own.

mod agents;
mod ai_act;
mod applications;

mod assets;
mod confirmations;
mod contact;
mod cookies;
mod decision;
mod faults;
mod fields;
mod follow_ups;
mod form;
mod frame;
mod funding;
mod handoffs;
mod home;
mod jobs;
mod ledger;
mod login;
mod matching;
mod members;
mod missing;
mod notices;
mod organisations;
mod placement;
mod referrals;
mod refusal;

mod reviews;
mod router;
mod routes;

mod site_admin;
mod sites;
mod terms;
mod texts;
mod titles;
mod twice;
mod visitor;
mod words;

use std::sync::Arc;

use axum::http::HeaderMap;
use broker_app::Broker;
use broker_auth::Authenticator;
use url::Url;

use crate::cookies::LoginKey;
use crate::texts::Texts;

pub use router::router;
pub use texts::{Catalogues, TextFault};

/// What the pages are made from.
#[derive(Clone, Debug)]
pub struct Portal {
    pub(crate) broker: Broker,
    pub(crate) auth: Arc<Authenticator>,
    pub(crate) public_url: Url,
    login_key: Arc<LoginKey>,
    ledger_key: Option<Arc<str>>,
    catalogues: &'static Catalogues,
}

impl Portal {
    /// `public_url` is where browsers reach the portal; `/login/callback` below it is what issuers
    /// have registered.
    pub fn new(broker: Broker, auth: Arc<Authenticator>, public_url: Url) -> Self {
        let login_key = Arc::new(LoginKey::random());
        Self {
            broker,
            auth,
            public_url,
            login_key,
            ledger_key: None,
            catalogues: &texts::SHIPPED,
        }
    }

    /// The key of the short-lived sign-in cookie. Replicas that share it can end each other's
    /// sign-ins; without it a sign-in ends at the replica where it began.
    #[must_use]
    pub fn with_login_key(mut self, key: &[u8; 32]) -> Self {
        self.login_key = Arc::new(LoginKey::from_bytes(key));
        self
    }

    /// The ledger's verifier key, as auditors are to write it down.
    #[must_use]
    pub fn with_ledger_key(mut self, key: &str) -> Self {
        self.ledger_key = Some(key.into());
        self
    }

    /// The words of the pages, instead of those that this program was built with. They are kept as long as
    /// the process lives: a page borrows them, and a broker reads them once.
    #[must_use]
    pub fn with_texts(mut self, catalogues: Catalogues) -> Self {
        self.catalogues = Box::leak(Box::new(catalogues));
        self
    }

    fn texts_for(&self, headers: &HeaderMap) -> Texts {
        Texts::asked_for(self.catalogues, headers)
    }

    fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}
