//! What the shape of a job's description cannot say.

use serde::{Deserialize, Serialize};

use super::{After, ArraySpec, JobSpec, Resources, Variant};

/// A field whose value cannot be accepted: where, why, and what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: {reason}; allowed: {allowed}")]
pub struct InvalidSpec {
    pub field: String,
    pub reason: String,
    pub allowed: String,
}

impl JobSpec {
    /// Checks every field that ends up at a site and returns all that is wrong, not the first.
    pub fn validate(&self) -> Result<(), Vec<InvalidSpec>> {
        let mut wrong = Vec::new();
        check_name(&self.name, &mut wrong);
        self.resources.validate(&mut wrong);
        if self.variants.is_empty() {
            wrong.push(invalid(
                "variants",
                "there is none",
                "at least one, as `[variants.\"x86_64+cuda\"]`",
            ));
        }
        for (target, variant) in &self.variants {
            variant.validate(&format!("variants.\"{target}\""), &mut wrong);
        }
        if let Some(residency) = &self.data.residency {
            let is_code = residency.len() == 2 && residency.bytes().all(|b| b.is_ascii_uppercase());
            if !is_code {
                wrong.push(invalid(
                    "data.residency",
                    "not a country code",
                    "`EU` or two capital letters (ISO 3166-1)",
                ));
            }
        }
        if let Some(array) = &self.array {
            array.validate(self.resources.nodes, &mut wrong);
        }
        check_after(&self.after, &mut wrong);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

impl ArraySpec {
    fn validate(self, nodes: u32, wrong: &mut Vec<InvalidSpec>) {
        if !(1..=Self::MAX_TASKS).contains(&self.tasks) {
            wrong.push(invalid(
                "array.tasks",
                &format!("{} is out of range", self.tasks),
                &format!("1 to {}", Self::MAX_TASKS),
            ));
        }
        if self.at_once == Some(0) {
            wrong.push(invalid(
                "array.at_once",
                "none could ever start",
                "at least 1, or leave it out",
            ));
        }
        if nodes != 1 {
            wrong.push(invalid(
                "resources.nodes",
                "each task of an array runs on one node",
                "1, or no `array`",
            ));
        }
    }
}

fn check_after(after: &[After], wrong: &mut Vec<InvalidSpec>) {
    if after.len() > JobSpec::MAX_AFTER {
        wrong.push(invalid(
            "after",
            &format!("it names {} jobs", after.len()),
            &format!("at most {}", JobSpec::MAX_AFTER),
        ));
    }
    for (position, one) in after.iter().enumerate() {
        if after
            .iter()
            .take(position)
            .any(|other| other.job == one.job)
        {
            wrong.push(invalid(
                &format!("after[{position}].job"),
                "the job is named twice",
                "each job once",
            ));
        }
    }
}

impl Resources {
    fn validate(&self, wrong: &mut Vec<InvalidSpec>) {
        let mut within = |field: &str, value: u32, from: u32, to: u32| {
            if !(from..=to).contains(&value) {
                wrong.push(invalid(
                    &format!("resources.{field}"),
                    &format!("{value} is out of range"),
                    &format!("{from} to {to}"),
                ));
            }
        };
        within("nodes", self.nodes, 1, 100_000);
        within("gpus_per_node", self.gpus_per_node, 0, 1024);
        within(
            "gpu_memory_gib",
            self.gpu_memory_gib.unwrap_or(1),
            1,
            65_536,
        );
        within("cpus_per_node", self.cpus_per_node.unwrap_or(1), 1, 65_536);
        within(
            "memory_gib_per_node",
            self.memory_gib_per_node.unwrap_or(1),
            1,
            1_048_576,
        );
    }
}

impl Variant {
    fn validate(&self, at: &str, wrong: &mut Vec<InvalidSpec>) {
        if self.script.trim().is_empty() {
            wrong.push(invalid(
                &format!("{at}.script"),
                "it is empty",
                "a shell script",
            ));
        }
        if self.script.len() > JobSpec::MAX_SCRIPT_BYTES {
            wrong.push(invalid(
                &format!("{at}.script"),
                "it is too long",
                "at most 256 KiB",
            ));
        }
        if self.script.contains('\0') {
            wrong.push(invalid(
                &format!("{at}.script"),
                "it holds a NUL byte",
                "text",
            ));
        }
        if self.image.as_deref().is_some_and(|image| !is_image(image)) {
            wrong.push(invalid(
                &format!("{at}.image"),
                "not an image reference",
                "`docker://host/path:tag`, `oras://host/path:tag` or an absolute path ending in `.sif`, \
                 of letters, digits and `. _ - / : @`",
            ));
        }
    }
}

fn check_name(name: &str, wrong: &mut Vec<InvalidSpec>) {
    let fits = (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !fits {
        wrong.push(invalid(
            "name",
            "it holds a character that schedulers treat in different ways, or is too long",
            "1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit",
        ));
    }
}

pub(super) fn is_image(image: &str) -> bool {
    let rest = ["docker://", "oras://"]
        .iter()
        .find_map(|scheme| image.strip_prefix(scheme));
    let fits = |text: &str| {
        !text.is_empty()
            && text.len() <= 512
            && !text.contains("..")
            && text.bytes().all(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b':' | b'@')
            })
    };
    match rest {
        Some(rest) => fits(rest) && !rest.starts_with(['/', '-', '.']),
        None => image.starts_with('/') && image.strip_suffix(".sif").is_some() && fits(image),
    }
}

fn invalid(field: &str, reason: &str, allowed: &str) -> InvalidSpec {
    InvalidSpec {
        field: field.to_owned(),
        reason: reason.to_owned(),
        allowed: allowed.to_owned(),
    }
}
