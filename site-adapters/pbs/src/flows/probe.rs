use site_adapter::{ErrorKind, ProbeResult};

use crate::adapter::PbsAdapter;
use crate::calls::nodes::{self, Node};
use crate::calls::server::{self, Server};

/// An ended job must be told of for longer than an agent may be away.
const ENOUGH_HISTORY: u64 = 24 * 3600;

impl PbsAdapter {
    pub(crate) async fn probe_site(&self) -> Vec<ProbeResult> {
        let mut found = Vec::new();
        let mut told = |subsystem: &str, problem: Option<String>| {
            found.push(ProbeResult {
                subsystem: subsystem.to_owned(),
                problem,
            });
        };
        let answer = self.ask(server::command()).await;
        let server = answer.and_then(|ran| server::parse(&ran));
        let failure = server.as_ref().err();
        let of_the_way = failure.filter(|error| is_the_ways(error.kind, &error.message));
        let way = if self.transport.is_remote() {
            "ssh"
        } else {
            "commands"
        };
        told(way, of_the_way.map(ToString::to_string));
        let of_the_server = failure.filter(|_| of_the_way.is_none());
        told("server", of_the_server.map(ToString::to_string));
        if let Ok(server) = &server {
            self.known_server.set(server.clone());
            told("scheduler", scheduler(server));
            told("history", self.history(server));
            told("nodes", self.nodes().await);
        }
        if let Some(folder) = &self.settings.accounting_dir {
            let problem = std::fs::read_dir(folder).err();
            told(
                "accounting",
                problem.map(|error| format!("{}: {error}", folder.display())),
            );
        }
        found
    }

    fn history(&self, server: &Server) -> Option<String> {
        let has_log = self.settings.accounting_dir.is_some();
        match server.history_seconds {
            None if !has_log => Some(
                "the server keeps no job history, so how jobs ended is known by their own records alone; \
                 set `job_history_enable=True`, or give the agent `accounting_dir`"
                    .to_owned(),
            ),
            Some(kept) if kept < ENOUGH_HISTORY && !has_log => Some(format!(
                "the server tells of ended jobs for {kept} s only; set `job_history_duration` to a day \
                 or more"
            )),
            _ => None,
        }
    }

    async fn nodes(&self) -> Option<String> {
        let answer = self.ask(nodes::command()).await;
        match answer.and_then(|ran| nodes::parse(&ran)) {
            Err(error) => Some(error.to_string()),
            Ok(nodes) if nodes.is_empty() => Some("the server has no nodes".to_owned()),
            Ok(nodes) if nodes.iter().all(Node::is_out) => {
                let state = nodes
                    .first()
                    .map(|node| node.state.clone())
                    .unwrap_or_default();
                Some(format!(
                    "no node answers (pbs_comm or all of pbs_mom): `{state}`"
                ))
            }
            Ok(_) => None,
        }
    }
}

/// Whether the command itself was not reached, for whatever reason.
fn is_the_ways(kind: ErrorKind, message: &str) -> bool {
    matches!(kind, ErrorKind::Local | ErrorKind::Unauthorized)
        || message.starts_with("ssh: ")
        || message.contains("does not start")
}

fn scheduler(server: &Server) -> Option<String> {
    if !server.schedules {
        return Some("scheduling is switched off; jobs wait".to_owned());
    }
    let state = server.state.to_ascii_lowercase();
    if state.contains("terminat") || state.contains("stopp") {
        return Some(format!("the server is `{}`", server.state));
    }
    (!server.shows_all).then(|| {
        "`query_other_jobs` is off: the reader must be an operator, or jobs are asked for one by one"
            .to_owned()
    })
}
