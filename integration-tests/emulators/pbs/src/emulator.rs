use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::rough;
use crate::server::Server;
use crate::state::Phase;

const COMMANDS: [&str; 9] = [
    "qsub", "qstat", "qselect", "qdel", "qrls", "qhold", "qrerun", "pbsnodes", "pbs_mom",
];

/// An emulated server for a test, in a folder of the test's. Its jobs end with it.
///
/// Whatever local user runs the commands may write to the folder.
#[derive(Debug)]
pub struct Emulator {
    folder: PathBuf,
    server: Server,
}

impl Emulator {
    /// Puts a server into an empty folder; `program` is this crate's `emulated-pbs`.
    pub fn install(folder: &Path, program: &Path) -> Result<Self> {
        let bin = folder.join("bin");
        for (name, mode) in [
            ("", 0o777),
            ("bin", 0o755),
            ("rough", 0o755),
            ("switches", 0o777),
            ("orders", 0o777),
            ("scripts", 0o777),
            ("accounting", 0o777),
        ] {
            let path = folder.join(name);
            std::fs::create_dir_all(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        }
        // Not where it was built: another user may not be allowed into that folder.
        let own = bin.join("emulated-pbs");
        if std::fs::hard_link(program, &own).is_err() {
            std::fs::copy(program, &own).with_context(|| program.display().to_string())?;
        }
        for name in COMMANDS {
            symlink("emulated-pbs", bin.join(name))?;
        }
        for name in COMMANDS.iter().chain(&["ssh"]) {
            symlink("../bin/emulated-pbs", folder.join("rough").join(name))?;
        }
        for name in ["lock", "state.json.new", "calls", "rough.log"] {
            let path = folder.join(name);
            std::fs::write(&path, "")?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
        }
        Ok(Self {
            server: Server::at(folder),
            folder: folder.to_owned(),
        })
    }

    pub fn bin_dir(&self) -> PathBuf {
        self.folder.join("bin")
    }

    pub fn accounting_dir(&self) -> PathBuf {
        self.folder.join("accounting")
    }

    /// Switches on what goes wrong with real servers:
    ///
    /// - `server_down`; `hang` (empty: every command, or the names of some);
    /// - `lose_acknowledged`, `lose_answer`, `jump`: so many times, a job is accepted and not kept, is kept
    ///   and its qsub never answers, gets an id from the next thousand;
    /// - `history_off`, `history_duration` (`HH:MM:SS`), `private`, `not_scheduling`, `comm_down`;
    /// - `dialect` (`main`), `poison` (a value that every job's variables get), `throttled`: commands
    ///   complain, exit 0 and tell nothing;
    /// - `hook`: a queuejob hook of the site's says no, in these words;
    /// - `no_gpus`: the resource `ngpus` is not made; `forecast` (seconds since 1970): when the scheduler
    ///   expects to start what waits;
    /// - `lose_exit_code`: jobs that end are told with an exit status of 0;
    /// - `moved`: every job is told to be at another server, and goes on.
    pub fn switch(&self, name: &str, value: &str) -> Result<()> {
        self.server.set(name, value)?;
        let path = self.folder.join("switches").join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        Ok(())
    }

    pub fn clear(&self, name: &str) -> Result<()> {
        match std::fs::remove_file(self.folder.join("switches").join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Every command that was called, with its arguments.
    pub fn calls(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(self.folder.join("calls"))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// How often a job of that name was started, by the accounting log.
    pub fn starts(&self, name: &str) -> Result<usize> {
        let all = self.all_starts()?;
        Ok(all.iter().filter(|(job, _)| job == name).count())
    }

    /// Every start by the accounting log: the job's name, and the task's index if it is of an array.
    pub fn all_starts(&self) -> Result<Vec<(String, Option<u32>)>> {
        let mut starts = Vec::new();
        for day in std::fs::read_dir(self.accounting_dir())? {
            let text = std::fs::read_to_string(day?.path())?;
            starts.extend(text.lines().filter_map(started));
        }
        Ok(starts)
    }

    /// The commands of [`rough_dir`](Self::rough_dir) go wrong from now on, as drawn from the seed.
    pub fn roughen(&self, seed: u64) -> Result<()> {
        self.switch("rough", &seed.to_string())
    }

    /// The commands once more, and an `ssh` to a host that has them; as good as the others until
    /// [`roughen`](Self::roughen).
    pub fn rough_dir(&self) -> PathBuf {
        self.folder.join("rough")
    }

    /// How often each fault was done to a command, `passed` among them.
    pub fn faults(&self) -> BTreeMap<String, u64> {
        rough::done(&self.server)
    }

    /// How many jobs of that name the server has, ended ones among them.
    pub fn jobs(&self, name: &str) -> Result<usize> {
        let locked = self.server.lock()?;
        Ok(locked
            .state
            .jobs
            .values()
            .filter(|job| job.name == name)
            .count())
    }

    /// The nodes of a job are lost: it ends without a word of its own.
    pub fn lose_nodes_of(&self, name: &str) -> Result<()> {
        self.order(|job| job == name, "lost")
    }

    fn order(&self, wanted: impl Fn(&str) -> bool, order: &str) -> Result<()> {
        let locked = self.server.lock()?;
        for job in locked.state.jobs.values().filter(|job| wanted(&job.name)) {
            for task in job.tasks.iter().filter(|task| task.state == Phase::Running) {
                let path = self
                    .folder
                    .join("orders")
                    .join(format!("{}.{}", job.seq, task.index));
                std::fs::write(path, order)?;
            }
        }
        Ok(())
    }

    fn is_quiet(&self) -> Result<bool> {
        let locked = self.server.lock()?;
        let mut tasks = locked.state.jobs.values().flat_map(|job| &job.tasks);
        Ok(!tasks.any(|task| task.state == Phase::Running))
    }

    /// Ends every job, waiting ones first.
    fn shut_down(&self) -> Result<()> {
        for name in ["server_down", "hang"] {
            self.clear(name)?;
        }
        {
            let mut locked = self.server.lock()?;
            for job in locked.state.jobs.values_mut() {
                for task in job
                    .tasks
                    .iter_mut()
                    .filter(|task| task.state == Phase::Waiting)
                {
                    task.state = Phase::Over;
                }
            }
            locked.save()?;
        }
        self.order(|_| true, "lost")?;
        for _ in 0..250 {
            if self.is_quiet()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.shut_down();
    }
}

/// `07/01/2026 12:00:00;S;7[3].pbshead;… jobname=NAME …`
fn started(line: &str) -> Option<(String, Option<u32>)> {
    let mut fields = line.splitn(4, ';');
    let (kind, id, message) = (fields.nth(1)?, fields.next()?, fields.next()?);
    let (_, name) = message.split_once(" jobname=")?;
    let index = id.split_once('[').and_then(|(_, rest)| {
        let (index, _) = rest.split_once(']')?;
        index.parse().ok()
    });
    (kind == "S").then(|| (name.split(' ').next().unwrap_or(name).to_owned(), index))
}
