//! `qselect`: ids only, a few milliseconds, other users' jobs too.

use site_adapter::{Error, ErrorKind, Result};

use super::{asks, is_job_id};
use crate::transport::{Command, Ran};

pub(crate) fn by_name(name: &str, with_history: bool) -> Command {
    if with_history {
        return asks("qselect", &["-x", "-N", name]);
    }
    asks("qselect", &["-N", name])
}

pub(crate) fn parse(ran: &Ran) -> Result<Vec<String>> {
    if !ran.is_ok() {
        return Err(ran.failure());
    }
    let text = ran.text();
    let mut ids = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !is_job_id(line) {
            let message = format!("`{}` is no job id", crate::answer::words(line));
            return Err(Error::new(ErrorKind::Protocol, "qselect", message));
        }
        ids.push(line.to_owned());
    }
    Ok(ids)
}
