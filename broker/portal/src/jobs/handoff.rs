//! Taking a job along to its site.

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use broker_app::{Form, LexisNames};

use crate::Portal;
use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::visitor::Member;

/// The batch script.
pub(crate) async fn script(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    download(&portal, &member, &id, &Form::Script).await
}

/// The LEXIS workflow, with what LEXIS calls things as the form said.
pub(crate) async fn lexis(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let given = |name: &str| fields.text(name).map(str::to_owned);
    let form = Form::Lexis(LexisNames {
        project: given("project").unwrap_or_default(),
        template: given("template").unwrap_or_default(),
        dataset: given("dataset"),
        location: given("location"),
    });
    download(&portal, &member, &id, &form).await
}

async fn download(
    portal: &Portal,
    member: &Member,
    id: &str,
    form: &Form,
) -> Result<Response, Refusal> {
    let id = super::job_id(id)?;
    let fetched = portal.broker.handoff(member.caller(), id, form).await?;
    let name = format!("attachment; filename=\"{}\"", fetched.file_name);
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, fetched.text).into_response())
}
