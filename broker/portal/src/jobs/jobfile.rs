//! Reading a job file as somebody typed it, and saying where it is wrong.

use broker_model::{InvalidSpec, JobSpec};

/// What is wrong with a job file, as near to the place as it can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// From 1.
    pub(crate) line: Option<usize>,
    pub(crate) field: Option<String>,
    pub(crate) words: String,
    pub(crate) allowed: Option<String>,
}

/// Forms send line ends as CR LF; a shell would take the CR for part of a command.
pub(crate) fn normalized(text: &str) -> String {
    text.replace("\r\n", "\n")
}

pub(crate) fn read(text: &str) -> Result<JobSpec, Vec<Fault>> {
    let spec: JobSpec = toml::from_str(text).map_err(|error| vec![Fault::of_toml(text, &error)])?;
    spec.validate().map_err(|faults| faults_in(text, faults))?;
    Ok(spec)
}

/// The same faults with the lines they are in.
pub(crate) fn faults_in(text: &str, faults: Vec<InvalidSpec>) -> Vec<Fault> {
    let fault = |fault: InvalidSpec| Fault {
        line: line_of_field(text, &fault.field),
        field: Some(fault.field),
        words: fault.reason,
        allowed: Some(fault.allowed),
    };
    faults.into_iter().map(fault).collect()
}

impl Fault {
    fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map(|span| span.start);
        let line = start.map(|start| 1 + text.bytes().take(start).filter(|b| *b == b'\n').count());
        let (words, allowed) = match error.message().split_once(", expected ") {
            Some((words, allowed)) => (words, Some(allowed.to_owned())),
            None => (error.message(), None),
        };
        Self {
            field: line.and_then(|line| field_at(text, line)),
            line,
            words: words.to_owned(),
            allowed,
        }
    }
}

/// The full name of the key on a line: the table it is in, then its own.
fn field_at(text: &str, line: usize) -> Option<String> {
    let key = key_of(text.lines().nth(line.checked_sub(1)?)?);
    let table = table_above(text, line);
    let parts: Vec<&str> = table.into_iter().chain(key).collect();
    (!parts.is_empty()).then(|| parts.join("."))
}

fn key_of(line: &str) -> Option<&str> {
    let key = line.split_once('=')?.0.trim();
    (!key.is_empty() && !key.starts_with(['#', '['])).then_some(key)
}

fn table_of(line: &str) -> Option<&str> {
    let inside = line.trim().strip_prefix('[')?;
    inside.rsplit_once(']').map(|(name, _)| name.trim())
}

fn table_above(text: &str, line: usize) -> Option<&str> {
    text.lines().take(line).filter_map(table_of).last()
}

fn line_of_field(text: &str, field: &str) -> Option<usize> {
    let whole = |at: usize| field_at(text, at).is_some_and(|found| found == field);
    let lines = 1..=text.lines().count();
    let table = |at: &usize| text.lines().nth(at - 1).and_then(table_of) == Some(field);
    lines
        .clone()
        .find(|at| whole(*at))
        .or_else(|| lines.clone().find(table))
}

/// The job's specification as a file, as it was accepted.
pub(crate) fn write(spec: &JobSpec) -> Result<String, toml::ser::Error> {
    toml::to_string_pretty(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "name = \"train\"\nproject = \"prj_0192f0c1d2e37abc8def0123456789ab\"\n\
        [resources]\nnodes = 1\nwalltime = \"1h\"\n[variants.\"x86_64+cuda\"]\nscript = \"true\"\n";

    #[test]
    fn a_job_file_of_a_form_is_read_and_its_script_has_no_carriage_return() {
        let sent = JOB
            .replace("\"true\"", "\"\"\"\na\nb\n\"\"\"")
            .replace('\n', "\r\n");
        let spec = read(&normalized(&sent)).unwrap();
        assert_eq!(spec.variants.values().next().unwrap().script, "a\nb\n");
    }

    #[test]
    fn an_unknown_field_is_named_with_its_line_and_what_is_allowed() {
        let faults = read(&JOB.replace("nodes", "nodez")).unwrap_err();
        let [fault] = faults.as_slice() else {
            panic!("{faults:?}")
        };
        assert_eq!(
            (fault.line, fault.field.as_deref()),
            (Some(4), Some("resources.nodez"))
        );
        assert_eq!(fault.words, "unknown field `nodez`");
        assert!(
            fault.allowed.as_deref().unwrap().contains("`nodes`"),
            "{fault:?}"
        );
    }

    #[test]
    fn every_value_out_of_range_is_named_with_its_line() {
        let faults = read(
            &JOB.replace("train", "a b")
                .replace("nodes = 1", "nodes = 0"),
        )
        .unwrap_err();
        let places: Vec<_> = faults
            .iter()
            .map(|f| (f.line, f.field.as_deref().unwrap()))
            .collect();
        assert_eq!(places, [(Some(1), "name"), (Some(4), "resources.nodes")]);
    }

    #[test]
    fn text_that_is_no_toml_is_a_fault_with_a_line() {
        for text in ["", "[", "name = ", "\u{0}", "= = =", "name = \"é\n"] {
            let faults = read(text).unwrap_err();
            assert_eq!(faults.len(), 1, "{text:?}");
        }
    }
}
