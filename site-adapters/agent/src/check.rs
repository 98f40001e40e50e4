use std::io::Write as _;
use std::process::ExitCode;

use site_adapter::{BrokerLink as _, Report};
use site_agent::HttpLink;
use site_agent::settings::Settings;

use crate::compose::{self, Site};

/// Tries everything the agent needs and prints a line for each.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<ExitCode> {
    let users = settings.check_own_user(&settings.users_of_agent()).await;
    let users = users.err().map(|error| error.to_string());
    let mut lines = vec![("configuration".to_owned(), users)];
    lines.extend(scheduler(settings).await);
    match compose::link(settings) {
        Ok(link) => {
            lines.push(("identity".to_owned(), None));
            lines.push(("broker".to_owned(), broker(settings, &link).await));
        }
        Err(error) => lines.push(("identity".to_owned(), Some(format!("{error:#}")))),
    }
    let mut out = std::io::stdout().lock();
    for (subsystem, problem) in &lines {
        writeln!(out, "{subsystem}: {}", problem.as_deref().unwrap_or("ok"))?;
    }
    let well = lines.iter().all(|(_, problem)| problem.is_none());
    Ok(ExitCode::from(u8::from(!well)))
}

async fn scheduler(settings: &Settings) -> Vec<(String, Option<String>)> {
    let probed = match Site::probe(settings).await {
        Ok(probed) => probed,
        Err(error) => return vec![("adapter".to_owned(), Some(format!("{error:#}")))],
    };
    probed
        .into_iter()
        .map(|probe| (probe.subsystem, probe.problem))
        .collect()
}

/// An empty report proves name, certificate, proxy, clock and key, and changes nothing at the broker.
async fn broker(settings: &Settings, link: &HttpLink) -> Option<String> {
    let report = Report {
        snapshot_ttl_seconds: None,
        agent: link.identity().agent,
        instance: None,
        site: settings.agent.site.clone(),
        snapshot: None,
        attempts: Vec::new(),
        logs: Vec::new(),
        working_on: Vec::new(),
    };
    link.report(report)
        .await
        .err()
        .map(|error| error.to_string())
}
