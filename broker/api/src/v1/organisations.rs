//! Organisations and what they can show.

pub(crate) mod describe;
pub(crate) mod evidence;
pub(crate) mod files;

use crate::operation::{Operation, get, post, put, upload};

/// A larger file is refused before it is read to its end; the broker may be set to take less.
const LARGEST_FILE: usize = 64 * 1024 * 1024;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/organisations", describe::list),
        post("/organisations", describe::register),
        get("/organisations/{id}", describe::show),
        put("/organisations/{id}", describe::describe),
        get("/organisations/{id}/size", describe::size),
        get("/organisations/{id}/aid", describe::aid),
        get("/organisations/{id}/undertaking", describe::undertaking),
        get("/organisations/{id}/evidence", evidence::list),
        post("/organisations/{id}/screenings", evidence::screen),
        post("/organisations/{id}/evidence", evidence::hand_in),
        post("/organisations/{id}/evidence/{item}/check", evidence::check),
        post(
            "/organisations/{id}/evidence/{item}/withdraw",
            evidence::withdraw,
        ),
        upload(
            "/organisations/{id}/evidence/{item}/files",
            files::add,
            LARGEST_FILE,
        ),
        get(
            "/organisations/{id}/evidence/{item}/files/{sha256}",
            files::read,
        ),
        get("/organisations/{id}/signatories", evidence::signatories),
        get("/reviews/evidence", evidence::to_check),
    ]
}
