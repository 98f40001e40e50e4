mod cancel;
pub(crate) mod farewells;
mod find;
mod poll;
mod probe;
pub(crate) mod reasons;
pub(crate) mod snapshot;
mod submit;
pub(crate) mod tend;
