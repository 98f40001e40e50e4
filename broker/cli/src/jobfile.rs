use std::path::Path;

use anyhow::Context as _;
use broker_model::JobSpec;

use crate::exit::Failure;

/// Reads a job file: JSON if it is called so, else TOML. What is wrong is said with file and line
/// before anything is sent.
pub(crate) fn read(path: &Path) -> anyhow::Result<JobSpec> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let parsed = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())
    };
    let spec: JobSpec =
        parsed.map_err(|reason| Failure::Usage(format!("{}: {reason}", path.display())))?;
    spec.validate().map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("  {error}")).collect();
        Failure::Usage(format!("{}:\n{}", path.display(), lines.join("\n")))
    })?;
    Ok(spec)
}
