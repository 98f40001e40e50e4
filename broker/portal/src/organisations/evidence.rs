//! Handing evidence in, and taking it back.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_model::{Evidence, EvidenceDraft, EvidenceId};

use super::organisation_id;
use crate::Portal;
use crate::fields::MemberForm;
use crate::form::Typed;
use crate::refusal::Refusal;

pub(crate) async fn hand_in(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let id = organisation_id(&id)?;
    let mut typed = Typed::from(fields);
    let Some(draft) = draft(&mut typed) else {
        return portal.organisation_page(&member, id, typed.unread()).await;
    };
    let asked = (id, &draft);
    let turn = portal.turn(&member, (&typed, &asked), path);
    let once = match turn.await? {
        Ok(once) => once,
        Err(done) => return Ok(done),
    };
    let caller = member.caller();
    match portal
        .broker
        .hand_in_evidence(caller, id, once.order(&draft))
        .await
    {
        Ok(made) => Ok(Redirect::to(&path(&made)).into_response()),
        Err(error) => {
            let typed = typed.refused(member.texts, error)?;
            portal.organisation_page(&member, id, typed).await
        }
    }
}

pub(crate) async fn withdraw(
    State(portal): State<Portal>,
    Path((of, id)): Path<(String, String)>,
    MemberForm { member, .. }: MemberForm,
) -> Result<Response, Refusal> {
    let (of, id) = (organisation_id(&of)?, evidence_id(&id)?);
    let withdrawn = portal.broker.withdraw_evidence(member.caller(), (of, id));
    Ok(Redirect::to(&path(&withdrawn.await?)).into_response())
}

pub(crate) fn evidence_id(text: &str) -> Result<EvidenceId, Refusal> {
    text.parse().map_err(|_| Refusal::NoPage)
}

fn draft(typed: &mut Typed) -> Option<EvidenceDraft> {
    let issued_on = typed.needed_day("issued_on");
    let expires_on = typed.day("expires_on");
    let issued_on = issued_on.filter(|_| !typed.is_wrong())?;
    Some(EvidenceDraft {
        kind: typed.text("kind"),
        issued_on,
        expires_on,
        source: typed.text("source"),
        files: Vec::new(),
    })
}

fn path(evidence: &Evidence) -> String {
    format!("/organisations/{}#{}", evidence.organisation, evidence.id)
}
