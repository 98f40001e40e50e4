use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use agent_link::InviteText;
use anyhow::Context as _;
use broker_model::{Clock as _, SystemClock};
use site_agent::Identity;
use site_agent::settings::{DataLock, Settings};

use crate::compose;

/// Longer is no invite, whatever is piped in.
const LONGEST_INVITE: u64 = 16 * 1024;

/// The invite from the command line, from a file, or from standard input.
pub(crate) fn invite(given: Option<&str>, file: Option<&Path>) -> anyhow::Result<InviteText> {
    let mut text = String::new();
    match (given, file) {
        (Some(given), _) => text.push_str(given),
        (None, Some(path)) => {
            let place = || path.display().to_string();
            let file = std::fs::File::open(path).with_context(place)?;
            file.take(LONGEST_INVITE)
                .read_to_string(&mut text)
                .with_context(place)?;
        }
        (None, None) => {
            let input = std::io::stdin().lock();
            input.take(LONGEST_INVITE).read_to_string(&mut text)?;
        }
    }
    Ok(text.parse()?)
}

pub(crate) async fn enrol(settings: &Settings, invite: &InviteText) -> anyhow::Result<ExitCode> {
    if invite.site != settings.agent.site {
        let reason = format!("the invite is for the site {}", invite.site);
        return Err(settings.invalid("agent.site", reason).into());
    }
    Identity::must_be_ours(&settings.agent.data_dir)?;
    let _held = DataLock::hold(settings).await?;
    let config = settings.link_config();
    let enrolled = site_agent::enrol(&config, invite, host(), SystemClock.now()).await?;
    say(&format!(
        "enrolled: {} of {}, at {}",
        enrolled.agent, enrolled.site, enrolled.broker
    ))
}

/// Beside a running agent, which takes the new key up by itself.
pub(crate) async fn rotate(settings: &Settings) -> anyhow::Result<ExitCode> {
    Identity::must_be_ours(&settings.agent.data_dir)?;
    let link = compose::link(settings)?;
    let until = link.rotate(SystemClock.now()).await?;
    say(&format!(
        "the new key is in force; the old one counts until {until}"
    ))
}

fn say(line: &str) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(ExitCode::SUCCESS)
}

/// For the list of the site's agents.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}
