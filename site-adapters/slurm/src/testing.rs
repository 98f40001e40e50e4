//! A real Slurm cluster with slurmrestd on loopback, for tests.
//!
//! It runs in namespaces of its own and needs root with `CAP_SYS_ADMIN`, `unshare`, `flock` and
//! `apt-get`; see `integration-tests/services/slurm/slurm-site.sh`, which does the work.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{ApiChoice, PartitionSettings, SlurmSettings, TokenSource};

/// A Debian release and the Slurm that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Slurm 22.05, API v0.0.38.
    Bookworm,
    /// Slurm 24.11, API v0.0.40 to v0.0.42.
    Trixie,
    /// Debian testing: Slurm 26.05, API v0.0.42 to v0.0.45.
    Forky,
}

impl Suite {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Forky => "forky",
        }
    }
}

/// A running cluster with the users `alice` and `bob` in the account `lab`, and one partition `main`.
///
/// It goes when this value is dropped, and also when the process ends without that: its keeper waits
/// on a pipe that the kernel closes then.
#[derive(Debug)]
pub struct SlurmSite {
    name: String,
    dir: PathBuf,
    url: String,
    keeper: Child,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// This machine cannot have one at all.
    #[error("no Slurm cluster can run here: {0}")]
    Forbidden(String),
    #[error("the Slurm cluster did not start: {0}")]
    Failed(String),
}

/// Ports 20000 to 31999, below the range that the kernel gives out itself.
const SLOTS: u16 = 30;
const PORTS_EACH: u16 = 400;
const FIRST_PORT: u16 = 20_000;

impl SlurmSite {
    /// Starts a cluster, or says that it is skipped because the machine cannot run one.
    ///
    /// With `ALCYONE_REQUIRE_SERVICES=1` it panics in place of skipping.
    #[expect(clippy::panic, clippy::print_stderr, reason = "it serves tests only")]
    pub fn start_or_skip(suite: Suite, options: &[&str]) -> Option<Self> {
        match Self::start(suite, options) {
            Ok(cluster) => Some(cluster),
            Err(StartError::Forbidden(why))
                if std::env::var_os("ALCYONE_REQUIRE_SERVICES").is_none_or(|v| v != "1") =>
            {
                eprintln!("skipped: no Slurm cluster can run here: {why}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts a cluster: two nodes of 8 CPUs and 4 GPUs unless the options (those of
    /// `slurm-site.sh up`) say otherwise. The first of a suite takes a minute or two.
    pub fn start(suite: Suite, options: &[&str]) -> Result<Self, StartError> {
        may_run()?;
        let (slot, keeper) = slot()?;
        let name = slot_name(slot);
        let port = FIRST_PORT + slot * PORTS_EACH;
        let mut cluster = Self {
            dir: PathBuf::new(),
            url: format!("http://127.0.0.1:{}", port + 2),
            keeper,
            name,
        };
        let port = port.to_string();
        let mut up = vec![
            "up",
            &cluster.name,
            "--suite",
            suite.as_str(),
            "--port-base",
            &port,
        ];
        up.extend(options);
        let settings = run(&up)?;
        let dir = settings
            .lines()
            .find_map(|line| line.strip_prefix("SLURM_SITE_DIR="))
            .ok_or_else(|| StartError::Failed(settings.clone()))?;
        cluster.dir = PathBuf::from(dir);
        Ok(cluster)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The HS256 key of the cluster's tokens.
    pub fn jwt_key(&self) -> PathBuf {
        self.dir.join("etc/jwt.key")
    }

    /// What the jobs see as `/home/USER`.
    pub fn home(&self, user: &str) -> PathBuf {
        self.dir.join("home").join(user)
    }

    /// Settings for an adapter to this cluster; the system is called `slurm`.
    pub fn settings(&self) -> Result<SlurmSettings, StartError> {
        let failed = |error: &dyn std::fmt::Display| StartError::Failed(error.to_string());
        let main = "main".parse().map_err(|error| failed(&error))?;
        Ok(SlurmSettings {
            url: self.url.parse().map_err(|error| failed(&error))?,
            ca_file: None,
            system: "slurm".parse().map_err(|error| failed(&error))?,
            partitions: BTreeMap::from([(main, PartitionSettings::default())]),
            api_version: ApiChoice::Auto,
            reader: "bob".to_owned(),
            slurm_user: "slurm".to_owned(),
            token: TokenSource::Signed {
                key_file: self.jwt_key(),
                lifetime_seconds: 300,
            },
            work_dir: "/home/{user}".to_owned(),
            work_dir_here: Some(format!("{}/home/{{user}}", self.dir.display())),
            home: "/home/{user}".to_owned(),
            path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
            apptainer: "apptainer".to_owned(),
            // The shortest that are allowed: an unclear submission costs a test this long.
            timeout_seconds: 26,
            concurrent_calls: 8,
            settle_seconds: 41,
        })
    }

    /// Kills a daemon with SIGKILL: `slurmctld`, `slurmdbd`, `mariadbd`, `slurmrestd`, `n1`.
    pub fn kill(&self, daemon: &str) -> Result<(), StartError> {
        run(&["kill", &self.name, daemon]).map(drop)
    }

    /// Ends a daemon with SIGTERM and waits for it; slurmctld then saves its state first.
    pub fn stop(&self, daemon: &str) -> Result<(), StartError> {
        run(&["stop", &self.name, daemon]).map(drop)
    }

    pub fn start_daemon(&self, daemon: &str) -> Result<(), StartError> {
        run(&["start", &self.name, daemon]).map(drop)
    }

    /// A node loses power: its slurmd and all of its jobs are gone at once.
    pub fn crash(&self, node: &str) -> Result<(), StartError> {
        run(&["crash", &self.name, node]).map(drop)
    }

    /// A program that prints a token for the user that is its last argument.
    pub fn token_command(&self) -> Vec<String> {
        let print = "exec \"$1\" token \"$2\" \"$3\" 300";
        let script = script().display().to_string();
        ["/bin/sh", "-c", print, "sh", &script, &self.name]
            .map(str::to_owned)
            .to_vec()
    }

    /// Sends a daemon a signal, such as `STOP` or `CONT`.
    pub fn signal(&self, daemon: &str, signal: &str) -> Result<(), StartError> {
        let pid = format!("/run/slurm/{daemon}.pid");
        self.exec(&[
            "/bin/sh",
            "-c",
            "kill -\"$1\" \"$(cat \"$2\")\"",
            "sh",
            signal,
            &pid,
        ])
        .map(drop)
    }

    /// Runs a command inside the cluster as its root and returns what it prints.
    pub fn exec(&self, command: &[&str]) -> Result<String, StartError> {
        let mut all = vec!["exec", self.name.as_str()];
        all.extend(command);
        run(&all)
    }
}

impl Drop for SlurmSite {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn script() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.join("../../integration-tests/services/slurm/slurm-site.sh")
}

fn run(arguments: &[&str]) -> Result<String, StartError> {
    let output = Command::new(script())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| StartError::Failed(format!("slurm-site.sh: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(StartError::Failed(format!("{arguments:?}: {said}")))
}

fn may_run() -> Result<(), StartError> {
    let tried = Command::new("unshare")
        .args([
            "--mount",
            "--pid",
            "--ipc",
            "--uts",
            "--fork",
            "mount",
            "--make-rprivate",
            "/",
        ])
        .output()
        .map_err(|error| StartError::Forbidden(format!("unshare: {error}")))?;
    if tried.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
    Err(StartError::Forbidden(said))
}

fn slot_name(slot: u16) -> String {
    format!("alcyone{slot}")
}

/// A slot that no other test process of this machine holds, and the process that holds it for us.
///
/// The keeper takes a left-over cluster of the slot down, says so, waits for the end of its input
/// (ours, or that of this process) and takes the cluster down.
fn slot() -> Result<(u16, Child), StartError> {
    let keep = r#"
        exec 7>"/tmp/alcyone-slurm-$2.lock"
        flock -n 7 || exit 3
        "$1" down "$2" 7>&- && echo ready && cat >/dev/null
        "$1" down "$2" 7>&-
    "#;
    let failed = |error: std::io::Error| StartError::Failed(format!("the keeper: {error}"));
    let first = u16::try_from(std::process::id() % u32::from(SLOTS)).unwrap_or(0);
    for slot in (0..SLOTS).map(|n| (first + n) % SLOTS) {
        let mut keeper = Command::new("/bin/sh")
            .args(["-c", keep, "sh"])
            .arg(script())
            .arg(slot_name(slot))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let mut said = String::new();
        if let Some(out) = keeper.stdout.take() {
            BufReader::new(out).read_line(&mut said).map_err(failed)?;
        }
        if said == "ready\n" {
            return Ok((slot, keeper));
        }
        let _ = keeper.wait();
    }
    Err(StartError::Failed("all slots are taken".to_owned()))
}
