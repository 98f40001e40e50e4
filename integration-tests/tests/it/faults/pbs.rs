use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use broker_model::Site;
use emulated_pbs::Emulator;
use integration_tests::{Adapter, SiteAgent, program, site_of};
use tempfile::TempDir;
use url::Url;

use super::ground::{Ground, Starts, counted};
use super::never_twice_never_lost;
use super::scene::Scene;

/// PBS takes no job of root's.
const USER: &str = "nobody";

/// An emulated server, and a folder that its jobs may write to.
struct Pbs {
    server: Emulator,
    folder: TempDir,
}

impl Pbs {
    /// `None` where nobody may run commands as another user, which is said.
    fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            let required = std::env::var_os("ALCYONE_REQUIRE_SERVICES").is_some_and(|v| v == "1");
            assert!(!required, "must run as root");
            eprintln!("skipped: only root can run the commands of PBS as the jobs' user");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        open_for_all(folder.path());
        let pbs = folder.path().join("pbs");
        let server = Emulator::install(&pbs, &program("emulated-pbs")).unwrap();
        for name in ["work", "ssh"] {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            open_for_all(&path);
        }
        Some(Self { server, folder })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// On the server's own host: commands die, and what they began goes on.
    fn here(&self) -> String {
        let bin = self.server.rough_dir();
        format!("bin_dir = \"{}\"\nsettle_seconds = 8\n", bin.display())
    }

    /// Over ssh: what was given up may arrive later.
    fn over_ssh(&self) -> String {
        format!(
            r#"
            bin_dir = "{bin}"
            settle_seconds = 14
            [transport]
            kind = "ssh"
            host = "login.example.org"
            login = "alcyone"
            known_hosts_file = "{known_hosts}"
            control_dir = "{sockets}"
            connect_seconds = 1
            program = "{ssh}"
            "#,
            bin = self.server.bin_dir().display(),
            known_hosts = self.path("known_hosts"),
            sockets = self.path("ssh"),
            ssh = self.server.rough_dir().join("ssh").display(),
        )
    }
}

fn open_for_all(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}

impl Ground for Pbs {
    fn site(&self) -> Site {
        site_of("pbs", "gpu", 16)
    }

    fn starts(&self) -> (String, PathBuf) {
        let here = self.folder.path().join("work/starts");
        (here.display().to_string(), here)
    }

    /// One beside the server, the other far from it.
    async fn agent(&self, scene: &mut Scene, name: &str, broker: &Url) -> SiteAgent {
        let way = match name {
            "agent-one" => self.here(),
            _ => self.over_ssh(),
        };
        let text = format!(
            r#"
            system = "pbs"
            reader = "{USER}"
            work_dir = "{work}"
            run_as = ["/usr/bin/setpriv", "--reuid={{user}}", "--regid=nogroup", "--clear-groups", "--"]
            command_seconds = 10
            submit_seconds = 5
            concurrent_commands = 8
            partitions = {{ gpu = {{ gpu_kind = "a100" }} }}
            {way}
            "#,
            work = self.path("work"),
        );
        let adapter = Adapter {
            kind: "pbs",
            settings: toml::from_str(&text).unwrap(),
            user: USER,
            account: Some("lab"),
        };
        let folder = scene.installation.path(name);
        let enrolment = scene.installation.enrolment(&self.site().id);
        SiteAgent::with_adapter(&folder, broker, enrolment, adapter)
    }

    /// The accounting log: the job's name is the marker.
    fn by_accounting(&self) -> Starts {
        counted(self.server.all_starts().unwrap())
    }

    fn is_idle(&self) -> bool {
        let qselect = self.server.bin_dir().join("qselect");
        let told = Command::new(qselect).output().unwrap();
        assert!(told.status.success(), "{told:?}");
        told.stdout.is_empty()
    }

    fn roughen(&self, seed: u64) {
        self.server.roughen(seed).unwrap();
    }

    fn calm(&self) {
        self.server.clear("rough").unwrap();
    }

    fn faults(&self) -> BTreeMap<String, u64> {
        self.server.faults()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_starts_once_behind_a_bad_network_at_pbs() {
    if let Some(pbs) = Pbs::start() {
        never_twice_never_lost(pbs, 60).await;
    }
}

#[test]
fn pbs_is_not_idle_while_a_job_is_held() {
    let Some(pbs) = Pbs::start() else {
        return;
    };
    assert!(pbs.is_idle());
    let mut qsub = Command::new(pbs.server.bin_dir().join("qsub"));
    qsub.args(["-h", "-N", "held"]).env("USER", USER);
    let told = qsub.stdin(Stdio::null()).output().unwrap();
    assert!(told.status.success(), "{told:?}");
    assert!(!pbs.is_idle());
}
