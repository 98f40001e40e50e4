use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// `nobody` on Debian: `initdb` and `postgres` refuse to run as root.
const NOBODY: u32 = 65_534;
const USER: &str = "alcyone";

/// Runs the server until this process lets go of the other end of its standard input, by `Drop`, by
/// exiting or by being killed; then stops it and removes its files. SIGQUIT, since SIGKILL would leak
/// its shared memory segment. Says a line when the server has been started.
const WATCH: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c "fsync=$3" -c "full_page_writes=$3" \
    -c max_connections=200 >"$2/log" 2>&1 &
server=$!
echo started
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$2"
"#;

/// A PostgreSQL cluster of its own, on a unix socket only.
///
/// One for a test binary ([`TestPostgres::shared`]), one database for a test
/// ([`TestPostgres::create_database`]).
#[derive(Debug)]
pub struct TestPostgres {
    folder: PathBuf,
    watcher: Child,
    databases: AtomicU32,
}

impl TestPostgres {
    /// The cluster of this process, started when it is first asked for.
    ///
    /// `None` where PostgreSQL is not installed, after saying so; a failure there if
    /// `ALCYONE_REQUIRE_SERVICES` is `1`.
    #[expect(clippy::panic, reason = "a test that cannot have its service fails")]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<TestPostgres>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            let Some(programs) = programs() else {
                let required = std::env::var("ALCYONE_REQUIRE_SERVICES");
                assert!(
                    required.as_deref() != Ok("1"),
                    "PostgreSQL is not installed: no /usr/lib/postgresql/*/bin/initdb"
                );
                return None;
            };
            match Self::start(&programs, Fsync::Off) {
                Ok(started) => Some(started),
                Err(error) => panic!("PostgreSQL did not start: {error}"),
            }
        });
        if shared.is_none() {
            tell("skipped: PostgreSQL is not installed (apt-get install postgresql)");
        }
        shared.as_ref()
    }

    /// Makes an empty database and returns its URL for `SqlStore::connect`.
    #[expect(clippy::panic, reason = "a test that cannot have its database fails")]
    pub async fn create_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let create = format!("CREATE DATABASE {name} STRATEGY FILE_COPY");
        if let Err(error) = self.administer(create).await {
            panic!("the database {name} could not be made: {error}");
        }
        self.url(&name)
    }

    /// Ends every connection to the databases of this cluster, as a restart of the server would.
    #[expect(
        clippy::panic,
        reason = "a test that cannot break its connections fails"
    )]
    pub async fn break_connections(&self) {
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE pid <> pg_backend_pid() AND datname LIKE 'test_%'";
        if let Err(error) = self.administer(all.to_owned()).await {
            panic!("the connections could not be ended: {error}");
        }
    }

    /// Starts a cluster of its own, for a test that stops or breaks it.
    pub fn start_alone() -> std::io::Result<Option<Self>> {
        programs()
            .map(|it| Self::start(&it, Fsync::Off))
            .transpose()
    }

    /// Starts a cluster of its own whose commits survive a power cut, for measuring what they cost.
    pub fn start_durable() -> std::io::Result<Option<Self>> {
        programs().map(|it| Self::start(&it, Fsync::On)).transpose()
    }

    fn start(programs: &Path, fsync: Fsync) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("alcyone-pg-").tempdir()?;
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let mut init = Command::new(programs.join("initdb"));
        init.args([
            "--no-sync",
            "--no-locale",
            "--encoding=UTF8",
            "--auth=trust",
        ])
        .args(["--username", USER, "--pgdata"])
        .arg(folder.path().join("data"));
        let done = as_nobody(&mut init).output()?;
        if !done.status.success() {
            return Err(std::io::Error::other(said(&done)));
        }
        // From here on the watcher removes it.
        let folder = folder.keep();
        let watcher = watch(programs, &folder, fsync)?;
        let started = Self {
            folder,
            watcher,
            databases: AtomicU32::new(0),
        };
        started.wait_until_up(programs)?;
        Ok(started)
    }

    fn wait_until_up(&self, programs: &Path) -> std::io::Result<()> {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let asked = Command::new(programs.join("pg_isready"))
                .arg("--quiet")
                .arg("--host")
                .arg(&self.folder)
                .status()?;
            if asked.success() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(self.folder.join("log"));
                return Err(std::io::Error::other(log.unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://{USER}@localhost/{database}?host={folder}&sslmode=disable")
    }

    async fn administer(&self, sql: String) -> Result<(), sqlx::Error> {
        let mut conn = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await?;
        conn.close().await
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _status = self.watcher.wait();
    }
}

/// The programs of the newest PostgreSQL that Debian has installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .max()
}

/// Tests need no power cut survived, and are done sooner without.
#[derive(Clone, Copy, Debug)]
enum Fsync {
    On,
    Off,
}

fn watch(programs: &Path, folder: &Path, fsync: Fsync) -> std::io::Result<Child> {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", WATCH, "alcyone-pg-watch"])
        .arg(programs)
        .arg(folder)
        .arg(match fsync {
            Fsync::On => "on",
            Fsync::Off => "off",
        })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A Ctrl-C at the tests is for the tests; the shell ends when they do.
        .process_group(0);
    let mut child = as_nobody(&mut shell).spawn()?;
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut String::new())?;
    }
    Ok(child)
}

fn as_nobody(command: &mut Command) -> &mut Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// To the terminal, past the test harness's capture: a skip must be seen.
fn tell(line: &str) {
    let _unseen = writeln!(std::io::stderr(), "{line}");
}
