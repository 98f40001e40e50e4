//! What a centre, or the organisation, does with a referral. Several forms stand on one page, so the fields
//! of each begin with the name of its step.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::Error;
use broker_model::{CentreId, Referral, ReferralMove, ReferralOutcome};

use super::referral_id;
use super::view::path;
use crate::Portal;
use crate::fields::MemberForm;
use crate::form::Typed;
use crate::refusal::Refusal;
use crate::texts::Texts;

pub(crate) async fn make(
    State(portal): State<Portal>,
    Path((id, step)): Path<(String, String)>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let (id, caller) = (referral_id(&id)?, member.caller());
    // Who may not see it is not told what is wrong with what they typed.
    portal.broker.referral(caller, id).await?;
    let mut typed = Typed::from(fields);
    let Some(made) = read(&step, &mut typed)? else {
        return portal.referral_page(&member, id, typed.unread()).await;
    };
    let asked = (id.to_string(), &made);
    let turn = portal.turn(&member, (&typed, &asked), |it: &Referral| path(it.id));
    let once = match turn.await? {
        Ok(once) => once,
        Err(done) => return Ok(done),
    };
    let moved = portal.broker.move_referral(caller, id, once.order(&made));
    match moved.await {
        Ok(moved) => Ok(Redirect::to(&path(moved.id)).into_response()),
        Err(error) => {
            let typed = refused(typed, member.texts, (&step, error))?;
            portal.referral_page(&member, id, typed).await
        }
    }
}

/// Nothing where a field cannot be read.
fn read(step: &str, typed: &mut Typed) -> Result<Option<ReferralMove>, Refusal> {
    Ok(Some(match step {
        "acknowledge" => ReferralMove::Acknowledge {},
        "accept" => ReferralMove::Accept {},
        "decline" => ReferralMove::Decline {
            reason: typed.text("decline.reason"),
        },
        "hand_over" => {
            let to: Option<CentreId> = typed.need("hand_over.to", "a centre of the list");
            let Some(to) = to else { return Ok(None) };
            ReferralMove::HandOver {
                to,
                reason: typed.text("hand_over.reason"),
            }
        }
        "close" => {
            let Some(outcome) = outcome(typed) else {
                return Ok(None);
            };
            ReferralMove::Close {
                outcome,
                words: typed.text("close.words"),
            }
        }
        "withdraw" => ReferralMove::Withdraw {
            words: typed.text("withdraw.words"),
        },
        _ => return Err(Refusal::NoPage),
    }))
}

fn outcome(typed: &mut Typed) -> Option<ReferralOutcome> {
    let text = typed.text("close.outcome");
    let mut all = ReferralOutcome::ALL.into_iter();
    let found = all.find(|it| it.as_str() == text);
    if found.is_none() {
        let reason = if text.is_empty() {
            "is missing".to_owned()
        } else {
            format!("`{}` cannot be read", text.escape_debug())
        };
        typed.wrong("close.outcome", &reason, "an outcome of the list");
    }
    found
}

fn refused(typed: Typed, texts: Texts, (step, error): (&str, Error)) -> Result<Typed, Refusal> {
    let mut typed = typed.refused(texts, error)?;
    for fault in &mut typed.faults {
        fault.field = format!("{step}.{}", fault.field);
    }
    Ok(typed)
}
