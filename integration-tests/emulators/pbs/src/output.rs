//! JSON as PBS writes it: by hand in the release, by a library on the development branch.

use std::fmt::Write as _;

use crate::state::SERVER;
use crate::times::now;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Four blanks, no line end at the end, numbers guessed by their looks, `nan` bare.
    Release,
    /// Tabs.
    Main,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// As it stands: a number, or what should have been quoted.
    Bare(String),
    Text(String),
    List(Vec<String>),
    Object(Vec<(String, Value)>),
}

impl Value {
    /// What looks like a number becomes one, be it somebody's name; `nan` does too, in the release.
    pub(crate) fn guessed(text: &str, dialect: Dialect) -> Self {
        let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
        let is_poison = matches!(text, "nan" | "inf" | "-inf") && dialect == Dialect::Release;
        if is_number || is_poison {
            return Self::Bare(text.to_owned());
        }
        Self::Text(text.to_owned())
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn write(&self, depth: usize, dialect: Dialect, out: &mut String) {
        match self {
            Self::Bare(text) => out.push_str(text),
            Self::Text(text) => quote(text, out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    indent(depth + 1, dialect, out);
                    quote(item, out);
                }
                indent(depth, dialect, out);
                out.push(']');
            }
            Self::Object(entries) => {
                out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    indent(depth + 1, dialect, out);
                    quote(key, out);
                    out.push_str(if dialect == Dialect::Main { ":\t" } else { ":" });
                    value.write(depth + 1, dialect, out);
                }
                indent(depth, dialect, out);
                out.push('}');
            }
        }
    }
}

fn indent(depth: usize, dialect: Dialect, out: &mut String) {
    out.push('\n');
    out.push_str(
        &if dialect == Dialect::Main {
            "\t"
        } else {
            "    "
        }
        .repeat(depth),
    );
}

/// Bytes beyond ASCII come out mangled, a quotation mark among them: then it is no JSON.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii() => out.push(c),
            _ => out.push_str("^\"^\u{5c}"),
        }
    }
    out.push('"');
}

/// The envelope; without the key at all where there is nothing.
pub(crate) fn envelope(list: Option<(&str, Vec<(String, Value)>)>, dialect: Dialect) -> String {
    let mut entries = vec![
        ("timestamp".to_owned(), Value::Bare(now().to_string())),
        ("pbs_version".to_owned(), Value::text("23.06.06")),
        ("pbs_server".to_owned(), Value::text(SERVER)),
    ];
    if let Some((key, objects)) = list.filter(|(_, objects)| !objects.is_empty()) {
        entries.push((key.to_owned(), Value::Object(objects)));
    }
    let mut out = String::new();
    Value::Object(entries).write(0, dialect, &mut out);
    if dialect == Dialect::Main {
        out.push('\n');
    }
    out
}

/// `qstat -f -w`.
pub(crate) fn text(id: &str, attributes: &[(String, Value)]) -> String {
    let mut out = format!("Job Id: {id}\n");
    for (name, value) in attributes {
        lines(name, value, &mut out);
    }
    out.push('\n');
    out
}

fn lines(name: &str, value: &Value, out: &mut String) {
    match value {
        Value::Bare(text) | Value::Text(text) => drop(writeln!(out, "    {name} = {text}")),
        Value::List(items) => drop(writeln!(out, "    {name} = {}", items.join(","))),
        Value::Object(entries) if name == "Variable_List" => {
            let words: Vec<String> = entries
                .iter()
                .map(|(key, value)| match value {
                    Value::Bare(text) | Value::Text(text) => format!("{key}={text}"),
                    Value::List(_) | Value::Object(_) => key.clone(),
                })
                .collect();
            let _ = writeln!(out, "    {name} = {}", words.join(","));
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                lines(&format!("{name}.{key}"), value, out);
            }
        }
    }
}
