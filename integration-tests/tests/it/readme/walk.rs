//! The `sh` blocks of *Use it*, typed line by line: a start-up registers, applies, is let in, brings in a
//! colleague, and reports. `export ALCYONE_HOME=…` says who types; an id that ends in `…` is the last of its
//! kind that was printed.

use std::path::Path;
use std::process::Stdio;

use regex_lite::Regex;
use tokio::io::AsyncWriteExt as _;

use super::{README, Reader};

/// What the reader has written beside the README's own files.
const PROFILE: &str = r#"
side = "startup"
sectors = ["health"]
seeks = "a hospital with images"
offers = "models that find fractures"
contact = "hello@pleione.example"
"#;

/// Who types, what was printed last of each kind of id, and the code of an invitation.
struct Walk<'a> {
    reader: &'a Reader,
    person: String,
    printed: String,
    code: String,
}

#[tokio::test]
async fn the_readme_takes_a_start_up_to_its_hours_and_to_its_report() {
    let reader = Reader::arrive().await;
    let folder = reader.folder.path();
    std::fs::write(folder.join("profile.toml"), PROFILE).unwrap();
    std::fs::write(folder.join("assessment.pdf"), "%PDF-1.7\n%%EOF\n").unwrap();
    let mut walk = Walk {
        reader: &reader,
        person: String::new(),
        printed: String::new(),
        code: String::new(),
    };
    let mut typed = 0;
    for line in lines() {
        walk.line(&line).await;
        typed += 1;
    }
    assert!(typed > 30, "{typed} lines were read");
}

/// The lines of the section's `sh` blocks, without their comments.
fn lines() -> Vec<String> {
    let section = README.split("\n## Use it").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let line = |line: &str| line.split(" #").next().unwrap().trim().to_owned();
    let lines = blocks.flat_map(str::lines).map(line);
    lines.filter(|line| !line.is_empty()).collect()
}

/// The words of a line as a shell has them; double quotes keep one together.
fn words(line: &str) -> Vec<String> {
    let word = Regex::new(r#""([^"]*)"|(\S+)"#).unwrap();
    let words = word.captures_iter(line);
    words
        .map(|it| it.get(1).or(it.get(2)).unwrap().as_str().to_owned())
        .collect()
}

impl Walk<'_> {
    async fn line(&mut self, line: &str) {
        if let Some(person) = line.strip_prefix("export ALCYONE_HOME=") {
            person.clone_into(&mut self.person);
            return;
        }
        let (line, into) = line
            .split_once(" > ")
            .map_or((line, None), |(line, file)| (line, Some(file)));
        let mut words = words(line);
        assert_eq!(words.remove(0), "alcyone", "{line}");
        let words: Vec<String> = words.iter().map(|word| self.known(word)).collect();
        let said = self.typed(&words).await;
        if let Some(file) = into {
            fill_in(&self.reader.folder.path().join(file), &said);
        }
        if words.contains(&"invite".to_owned()) {
            said.trim().clone_into(&mut self.code);
        }
        self.printed.push_str(&said);
    }

    async fn typed(&self, words: &[String]) -> String {
        let home = self.reader.folder.path().join(&self.person);
        if words[0] == "login" {
            return self.reader.log_in(&home, &self.person).await;
        }
        let mut command = self.reader.alcyone(&home);
        command.args(words).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let code = format!("{}\n", self.code);
        // Whoever reads nothing may have ended before this is written.
        let _closed = child.stdin.take().unwrap().write_all(code.as_bytes()).await;
        let output = child.wait_with_output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (said, told) = (text(output.stdout), text(output.stderr));
        let who = &self.person;
        // "No route is open yet" is an answer.
        let answers = words[0] == "routes" && output.status.code() == Some(1);
        assert!(
            output.status.success() || answers,
            "{who}: alcyone {}\n{said}{told}",
            words.join(" ")
        );
        said
    }

    /// The word with the last id of its kind.
    fn known(&self, word: &str) -> String {
        let Some(kind) = word.strip_suffix("_…") else {
            return word.to_owned();
        };
        let id = Regex::new(&format!("{kind}_[0-9a-f]{{32}}")).unwrap();
        let last = id.find_iter(&self.printed).last();
        last.unwrap_or_else(|| panic!("no {word} was printed"))
            .as_str()
            .to_owned()
    }
}

/// What a founder writes into the form.
fn fill_in(file: &Path, form: &str) {
    let answer = |line: &str| match line.split(" = ").next().unwrap() {
        "sectors" => "sectors = [\"health\"]".to_owned(),
        "# civilian" => "civilian = true".to_owned(),
        "# eu_project" => "eu_project = false".to_owned(),
        "gpu_hours" => "gpu_hours = 5000".to_owned(),
        "months" => "months = 3".to_owned(),
        key if line.ends_with("= \"\"") => format!("{key} = \"As our plan says.\""),
        _ => line.to_owned(),
    };
    let filled: Vec<String> = form.lines().map(answer).collect();
    std::fs::write(file, filled.join("\n")).unwrap();
}
