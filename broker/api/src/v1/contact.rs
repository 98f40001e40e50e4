//! The single point of contact: who helps, referrals, and sides that meet.

pub(crate) mod centres;
pub(crate) mod matching;
pub(crate) mod referrals;

use crate::operation::{Operation, delete, get, post, put};

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/support-centres", centres::list),
        get("/support-centres/vocabulary", centres::vocabulary),
        post("/support-centres/find", centres::find),
        get("/support-centres/{id}/referrals", referrals::at_centre),
        get("/referrals", referrals::list),
        post("/referrals", referrals::send),
        get("/referrals/{id}", referrals::show),
        post("/referrals/{id}/moves", referrals::make_move),
        get("/reviews/overdue-referrals", referrals::overdue),
        get("/organisations/{id}/profile", matching::show),
        put("/organisations/{id}/profile", matching::publish),
        delete("/organisations/{id}/profile", matching::withdraw),
        get("/organisations/{id}/matches", matching::list),
        put(
            "/organisations/{id}/matches/{item}/interest",
            matching::show_interest,
        ),
        delete(
            "/organisations/{id}/matches/{item}/interest",
            matching::withdraw_interest,
        ),
    ]
}
