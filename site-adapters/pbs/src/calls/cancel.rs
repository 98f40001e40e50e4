//! `qdel`, of one job that was seen a moment ago: with a known and an unknown id in one command the
//! server dies.

use site_adapter::{ErrorKind, Result};

use super::asks;
use crate::answer::{FINISHED, NO_MOM, UNKNOWN_JOB};
use crate::transport::{Command, Ran};

pub(crate) fn command(id: &str) -> Command {
    Command {
        acts: true,
        ..asks("qdel", &[id])
    }
}

pub(crate) fn parse(ran: &Ran) -> Result<()> {
    match ran.code {
        0 | FINISHED | UNKNOWN_JOB => Ok(()),
        // The job's node does not answer; it stays as it is until it does.
        NO_MOM => Err(ran.error(ErrorKind::Unavailable)),
        _ => Err(ran.failure()),
    }
}
