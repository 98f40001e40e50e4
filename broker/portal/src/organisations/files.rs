//! Files of evidence. One is sent whole as the body of a request, which takes a script: forms of pages send
//! fields, and the pages read nothing else.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use broker_app::{Error, Upload};
use broker_model::InvalidSpec;
use url::form_urlencoded;

use super::evidence::evidence_id;
use super::organisation_id;
use crate::Portal;
use crate::faults;
use crate::fields::{Fields, is_own_form};
use crate::refusal::Refusal;
use crate::visitor::Member;

/// More than any store of files is set up to take; what is, it says itself.
pub(crate) const LARGEST: usize = 64 * 1024 * 1024;

/// A file from a page of this portal; who sends it is looked at before it is read.
#[derive(Debug)]
pub(crate) struct SentFile {
    member: Member,
    upload: Upload,
}

impl FromRequest<Portal> for SentFile {
    type Rejection = Refusal;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let member = Member::from_request_parts(&mut parts, portal).await?;
        let token = header(&parts.headers, "x-form-token");
        if !is_own_form(&member, &token) {
            return Err(Refusal::ForeignForm);
        }
        let named = Fields::from_request_parts(&mut parts, portal).await?;
        let media_type = header(&parts.headers, CONTENT_TYPE.as_str());
        let bytes = Bytes::from_request(Request::from_parts(parts, body), portal).await;
        let bytes = bytes.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
            _ => Refusal::Unreadable,
        })?;
        let name = named.text("name").unwrap_or_default().to_owned();
        let upload = Upload {
            name,
            media_type,
            bytes,
        };
        Ok(Self { member, upload })
    }
}

/// Answers a script: what is wrong in plain words.
pub(crate) async fn send(
    State(portal): State<Portal>,
    Path((of, id)): Path<(String, String)>,
    SentFile { member, upload }: SentFile,
) -> Result<Response, Refusal> {
    let of = (organisation_id(&of)?, evidence_id(&id)?);
    let kept = portal.broker.add_evidence_file(member.caller(), of, upload);
    match kept.await {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(Error::Invalid(_, faults)) => {
            let line = |it: &InvalidSpec| faults::line(member.texts, it);
            let words: Vec<String> = faults.iter().map(line).collect();
            Ok((StatusCode::BAD_REQUEST, words.join("; ")).into_response())
        }
        Err(error @ Error::NotWaiting(_)) => {
            Ok((StatusCode::CONFLICT, error.to_string()).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Always to be saved and never to be shown: what is in it is a stranger's.
pub(crate) async fn read(
    State(portal): State<Portal>,
    member: Member,
    Path((of, id, sha256)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    let of = (organisation_id(&of)?, evidence_id(&id)?);
    let found = portal.broker.evidence_file(member.caller(), of, &sha256);
    let (file, bytes) = found.await?;
    let told = [
        (CONTENT_TYPE, file.media_type),
        (CONTENT_DISPOSITION, as_attachment(&file.name)),
    ];
    Ok((told, bytes).into_response())
}

/// The name as RFC 8187 has it, whatever is in it.
fn as_attachment(name: &str) -> String {
    let coded: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let coded = coded.replace('+', "%20").replace('*', "%2A");
    format!("attachment; filename*=UTF-8''{coded}")
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|it| it.to_str().ok());
    value.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_letters_is_one_value_of_a_header() {
        let told = as_attachment("engagement \"signé\"*\r\n.pdf");
        let coded = "engagement%20%22sign%C3%A9%22%2A%0D%0A.pdf";
        assert_eq!(told, format!("attachment; filename*=UTF-8''{coded}"));
    }
}
