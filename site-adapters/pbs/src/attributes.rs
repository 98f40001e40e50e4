//! Attributes by their flat names (`Resource_List.walltime`), from either format that has them.

use std::collections::BTreeMap;

use crate::json::{self, NotJson, Value};

pub(crate) type Attributes = BTreeMap<String, String>;

/// What one answer tells, by name.
///
/// A name that is there twice is left out: a user's variable that broke the format could have put the
/// second one there, and neither is to be believed.
pub(crate) type Told = BTreeMap<String, Attributes>;

/// `qstat -f -F json`, and `-B`, `-Q`, `pbsnodes`: the objects under one key of the envelope. An
/// envelope without the key has none.
pub(crate) fn from_json(bytes: &[u8], key: &str) -> Result<Told, NotJson> {
    from_json_as(bytes, key, &|_, attributes| Some(attributes))
}

/// The same, each object read as it comes.
pub(crate) fn from_json_as<T>(
    bytes: &[u8],
    key: &str,
    read: &dyn Fn(&str, Attributes) -> Option<T>,
) -> Result<BTreeMap<String, T>, NotJson> {
    let mut told = Once(BTreeMap::new());
    json::each_under(bytes, key, &mut |name, object| {
        let mut attributes = Attributes::new();
        flatten("", &object, &mut attributes);
        let read = read(&name, attributes);
        told.put(name, read);
    })?;
    Ok(told.into())
}

/// The first of a repeated attribute counts: what a user can set is printed after what PBS sets.
fn flatten(prefix: &str, value: &Value, into: &mut Attributes) {
    match value {
        Value::Text(text) => {
            into.entry(prefix.to_owned())
                .or_insert_with(|| text.clone());
        }
        Value::List(items) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::text).collect();
            into.entry(prefix.to_owned())
                .or_insert_with(|| texts.join(","));
        }
        Value::Object(entries) => {
            for (name, inner) in entries {
                // Everybody's to set, and nothing of ours.
                if name == "Variable_List" || name == "Submit_arguments" {
                    continue;
                }
                let name = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(&name, inner, into);
            }
        }
    }
}

/// `qstat -f -w`: a line for each attribute, indented by four blanks. A line that looks like none
/// belongs to a value with a line break, and is passed over.
pub(crate) fn from_text(text: &str) -> Told {
    from_text_as(text, &|_, attributes| Some(attributes))
}

pub(crate) fn from_text_as<T>(
    text: &str,
    read: &dyn Fn(&str, Attributes) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut told = Once(BTreeMap::new());
    let mut current: Option<(String, Attributes)> = None;
    let mut put = |job: Option<(String, Attributes)>| {
        if let Some((id, attributes)) = job {
            let read = read(&id, attributes);
            told.put(id, read);
        }
    };
    for line in text.lines() {
        if let Some(id) = line.strip_prefix("Job Id: ") {
            put(current.take());
            current = Some((id.trim().to_owned(), Attributes::new()));
        } else if let Some((name, value)) = attribute(line)
            && let Some((_, attributes)) = &mut current
        {
            attributes
                .entry(name.to_owned())
                .or_insert_with(|| value.to_owned());
        }
    }
    put(current);
    told.into()
}

fn attribute(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("    ")?;
    let (name, value) = line.split_once(" = ")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let is_ours =
        name.chars().all(is_name) && name != "Variable_List" && name != "Submit_arguments";
    is_ours.then_some((name, value))
}

struct Once<T>(BTreeMap<String, Option<T>>);

impl<T> Once<T> {
    fn put(&mut self, name: String, read: Option<T>) {
        self.0
            .entry(name)
            .and_modify(|known| *known = None)
            .or_insert(read);
    }
}

impl<T> From<Once<T>> for BTreeMap<String, T> {
    fn from(once: Once<T>) -> Self {
        let told = once.0.into_iter();
        told.filter_map(|(name, read)| Some((name, read?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_without_the_key_is_empty_and_no_envelope_is_an_error() {
        assert!(
            from_json(br#"{"timestamp":1,"pbs_version":"23.06.06"}"#, "Jobs")
                .unwrap()
                .is_empty()
        );
        assert!(from_json(b"", "Jobs").is_err());
        assert!(from_json(b"[]", "Jobs").is_err());
    }

    #[test]
    fn nested_attributes_get_dotted_names() {
        let told = from_json(
            br#"{"Jobs":{"1.s":{"Resource_List":{"ncpus":8},"job_state":"Q"}}}"#,
            "Jobs",
        );
        let told = told.unwrap();
        assert_eq!(told["1.s"]["Resource_List.ncpus"], "8");
    }

    /// A user who breaks the format can name a job that is not theirs.
    #[test]
    fn a_job_that_is_told_of_twice_is_told_of_by_nobody() {
        let text = "Job Id: 1.s\n    Job_Name = a\n    Variable_List = A=x\nJob Id: 2.s\n    \
                    job_state = F\nJob Id: 2.s\n    job_state = R\n";
        let told = from_text(text);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["1.s"]);
        let json = br#"{"Jobs":{"2.s":{"job_state":"F"},"2.s":{"job_state":"R"}}}"#;
        assert!(from_json(json, "Jobs").unwrap().is_empty());
    }

    #[test]
    fn the_first_of_a_repeated_attribute_counts() {
        let told =
            from_text("Job Id: 1.s\n    job_state = R\n    comment = x\n    job_state = F\n");
        assert_eq!(told["1.s"]["job_state"], "R");
    }
}
