//! The registry of sites and what their administrators set.

pub(crate) mod document;
pub(crate) mod incidents;
pub(crate) mod jobs;
pub(crate) mod retire;
pub(crate) mod rules;
pub(crate) mod show;

use crate::operation::{Operation, delete, get, post, put};

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/sites/{id}/document", document::show),
        put("/sites/{id}/document", document::file),
        delete("/sites/{id}", retire::site),
        get("/sites/{id}/controls", show::controls),
        delete("/sites/{id}/controls/{item}", retire::control),
        get("/sites/{id}/jobs", jobs::list),
        get("/sites/{id}/incidents", incidents::list),
        post("/sites/{id}/incidents", incidents::open),
        post("/sites/{id}/incidents/{item}/updates", incidents::update),
        post("/sites/{id}/incidents/{item}/close", incidents::close),
        post("/sites/{id}/windows", rules::open_window),
        post("/sites/{id}/windows/{item}/close", rules::close_window),
        post("/sites/{id}/drains", rules::drain),
        post("/sites/{id}/drains/{item}/end", rules::undrain),
        post("/sites/{id}/vetoes", rules::veto),
        post("/sites/{id}/vetoes/{item}/lift", rules::lift),
        post("/sites/{id}/organisation-vetoes", rules::veto_organisation),
        post(
            "/sites/{id}/organisation-vetoes/{item}/lift",
            rules::lift_organisation,
        ),
        put("/sites/{id}/limits/{item}", rules::limit),
    ]
}
