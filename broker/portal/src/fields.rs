use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use url::form_urlencoded;

use crate::Portal;
use crate::cookies::form_token;
use crate::refusal::Refusal;
use crate::visitor::Member;

/// The fields of a query or a form; of repeated ones the last. No text of a browser fails here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The field's text; `None` when it is absent or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }
}

impl FromRequestParts<Portal> for Fields {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Portal) -> Result<Self, Refusal> {
        Ok(Self::parse(
            parts.uri.query().unwrap_or_default().as_bytes(),
        ))
    }
}

/// A form that somebody signed in has sent from a page of this portal.
#[derive(Debug)]
pub(crate) struct MemberForm {
    pub(crate) member: Member,
    pub(crate) fields: Fields,
}

impl FromRequest<Portal> for MemberForm {
    type Rejection = Refusal;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let member = Member::from_request_parts(&mut parts, portal).await?;
        let body = Bytes::from_request(Request::from_parts(parts, body), portal).await;
        let body = body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
            _ => Refusal::Unreadable,
        })?;
        let fields = Fields::parse(&body);
        let expected = form_token(&member.session.token);
        let given = fields.text("form_token").unwrap_or_default();
        let same = aws_lc_rs::constant_time::verify_slices_are_equal;
        if same(given.as_bytes(), expected.as_bytes()).is_err() {
            return Err(Refusal::ForeignForm);
        }
        Ok(Self { member, fields })
    }
}
