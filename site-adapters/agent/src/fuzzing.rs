//! The readers of what the broker, the site's accounts and the agent's own disk tell, for fuzz targets:
//! none may panic on any bytes.

use std::fs;
use std::io;
use std::path::Path;

use agent_link::answer::NotTheBrokers;
use agent_link::{EnrolReply, RotateReply};
use broker_model::{AgentId, InstanceId, RemoteId, SiteId};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::RETRY_AFTER;
use site_adapter::{
    Activity, ConfirmReply, ConfirmationsReply, LeaseReply, LogStream, RemoteJob, ReportReply,
    Submitted,
};
use uuid::Uuid;

use crate::accounts::answer as account_answer;
use crate::attempt::{Answer, Call, Collect, Collected, Fetch, Got, Heard, Moment};
use crate::exchange::{not_believed, refusal};
use crate::problems::Timers;
use crate::spool::frame;
use crate::state::{Due, Lane, State};
use crate::{AgentConfig, DrainFile, Identity, Spool};

const ROUNDS: usize = 4;

/// An answer to any of the agent's requests, with its `Retry-After`.
pub fn broker(status: u16, retry_after: &str, body: &[u8]) {
    let status = StatusCode::from_u16(status).unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(retry_after) {
        headers.insert(RETRY_AFTER, value);
    }
    let _ = refusal(status, &headers, body);
    for doubt in [NotTheBrokers::Unsigned, NotTheBrokers::AnotherBody] {
        let _ = not_believed(status, &headers, body, doubt);
    }
    let _ = serde_json::from_slice::<EnrolReply>(body);
    let _ = serde_json::from_slice::<RotateReply>(body);
    let _ = serde_json::from_slice::<ConfirmReply>(body);
    let _ = serde_json::from_slice::<ConfirmationsReply>(body);
    let reply = serde_json::from_slice::<ReportReply>(body).unwrap_or_default();
    if let (Ok(leased), Some(config)) = (serde_json::from_slice::<LeaseReply>(body), config()) {
        let mut state = state();
        let heard = Heard {
            asked_at: Timestamp::UNIX_EPOCH,
            steady: Timestamp::UNIX_EPOCH,
            now: Timestamp::UNIX_EPOCH,
            answered_at: leased.now,
        };
        state.leased(leased.clone(), &heard);
        go_on(&config, &mut state, &reply);
        // Once more, as after a restart.
        state.leased(leased, &heard);
        go_on(&config, &mut state, &reply);
    }
}

/// What a site's program or directory of accounts says.
pub fn account(bytes: &[u8]) {
    let _ = account_answer::read(bytes);
    let _ = account_answer::readable(&String::from_utf8_lossy(bytes));
}

/// A file of frames with these payloads, as the spool writes them.
pub fn framed<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut file = Vec::new();
    for payload in payloads {
        // Of what no record is as long as, there is none.
        frame::put(&mut file, payload).ok();
    }
    file
}

/// Opens the spool that has this journal and this log of an attempt, and goes on from it.
pub fn spool(folder: &Path, attempt: &str, journal: &[u8], log: &[u8]) -> io::Result<()> {
    let logs = folder.join("logs");
    fs::create_dir_all(&logs)?;
    fs::write(folder.join("journal"), journal)?;
    fs::write(logs.join(format!("{attempt}.stdout")), log)?;
    let (spool, restored) = Spool::open(folder, 1 << 20)?;
    for log in &restored.logs {
        let _ = spool.read_log(log.attempt, log.stream, log.from, 4096);
        let _ = spool.keep_log(log.attempt, log.stream, log.to, b"more");
        let _ = spool.read_log(log.attempt, log.stream, log.to, 4096);
    }
    let Some(config) = config() else {
        return Ok(());
    };
    let mut state = state();
    state.restore(restored, Timestamp::UNIX_EPOCH);
    go_on(&config, &mut state, &ReportReply::default());
    let changes = state.changes();
    spool.write(&changes.records)?;
    state.written(changes, true);
    drop(spool);
    Spool::open(folder, 1 << 20).map(drop)
}

/// Who the agent is, and what drains the site.
pub fn files(folder: &Path, identity: &[u8], drain: &[u8]) -> io::Result<()> {
    fs::write(folder.join("identity.toml"), identity)?;
    fs::write(folder.join("drain.json"), drain)?;
    let _ = Identity::load(folder);
    if let Some(drain) = DrainFile::of(folder).read() {
        let _ = drain.holds(Timestamp::UNIX_EPOCH);
    }
    Ok(())
}

fn config() -> Option<AgentConfig> {
    let site: SiteId = "fuzz".parse().ok()?;
    let (agent, instance) = (AgentId::from(Uuid::nil()), InstanceId::from(Uuid::nil()));
    Some(AgentConfig::new(agent, instance, site))
}

fn state() -> State {
    State::new(Timers {
        unreachable: SignedDuration::from_mins(5),
        misconfigured: SignedDuration::from_mins(5),
    })
}

/// A scheduler that takes and finds everything, and a broker that stores it now and then.
fn go_on(config: &AgentConfig, state: &mut State, reply: &ReportReply) {
    for round in 0..ROUNDS {
        let at = Moment {
            now: Timestamp::UNIX_EPOCH,
            steady: Timestamp::UNIX_EPOCH,
            config,
            spools: false,
            broker_away: round == 1,
        };
        for due in state.take_due(Lane::Calls, &at, 64) {
            let Due::Call(ticket, call) = due else {
                continue;
            };
            state.answered(ticket, answer_to(&call), &at);
            state.over(ticket.attempt, Lane::Calls);
        }
        for due in state.take_due(Lane::Collect, &at, 64) {
            let Due::Collect(ticket, collect) = due else {
                continue;
            };
            state.collected(ticket, collected(collect), &at);
            state.over(ticket.attempt, Lane::Collect);
        }
        let (tickets, remotes) = state.live();
        let asked = tickets.into_iter().zip(remotes);
        state.polled(asked, &[], at.now);
        if let Some(batch) = state.compose(&at) {
            state.stored(&batch, reply, at.now, at.now);
        }
    }
}

fn answer_to(call: &Call) -> Answer {
    match call {
        Call::Account(_) => Answer::Account(account_answer::read(br#"{"user":"alice"}"#)),
        Call::Find { marker, .. } => Answer::Found(Ok(Some(RemoteJob {
            marker: marker.clone(),
            remote_id: RemoteId("1".to_owned()),
            submitted_at: Timestamp::UNIX_EPOCH,
            activity: Activity::Running {
                started_at: Timestamp::UNIX_EPOCH,
            },
            tasks: None,
        }))),
        Call::Submit(_) => Answer::Submitted(Ok(Submitted {
            remote_id: RemoteId("1".to_owned()),
            submitted_at: Timestamp::UNIX_EPOCH,
            adopted: false,
        })),
        Call::Cancel(_) => Answer::Cancelled(Ok(())),
    }
}

fn collected(collect: Collect) -> Collected {
    let got = |(stream, fetch): (LogStream, Fetch)| {
        let got = match fetch {
            Fetch::Site { .. } => Got::Read(Ok(b"line\n".to_vec())),
            Fetch::Spool { .. } => Got::Loaded(Ok(b"line\n".to_vec())),
            Fetch::Move { offset, bytes } => Got::Kept {
                end: offset.saturating_add(bytes.len() as u64),
            },
        };
        (stream, got)
    };
    Collected {
        logs: collect.logs.into_iter().map(got).collect(),
        usage: collect.usage.then_some(Ok(None)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOG: &str = "att_0192f0c1d2e37abc8def0123456789ab";

    #[test]
    fn a_log_that_ends_beyond_all_offsets_is_cut_off_there() {
        let folder = tempfile::tempdir().unwrap();
        let gone = format!("{{\"gone\":\"{LOG}\"}}");
        let far = [&(u64::MAX - 1).to_le_bytes()[..], b"abcdef"].concat();
        let (journal, log) = (
            framed([gone.as_bytes()].into_iter()),
            framed([&far[..]].into_iter()),
        );
        spool(folder.path(), LOG, &journal, &log).unwrap();
    }

    #[test]
    fn a_lease_whose_log_is_stored_beyond_all_offsets_is_worked_on() {
        let reply = json!({ "cancel": [], "attempts": [{
            "attempt": LOG, "job": "job_0192f0c1d2e37abc8def0123456789ab",
            "project": "prj_0192f0c1d2e37abc8def0123456789ab",
            "work": {
                "name": "a", "script": "true", "scheduler_gpus_per_gpu": 1,
                "resources": { "nodes": 1, "gpus_per_node": 0, "walltime": "1h" },
                "partition": { "site": "fuzz", "system": "s", "partition": "p" },
            },
            "lease_until": "2026-11-20T10:00:00Z", "may_exist": false, "cancel": false,
            "accepted": { "remote_id": "1", "submitted_at": "2026-11-20T10:00:00Z" },
            "stdout_offset": u64::MAX,
        }] });
        broker(200, "18446744073709551615", reply.to_string().as_bytes());
        assert!(serde_json::from_value::<LeaseReply>(reply).is_ok());
    }
}
