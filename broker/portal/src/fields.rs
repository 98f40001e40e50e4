use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use broker_model::InvalidSpec;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
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

    pub(crate) fn put(&mut self, name: String, text: String) {
        self.0.insert(name, text);
    }

    /// Those whose names begin so, by name, with their texts.
    pub(crate) fn beginning<'f>(
        &'f self,
        prefix: &'f str,
    ) -> impl Iterator<Item = (&'f str, &'f str)> {
        let from = self.0.range(prefix.to_owned()..);
        let begun = from.take_while(move |(name, _)| name.starts_with(prefix));
        begun.map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// A field that must be there in the form of its type.
    pub(crate) fn parsed<T>(&self, name: &str) -> Result<T, InvalidSpec>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let text = self.text(name).unwrap_or_default().trim();
        let reason =
            |error: T::Err| wrong(name, &error.to_string(), "see the words beside the field");
        text.parse().map_err(reason)
    }

    /// What `datetime-local` sends has no zone: the pages say that it is UTC.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, InvalidSpec> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let time = text.parse::<DateTime>().ok();
        let time = time.and_then(|it| TimeZone::UTC.to_timestamp(it).ok());
        let allowed = "a date and a time, as 2026-11-20T12:00";
        time.map(Some)
            .ok_or_else(|| wrong(name, "is no time", allowed))
    }
}

impl From<Vec<(String, String)>> for Fields {
    fn from(fields: Vec<(String, String)>) -> Self {
        Self(fields.into_iter().collect())
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

/// One field that cannot be.
pub(crate) fn wrong(field: &str, reason: &str, allowed: &str) -> InvalidSpec {
    InvalidSpec {
        field: field.to_owned(),
        reason: reason.to_owned(),
        allowed: allowed.to_owned(),
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
        if !is_own_form(&member, fields.text("form_token").unwrap_or_default()) {
            return Err(Refusal::ForeignForm);
        }
        Ok(Self { member, fields })
    }
}

/// Whether the token is that of the visitor's session.
pub(crate) fn is_own_form(member: &Member, given: &str) -> bool {
    let expected = form_token(&member.session.token);
    let same = aws_lc_rs::constant_time::verify_slices_are_equal;
    same(given.as_bytes(), expected.as_bytes()).is_ok()
}
