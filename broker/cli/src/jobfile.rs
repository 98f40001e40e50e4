use std::path::Path;

use broker_model::{InvalidSpec, JobSpec};

use crate::exit::Failure;
use crate::written::Written;

/// Reads a job file. What is wrong is said with file and line before anything is sent.
pub(crate) fn read(path: &Path) -> Result<JobSpec, Failure> {
    let file = Written::open(path)?;
    let spec: JobSpec = file.read()?;
    spec.validate().map_err(|errors| {
        let said = errors
            .iter()
            .map(|error: &InvalidSpec| match file.line_of(&error.field) {
                Some(line) => format!("\n  line {line}: {error}"),
                None => format!("\n  {error}"),
            });
        Failure::Usage(format!(
            "{} is not a job that can be handed in:{}",
            file.name,
            said.collect::<String>()
        ))
    })?;
    Ok(spec)
}
