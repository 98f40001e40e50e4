use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use broker_model::SiteId;
use url::Url;

use crate::program;

const LIMIT: Duration = Duration::from_mins(1);

/// How agents of a site come in at an installation.
#[derive(Clone, Debug)]
pub struct Enrolment {
    pub site: SiteId,
    pub broker_config: PathBuf,
    /// The replicas themselves.
    pub doors: Vec<Url>,
    pub ca_file: Option<PathBuf>,
}

impl Enrolment {
    /// The line that `alcyone-broker invite` prints.
    pub fn invite(&self) -> String {
        let mut command = Command::new(program("alcyone-broker"));
        command
            .args(["invite", "--config"])
            .arg(&self.broker_config)
            .arg(self.site.as_str());
        let done = command.output().expect("the program starts");
        assert!(done.status.success(), "{}", said(&done));
        String::from_utf8(done.stdout).expect("UTF-8")
    }

    /// Runs `alcyone-agent enrol` until a replica that is up lets it in.
    pub(crate) fn enrol(&self, folder: &Path, config: &Path) {
        let invite = self.invite();
        let started = Instant::now();
        for door in self.doors.iter().cycle() {
            let done = self.try_at(door, folder, config, &invite);
            if done.status.success() {
                return;
            }
            assert!(started.elapsed() < LIMIT, "{}", said(&done));
        }
    }

    fn try_at(&self, door: &Url, folder: &Path, config: &Path, invite: &str) -> Output {
        let text = std::fs::read_to_string(config).expect("the agent's configuration");
        let mut settings: toml::Table = toml::from_str(&text).expect("TOML");
        let agent = settings
            .get_mut("agent")
            .and_then(toml::Value::as_table_mut);
        let agent = agent.expect("the section is there");
        agent.insert("broker".to_owned(), door.to_string().into());
        if let Some(ca_file) = &self.ca_file {
            agent.insert("ca_file".to_owned(), ca_file.display().to_string().into());
        }
        let file = folder.join("enrol.toml");
        let text = toml::to_string(&settings).expect("TOML");
        std::fs::write(&file, text).expect("a file");
        let mut child = Command::new(program("alcyone-agent"))
            .arg("--config")
            .arg(file)
            .arg("enrol")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(invite.as_bytes()).expect("it reads");
        drop(input);
        child.wait_with_output().expect("it ends")
    }
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}
