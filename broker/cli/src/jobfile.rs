use std::path::Path;

use broker_model::{InvalidSpec, JobSpec};
use toml::de::{DeTable, DeValue};

use crate::exit::Failure;

/// Reads a job file: JSON if it is called so, else TOML. What is wrong is said with file and line
/// before anything is sent.
pub(crate) fn read(path: &Path) -> Result<JobSpec, Failure> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{name} cannot be read: {error}")))?;
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let parsed = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())
    };
    let spec: JobSpec =
        parsed.map_err(|reason| Failure::Usage(format!("{name}: {}", plain(&reason))))?;
    spec.validate().map_err(|errors| {
        let line = |error: &InvalidSpec| {
            if is_json {
                None
            } else {
                line_of(&text, &error.field)
            }
        };
        let said = errors.iter().map(|error| match line(error) {
            Some(line) => format!("\n  line {line}: {error}"),
            None => format!("\n  {error}"),
        });
        Failure::Usage(format!(
            "{name} is not a job that can be handed in:{}",
            said.collect::<String>()
        ))
    })?;
    Ok(spec)
}

/// Rust's names of numbers mean nothing to who writes a job.
fn plain(reason: &str) -> String {
    reason.replace("expected u32", "expected a whole number, not negative")
}

/// The line where a field such as `variants."x86_64+cuda".script` is set, or the table it is missing in.
fn line_of(text: &str, field: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut at = None;
    for key in keys(field) {
        let Some((name, value)) = table.get_key_value(key) else {
            break;
        };
        at = Some(name.span().start);
        let DeValue::Table(inner) = value.get_ref() else {
            break;
        };
        table = inner;
    }
    Some(text.get(..at?)?.matches('\n').count() + 1)
}

/// The parts of a dotted key; a quoted one may hold dots.
fn keys(field: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let parts = field.split(move |c: char| {
        quoted ^= c == '"';
        c == '.' && !quoted
    });
    parts.map(|part| part.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_at_its_line_however_it_is_written() {
        let text = "name = \"x\"\n[resources]\nnodes = 1\n\n[variants.\"x86_64+cuda\"]\nscript = \"\"\n[variants]\n\"a.b\" = { script = \"\" }\n";
        for (field, line) in [
            ("name", Some(1)),
            ("resources.nodes", Some(3)),
            ("variants.\"x86_64+cuda\".script", Some(6)),
            ("resources.gpus_per_node", Some(2)),
            ("nothing", None),
        ] {
            let text = text.split("[variants]").next().unwrap();
            assert_eq!(line_of(text, field), line, "{field}");
        }
        assert_eq!(
            keys("variants.\"a.b\".script").collect::<Vec<_>>(),
            ["variants", "a.b", "script"]
        );
    }
}
