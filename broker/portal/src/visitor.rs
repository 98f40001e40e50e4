//! Who is looking at a page.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::Method;
use axum::http::request::Parts;
use broker_app::{Caller, OpenSession};

use crate::Portal;
use crate::cookies::form_token;
use crate::frame::{Frame, Named};
use crate::refusal::Refusal;
use crate::texts::Texts;

/// Anybody, signed in or not.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) texts: Texts,
    pub(crate) session: Option<Session>,
}

/// Somebody who is signed in; others are sent to sign in first and come back.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) texts: Texts,
    pub(crate) session: Session,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) token: Arc<str>,
    pub(crate) open: Arc<OpenSession>,
}

impl Session {
    fn named(&self) -> Named {
        let principal = &self.open.caller.principal;
        let name = principal.name.clone().or_else(|| principal.email.clone());
        Named {
            name: name.unwrap_or_else(|| principal.subject.clone()),
            form_token: form_token(&self.token),
            reviews: self.open.caller.is_reviewer(),
            sees_figures: self.open.caller.sees_figures(),
        }
    }
}

impl Visitor {
    pub(crate) fn frame(&self, title: &str, here: &'static str) -> Frame {
        let person = self.session.as_ref().map(Session::named);
        Frame {
            texts: self.texts,
            title: title.to_owned(),
            here,
            person,
        }
    }
}

impl Member {
    pub(crate) fn caller(&self) -> &Caller {
        &self.session.open.caller
    }

    pub(crate) fn frame(&self, title: &str, here: &'static str) -> Frame {
        let person = Some(self.session.named());
        Frame {
            texts: self.texts,
            title: title.to_owned(),
            here,
            person,
        }
    }
}

impl FromRequestParts<Portal> for Texts {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Infallible> {
        Ok(portal.texts_for(&parts.headers))
    }
}

impl FromRequestParts<Portal> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Refusal> {
        let texts = portal.texts_for(&parts.headers);
        let Some(token) = portal.session_token(&parts.headers) else {
            return Ok(Self {
                texts,
                session: None,
            });
        };
        let open = portal.broker.session(token).await?;
        let session = open.map(|open| Session {
            token: token.into(),
            open: Arc::new(open),
        });
        Ok(Self { texts, session })
    }
}

impl FromRequestParts<Portal> for Member {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Refusal> {
        let visitor = Visitor::from_request_parts(parts, portal).await?;
        match visitor.session {
            Some(session) => Ok(Self {
                texts: visitor.texts,
                session,
            }),
            None => Err(Refusal::NotSignedIn {
                return_to: way_back(parts),
            }),
        }
    }
}

/// The page that was asked for, or from which a form was sent.
fn way_back(parts: &Parts) -> String {
    let uri = parts
        .extensions
        .get::<OriginalUri>()
        .map_or(&parts.uri, |original| &original.0);
    if parts.method == Method::GET {
        return uri
            .path_and_query()
            .map_or("/", |it| it.as_str())
            .to_owned();
    }
    let path = uri.path();
    match path.strip_suffix("/cancel") {
        Some(job) => job.to_owned(),
        None if ["/jobs/new", "/organisations/new", "/join"].contains(&path) => path.to_owned(),
        // What was answered in the short form is gone with the form that carried it.
        None if path == "/referrals/new" => "/contact".to_owned(),
        None if ["/organisations/", "/referrals/"]
            .iter()
            .any(|of| path.starts_with(of)) =>
        {
            first_two(path)
        }
        None if path.starts_with("/matching/") => "/matching".to_owned(),
        None if path.starts_with("/projects/") => format!("{}/members", first_two(path)),
        None if path.starts_with("/applications/") => "/applications".to_owned(),
        None if path.starts_with("/reviews/") => "/reviews".to_owned(),
        None if ["/admin/", "/handoffs/", "/confirmations/"]
            .iter()
            .any(|of| path.contains(of)) =>
        {
            let page = path.rsplit_once('/').map_or("/", |(page, _)| page);
            page.to_owned()
        }
        None => "/".to_owned(),
    }
}

/// `/organisations/org_1/edit` is of `/organisations/org_1`.
fn first_two(path: &str) -> String {
    let parts: Vec<&str> = path.splitn(4, '/').take(3).collect();
    parts.join("/")
}
