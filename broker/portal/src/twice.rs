//! Two clicks on one form make one thing.

use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Entered, FirstAnswer, Idempotent, Once};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Portal;
use crate::cookies::random_text;
use crate::form::Typed;
use crate::refusal::Refusal;
use crate::visitor::Member;

/// The field of a form that makes it one form.
pub(crate) const KEY: &str = "key";

/// The key that came with a form, or one for a form that is shown first.
pub(crate) fn key(typed: &Typed) -> String {
    let given = typed.some(KEY).filter(|it| it.len() <= 64);
    given.unwrap_or_else(random_text)
}

impl Portal {
    /// The turn to make what the draft says, or where it was made by an earlier click. Another draft under
    /// the same key is another thing: somebody went back and typed on.
    pub(crate) async fn turn<T>(
        &self,
        member: &Member,
        (typed, draft): (&Typed, &impl Serialize),
        path: fn(&T) -> String,
    ) -> Result<Result<Once<T>, Response>, Refusal>
    where
        T: 'static,
    {
        let document = serde_json::to_string(draft).unwrap_or_default();
        let digest = Sha256::digest(format!("portal\0{}\0{document}", key(typed)));
        let idempotency = Idempotent {
            key: hex::encode(digest),
            request_sha256: hex::encode(Sha256::digest(&document)),
            render: Box::new(move |made: &T| FirstAnswer {
                status: 303,
                body: path(made),
            }),
        };
        let turn = self.broker.take_turn(member.caller(), Some(idempotency));
        Ok(match turn.await? {
            Entered::First(once) => Ok(once),
            Entered::Repeated(first) => Err(Redirect::to(&first.body).into_response()),
        })
    }
}
