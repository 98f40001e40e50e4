pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod quote;
pub(crate) mod show;
pub(crate) mod submit;
