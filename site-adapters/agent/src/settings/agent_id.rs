use std::io::Write as _;
use std::path::Path;

use broker_model::{AgentId, Clock, Ids};

use super::{Settings, SettingsError};

const FILE: &str = "agent-id";

/// The agent's id: from the settings, or the one in `data_dir`, made at the first start.
pub fn agent_id(
    settings: &Settings,
    ids: &Ids,
    clock: &dyn Clock,
) -> Result<AgentId, SettingsError> {
    if let Some(id) = settings.agent.id {
        return Ok(id);
    }
    let path = settings.agent.data_dir.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|error| SettingsError::Invalid {
            path,
            key: "id".to_owned(),
            reason: format!("{error}; remove the file to get a new id"),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let id = ids.next(clock);
            keep(&settings.agent.data_dir, id)
                .map(|()| id)
                .map_err(|source| SettingsError::Unwritable { path, source })
        }
        Err(source) => Err(SettingsError::Unreadable { path, source }),
    }
}

/// Whole or not at all: a half-written id would stop every later start.
fn keep(data_dir: &Path, id: AgentId) -> std::io::Result<()> {
    std::fs::create_dir_all(data_dir)?;
    let draft = data_dir.join(format!("{FILE}.new"));
    let mut file = std::fs::File::create(&draft)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    std::fs::rename(&draft, data_dir.join(FILE))
}
