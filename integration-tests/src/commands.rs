use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use broker_auth::testing::Browser;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;
use url::Url;

use crate::program;

const LIMIT: Duration = Duration::from_mins(3);

/// What a program that ended had to say.
#[derive(Clone, Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Panics unless the exit code is this.
    #[must_use]
    pub fn with(self, code: i32) -> Self {
        let Self {
            code: got,
            stdout,
            stderr,
        } = &self;
        assert_eq!(*got, code, "stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

/// Runs a program to its end; it is killed when that takes more than three minutes.
pub(crate) async fn run(mut command: Command) -> Done {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(LIMIT, command.output())
        .await
        .expect("it ends in time");
    let output = output.expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
    Done {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The client as a person has it on a machine: a home folder, and where the broker is.
#[derive(Clone, Debug)]
pub struct Alcyone {
    home: PathBuf,
    broker: Url,
    environment: Vec<(String, PathBuf)>,
}

impl Alcyone {
    pub fn new(home: impl Into<PathBuf>, broker: &Url) -> Self {
        Self {
            home: home.into(),
            broker: broker.clone(),
            environment: Vec::new(),
        }
    }

    /// Trusts the certificates of a file in place of the machine's own.
    #[must_use]
    pub fn trusting(mut self, file: &Path) -> Self {
        self.environment
            .push(("SSL_CERT_FILE".to_owned(), file.to_owned()));
        self
    }

    /// The same person at another address of the broker; the login is kept by address.
    #[must_use]
    pub fn at(mut self, broker: &Url) -> Self {
        self.broker = broker.clone();
        self
    }

    /// `alcyone WORDS…`.
    pub async fn run(&self, words: &[&str]) -> Done {
        let mut command = self.command();
        command.args(words);
        run(command).await
    }

    /// `alcyone login`, with somebody at the browser who confirms it.
    pub async fn log_in(&self, person: &str) -> Done {
        let mut command = self.command();
        command
            .args(["login", "--json"])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut first = String::new();
        stdout
            .read_line(&mut first)
            .await
            .expect("stdout can be read");
        if let Ok(asked) = serde_json::from_str::<serde_json::Value>(&first) {
            let page = asked
                .get("verification_uri_complete")
                .and_then(serde_json::Value::as_str);
            let page = Url::parse(page.expect("an address with the code in it")).expect("a URL");
            Browser::new().approve_device(page, person).await;
        }
        let mut rest = String::new();
        let read = timeout(LIMIT, stdout.read_to_string(&mut rest))
            .await
            .expect("in time");
        read.expect("UTF-8");
        let ended = child.wait_with_output().await.expect("it ends");
        Done {
            code: ended.status.code().unwrap_or(-1),
            stdout: rest,
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program("alcyone"));
        command
            .arg("--broker")
            .arg(self.broker.as_str())
            .arg("--home")
            .arg(&self.home);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}
