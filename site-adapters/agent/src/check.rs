use std::io::Write as _;
use std::process::ExitCode;

use broker_model::PartitionRef;
use site_adapter::{BrokerLink as _, LinkError, Report};
use site_agent::settings::Settings;
use site_agent::{HttpLink, Mismatch};

use crate::compose::{self, Site};
use crate::offered::offered;

/// What is said of one subsystem.
enum Finding {
    Well,
    /// The agent works, and something is not as it was meant.
    Doubt(String),
    Wrong(String),
}

type Line = (String, Finding);

/// Tries everything the agent needs and prints a line for each.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut lines = vec![line("configuration", own_user(settings).await)];
    lines.extend(scheduler(settings).await);
    match compose::link(settings) {
        Ok(link) => {
            lines.push(line("identity", Finding::Well));
            lines.extend(broker(settings, &link).await);
        }
        Err(error) => lines.push(line("identity", Finding::Wrong(format!("{error:#}")))),
    }
    let mut out = std::io::stdout().lock();
    for (subsystem, finding) in &lines {
        match finding {
            Finding::Well => writeln!(out, "{subsystem}: ok")?,
            Finding::Doubt(words) => writeln!(out, "{subsystem}: warning: {words}")?,
            Finding::Wrong(words) => writeln!(out, "{subsystem}: {words}")?,
        }
    }
    let is_wrong = |(_, finding): &Line| matches!(finding, Finding::Wrong(_));
    Ok(ExitCode::from(u8::from(lines.iter().any(is_wrong))))
}

fn line(subsystem: &str, finding: Finding) -> Line {
    (subsystem.to_owned(), finding)
}

fn finding<E: std::fmt::Display>(answer: Result<(), E>) -> Finding {
    match answer {
        Ok(()) => Finding::Well,
        Err(error) => Finding::Wrong(error.to_string()),
    }
}

async fn own_user(settings: &Settings) -> Finding {
    match settings.users_of_agent() {
        Some(users) => finding(settings.check_own_user(&users).await),
        None if settings.adapter.kind.runs_as_agent() => Finding::Doubt(
            "nothing says yet as whom the agent runs, so whether jobs may run as the users of `accounts` is not \
             checked; enrol it, or check as its user"
                .to_owned(),
        ),
        None => Finding::Well,
    }
}

async fn scheduler(settings: &Settings) -> Vec<Line> {
    let probed = match Site::probe(settings).await {
        Ok(probed) => probed,
        Err(error) => return vec![line("adapter", Finding::Wrong(format!("{error:#}")))],
    };
    let probed = probed.into_iter();
    probed
        .map(|probe| {
            (
                probe.subsystem,
                probe.problem.map_or(Finding::Well, Finding::Wrong),
            )
        })
        .collect()
}

async fn broker(settings: &Settings, link: &HttpLink) -> Vec<Line> {
    match ask(settings, link).await {
        Ok(registered) => {
            let mut lines = vec![line("broker", Finding::Well)];
            lines.extend(partitions(settings, registered.as_deref()));
            lines
        }
        Err(error) => vec![line("broker", Finding::Wrong(error.to_string()))],
    }
}

/// An empty report proves name, certificate, proxy, clock and key, and changes nothing at the broker.
async fn ask(settings: &Settings, link: &HttpLink) -> Result<Option<Vec<PartitionRef>>, LinkError> {
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
    Ok(link.report(report).await?.partitions)
}

/// Nothing fails where only one side knows of a partition, and no job ever comes there.
fn partitions(settings: &Settings, registered: Option<&[PartitionRef]>) -> Vec<Line> {
    let doubt = |words| line("partitions", Finding::Doubt(words));
    let Some(registered) = registered else {
        let words = "not compared, since the broker does not say which it knows; update the broker";
        return vec![doubt(words.to_owned())];
    };
    // What is wrong with these settings is in the adapter's line.
    let Ok(offered) = offered(settings) else {
        return Vec::new();
    };
    let words = Mismatch::between(&settings.agent.site, &offered, registered).words();
    if words.is_empty() {
        return vec![line("partitions", Finding::Well)];
    }
    words.into_iter().map(doubt).collect()
}
