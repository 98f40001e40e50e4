//! The README's examples of `alcyone` and `alcyone-agent`, run against the demo it tells the reader to
//! start: what is printed there is what the programs print, but for ids, times and numbers.

mod at_sites;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use broker_auth::dev_issuer::approve_device;
use broker_model::{Clock as _, SystemClock};
use integration_tests::{Running, program, until};
use regex_lite::Regex;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

const README: &str = include_str!("../../../README.md");
const LIMIT: Duration = Duration::from_mins(2);

/// Before the verb of `alcyone-agent`.
const OF_AGENTS: [&str; 2] = ["--config", "agent.toml"];

/// What an operator may not do for a site.
const OF_PEOPLE: [&str; 5] = ["confirmations", "confirm", "decline", "handoffs", "report"];

/// The programs whose examples are run.
const PROGRAMS: [&str; 2] = ["alcyone", "alcyone-agent"];

/// A command of the README and the lines below it.
#[derive(Debug)]
struct Example {
    program: &'static str,
    words: Vec<String>,
    lines: Vec<String>,
}

#[tokio::test]
async fn the_readme_shows_what_the_client_prints() {
    let reader = Reader::arrive().await;
    let mut jobs = BTreeMap::new();
    let mut seen = Vec::new();
    for example in examples() {
        let words = reader.words(&example.words, &jobs);
        let said = match example.program {
            "alcyone" => reader.run(&words).await,
            _ => reader.at_a_site(&words).await,
        };
        // Jobs are named first where they are handed in, and where they wait for a person.
        if words[0] == "submit" || example.program != "alcyone" {
            jobs.insert(first_word(&example.lines[0]), first_word(&said));
        }
        // What a site's administrator set is ended by the id that it has here, and so is what waits for
        // its people.
        let shown = ids(&example.lines.join("\n"));
        jobs.extend(shown.into_iter().zip(ids(&said)));
        let (expected, got) = (shapes(&example.lines.join("\n")), shapes(&said));
        assert!(
            fits(&expected, &got),
            "the README shows for `{} {}`:\n{}\nit prints:\n{said}",
            example.program,
            words.join(" "),
            example.lines.join("\n")
        );
        let verb = words.iter().find(|it| !OF_AGENTS.contains(&it.as_str()));
        seen.push((example.program, verb.unwrap().clone()));
    }
    for verb in [
        "login", "whoami", "check", "quote", "submit", "jobs", "show", "logs", "cancel", "sites",
        "site", "usage", "audit", "handoff",
    ] {
        let is_it = |(program, it): &(&str, String)| *program == "alcyone" && it == verb;
        assert!(seen.iter().any(is_it), "`{verb}` is not shown");
    }
    for verb in ["confirm", "handoff"] {
        let is_it = |(program, it): &(&str, String)| *program == "alcyone-agent" && it == verb;
        assert!(
            seen.iter().any(is_it),
            "`alcyone-agent {verb}` is not shown"
        );
    }
}

/// Ids of what is set at a site and of what is carried there, in the order they stand there.
fn ids(text: &str) -> Vec<String> {
    let id = Regex::new("(win|drn|inc|vet|att)_[0-9a-f]{32}").unwrap();
    id.find_iter(text)
        .map(|it| it.as_str().to_owned())
        .collect()
}

fn first_word(line: &str) -> String {
    line.split(' ').next().unwrap().to_owned()
}

/// All that a `console` block says of our programs.
fn examples() -> Vec<Example> {
    let mut all: Vec<Example> = Vec::new();
    for block in README.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let mut ours = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                let typed = command.split(' ').next().unwrap();
                let program = PROGRAMS.into_iter().find(|it| *it == typed);
                ours = program.is_some();
                if let Some(program) = program {
                    let command = command.split(" #").next().unwrap();
                    let words = command.split_whitespace().skip(1);
                    all.push(Example {
                        program,
                        words: words.map(|w| w.trim_matches('\'').to_owned()).collect(),
                        lines: Vec::new(),
                    });
                }
            } else if ours {
                all.last_mut().unwrap().lines.push(line.to_owned());
            }
        }
    }
    all
}

/// Lines without what differs from run to run: ids, hashes, numbers, widths of columns.
fn shapes(text: &str) -> Vec<String> {
    let id = Regex::new("(per|prj|alc|job|att|org|dec|win|drn|inc|vet)_[0-9a-f]{32}").unwrap();
    let hash = Regex::new("[0-9a-f]{64}").unwrap();
    let code = Regex::new("[A-Z]{4}-[A-Z]{4}").unwrap();
    let number = Regex::new("[0-9]+([.,:][0-9]+)*").unwrap();
    let shape = |line: &str| {
        let line = id.replace_all(line, "$1");
        let line = hash.replace_all(&line, "HASH");
        let line = code.replace_all(&line, "CODE");
        let line = number.replace_all(&line, "N");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    text.lines()
        .map(shape)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Whether the lines are these, with any number of others where `…` stands.
fn fits(expected: &[String], got: &[String]) -> bool {
    match expected.split_first() {
        None => got.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=got.len()).any(|skipped| fits(rest, &got[skipped..]))
        }
        Some((first, rest)) => got
            .split_first()
            .is_some_and(|(line, later)| line == first && fits(rest, later)),
    }
}

/// The job files that the README says how to make, and what a site's administrator writes down.
fn by_people(folder: &Path) {
    let job = std::fs::read_to_string(folder.join("job.toml")).unwrap();
    assert!(job.contains("require = []"), "{job}");
    for (name, site) in [("asked.toml", "hammerhai"), ("carried.toml", "lumi")] {
        let required = format!("require = [\"{site}\"]");
        let text = job.replace("require = []", &required);
        std::fs::write(folder.join(name), text).unwrap();
    }
    let now = SystemClock.now();
    let submitted =
        serde_json::json!({ "event": "submitted", "remote_id": "4711", "submitted_at": now });
    let ended = serde_json::json!({ "event": "ended", "ended_at": now,
        "outcome": { "kind": "completed", "exit_code": 0, "site_words": "COMPLETED" },
        "usage": { "started_at": now, "ended_at": now, "nodes": 1, "scheduler_gpus": 8, "cpus": 56 } });
    for (name, told) in [("submitted.json", submitted), ("ended.json", ended)] {
        std::fs::write(folder.join(name), told.to_string()).unwrap();
    }
}

/// Standard output of a program that ends well.
async fn printed_by(command: &mut tokio::process::Command) -> String {
    let output = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let words = text(output.stderr);
    assert!(output.status.success(), "{command:?}: {words}");
    text(output.stdout)
}

/// Somebody who has started the demo and opened another terminal.
struct Reader {
    folder: tempfile::TempDir,
    broker: String,
    _demo: Running,
}

impl Reader {
    async fn arrive() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program("alcyone-broker"));
        command
            .args(["demo", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data/demo"));
        let mut demo = Running::start("the demo", &mut command, &folder.path().join("demo.log"));
        let portal = Regex::new("The portal is at (http://[0-9.:]+)/ \\(pick").unwrap();
        let broker = until("the demo serves", LIMIT, async || {
            assert!(demo.exited().is_none(), "it ended: {}", demo.said());
            Some(portal.captures(&demo.said())?[1].to_owned())
        })
        .await;
        let job = folder.path().join("data/demo/client/engineer/job.toml");
        std::fs::copy(job, folder.path().join("job.toml")).unwrap();
        by_people(folder.path());
        let sites = folder.path().join("config/sites");
        std::fs::create_dir_all(&sites).unwrap();
        let lumi = include_str!("../../../config/sites/lumi.toml");
        std::fs::write(sites.join("lumi.toml"), lumi).unwrap();
        Self {
            folder,
            broker,
            _demo: demo,
        }
    }

    /// The README's jobs are those that were handed in here, its key the one of this ledger.
    fn words(&self, shown: &[String], jobs: &BTreeMap<String, String>) -> Vec<String> {
        let word = |word: &String| match word.as_str() {
            id if id.starts_with("job_") || !ids(id).is_empty() => jobs[id].clone(),
            key if key.ends_with("/ledger+…") => self.ledger_key(),
            other => other.to_owned(),
        };
        shown.iter().map(word).collect()
    }

    /// What `audit export` told to trust.
    fn ledger_key(&self) -> String {
        let export = std::fs::read_to_string(self.folder.path().join("ledger.jsonl")).unwrap();
        let first = export.lines().next().unwrap();
        let header: serde_json::Value = serde_json::from_str(first).unwrap();
        header["keys"][0].as_str().unwrap().to_owned()
    }

    /// Standard output; an export is the auditor's, a site the operator's, what waits for its people
    /// theirs, all else the engineer's.
    async fn run(&self, words: &[String]) -> String {
        let export = words.iter().any(|word| word == "export");
        let verb = words.first().map_or("", String::as_str);
        let person = match verb {
            _ if export => "auditor",
            "site"
                if words
                    .get(1)
                    .is_some_and(|verb| OF_PEOPLE.contains(&verb.as_str())) =>
            {
                "site-admin"
            }
            "site" => "operator",
            _ => "engineer",
        };
        let home = self.folder.path().join(person);
        if verb == "login" {
            return self.log_in(&home, person).await;
        }
        if person != "engineer" && !home.is_dir() {
            self.log_in(&home, person).await;
        }
        let mut command = self.alcyone(&home);
        printed_by(command.args(words)).await
    }

    async fn log_in(&self, home: &Path, person: &str) -> String {
        let mut login = self.alcyone(home);
        let mut child = login.arg("login").stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("user_code=") {
            assert_ne!(stdout.read_line(&mut said).await.unwrap(), 0, "{said}");
        }
        let page = Regex::new("(http[^ ]*)/device\\?user_code=([A-Z-]+)").unwrap();
        let page = page.captures(&said).unwrap();
        let (issuer, code) = (page[1].to_owned(), page[2].to_owned());
        approve_device(&issuer, &code, person).await.unwrap();
        stdout.read_to_string(&mut said).await.unwrap();
        assert!(child.wait().await.unwrap().success());
        said
    }

    fn alcyone(&self, home: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program("alcyone"));
        command
            .env("ALCYONE_BROKER", &self.broker)
            .env("ALCYONE_HOME", home)
            .current_dir(self.folder.path())
            .kill_on_drop(true);
        command
    }
}
