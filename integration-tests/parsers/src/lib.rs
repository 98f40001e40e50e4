//! Every reader of what comes from outside, as a function of bytes: the list that the fuzz targets of
//! `integration-tests/fuzz` and the test of this crate share.
//!
//! None may panic, overflow its stack, take more memory than a few times its input, or take long. What a
//! target's bytes are is in its own documentation; any bytes are allowed.

mod broker;
pub mod corpus;
pub mod mutate;
mod site;

pub use broker::{broker_report, client_answer, link_messages, oidc_answer, oidc_token};
pub use site::{
    agent_answer, agent_spool, kubernetes_answer, kubernetes_watch, pbs_answer, pbs_files,
    process_files, slurm_answer, slurm_words,
};

/// One reader, or several of the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Of the fuzz target and of its corpus.
    pub name: &'static str,
    pub read: fn(&[u8]),
}

const fn target(name: &'static str, read: fn(&[u8])) -> Target {
    Target { name, read }
}

pub const TARGETS: [Target; 14] = [
    target("agent_answer", agent_answer),
    target("agent_spool", agent_spool),
    target("broker_report", broker_report),
    target("client_answer", client_answer),
    target("kubernetes_answer", kubernetes_answer),
    target("kubernetes_watch", kubernetes_watch),
    target("link_messages", link_messages),
    target("oidc_answer", oidc_answer),
    target("oidc_token", oidc_token),
    target("pbs_answer", pbs_answer),
    target("pbs_files", pbs_files),
    target("process_files", process_files),
    target("slurm_answer", slurm_answer),
    target("slurm_words", slurm_words),
];

/// The first line, and what comes after it.
fn head(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (head, rest) = end
        .and_then(|end| bytes.split_at_checked(end))
        .unwrap_or((bytes, &[]));
    let body = rest.split_first().map_or(rest, |(_, body)| body);
    (String::from_utf8_lossy(head).into_owned(), body)
}

/// An HTTP status on a line of its own, and a body.
fn answered(bytes: &[u8]) -> (u16, &[u8]) {
    let (line, body) = head(bytes);
    (line.trim().parse().unwrap_or(200), body)
}
