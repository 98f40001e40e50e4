use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use broker_model::{Clock as _, SystemClock};
use jiff::Timestamp;
use site_agent::settings::Settings;
use site_agent::{Drain, DrainFile};

/// Begins a drain, or changes the one there is; the running agent sees it within seconds.
pub(crate) fn begin(
    settings: &Settings,
    reason: &str,
    until: Option<Timestamp>,
) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    ensure!(
        !reason.trim().is_empty(),
        "`--reason` is empty; users are shown it"
    );
    ensure!(
        until.is_none_or(|until| until > now),
        "`--until` is in the past; now is {now}"
    );
    let drain = Drain {
        reason: reason.trim().to_owned(),
        until,
    };
    file(settings).write(&drain).with_context(|| {
        let folder = settings.agent.data_dir.display();
        format!("`{folder}` cannot be written; run this as the agent's own user")
    })?;
    let end = until.map_or_else(|| "`resume`".to_owned(), |until| until.to_string());
    say(&format!("drained until {end}; jobs that are here go on"))
}

pub(crate) fn end(settings: &Settings) -> anyhow::Result<ExitCode> {
    let was_drained = file(settings).remove().with_context(|| {
        let folder = settings.agent.data_dir.display();
        format!("`{folder}` cannot be written; run this as the agent's own user")
    })?;
    say(if was_drained {
        "resumed"
    } else {
        "nothing to do: the site was not drained here"
    })
}

fn file(settings: &Settings) -> DrainFile {
    DrainFile::of(&settings.agent.data_dir)
}

fn say(line: &str) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(ExitCode::SUCCESS)
}
