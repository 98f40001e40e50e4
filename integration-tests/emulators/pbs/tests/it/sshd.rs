//! A real sshd on loopback, with a login that is no user of this machine.
//!
//! Debian's openssh-server and `nss_wrapper`, which tells it of one user `alcyone` whose uid is the test's,
//! or, as root, that of nobody. `integration-tests/services/install` puts both under `target/debian`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use site_adapter_pbs::TransportSettings;

pub(crate) const LOGIN: &str = "alcyone";
const NOBODY: u32 = 65534;

/// The login's shell: it greets, as start-up files do, on both streams.
const SHELL: &str = "#!/bin/sh\necho 'Welcome to the login node!'\necho 'Maintenance on Monday' >&2\n\
                     exec /bin/sh \"$@\"\n";

#[derive(Debug)]
pub(crate) struct Sshd {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    server: Option<Child>,
}

/// Where Debian's packages are, and in it the folder of `nss_wrapper` and of what sshd needs.
#[derive(Clone, Debug)]
struct Programs {
    root: PathBuf,
    libraries: PathBuf,
}

/// `None` where it is not installed and nothing says that it must be.
pub(crate) fn is_there() -> bool {
    let is = programs().is_some();
    let must = std::env::var_os("ALCYONE_REQUIRE_SERVICES").is_some();
    assert!(
        is || !must,
        "no sshd; run integration-tests/services/install"
    );
    if !is {
        eprintln!("skipped: no sshd; integration-tests/services/install gets one");
    }
    is
}

fn programs() -> Option<Programs> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?;
    let roots = [workspace.join("target/debian"), PathBuf::from("/")];
    roots.into_iter().find_map(|root| {
        let sshd = root.join("usr/sbin/sshd");
        let mut places = std::fs::read_dir(root.join("usr/lib")).ok()?.flatten();
        let libraries = places.find_map(|place| {
            let has = place.path().join("libnss_wrapper.so").exists();
            has.then(|| place.path())
        })?;
        sshd.exists().then_some(Programs { root, libraries })
    })
}

/// Since OpenSSH 9.8 and 10.0 parts of it are programs of their own.
const PARTS: [(&str, &str); 2] = [
    ("SshdSessionPath", "sshd-session"),
    ("SshdAuthPath", "sshd-auth"),
];

impl Programs {
    /// Where another user may read them: they may have been unpacked in a folder of root's.
    fn copy_to(&self, folder: &Path) {
        std::fs::create_dir(folder).unwrap();
        let parts = PARTS.map(|(_, name)| self.root.join("usr/lib/openssh").join(name));
        let libraries = ["libnss_wrapper.so", "libwrap.so.0"];
        let libraries = libraries.map(|name| self.libraries.join(name));
        let sshd = self.root.join("usr/sbin/sshd");
        for file in [sshd].iter().chain(&parts).chain(&libraries) {
            if file.exists() {
                std::fs::copy(file, folder.join(file.file_name().unwrap())).unwrap();
            }
        }
    }
}

impl Sshd {
    /// Makes keys, a login and a server that runs.
    pub(crate) fn start(folder: &Path) -> Self {
        let folder = folder.join("sshd");
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(folder.join("home")).unwrap();
        let mut sshd = Self {
            folder,
            port: 0,
            server: None,
        };
        programs().unwrap().copy_to(&sshd.path("bin"));
        for name in ["host", "client", "other"] {
            sshd.make_key(name);
        }
        std::fs::copy(sshd.path("client.pub"), sshd.path("authorized_keys")).unwrap();
        std::fs::write(sshd.path("shell"), SHELL).unwrap();
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(sshd.path("shell"), mode).unwrap();
        let (user, group) = Self::ids();
        let home = sshd.path("home");
        let shell = sshd.path("shell");
        let passwd = format!(
            "{LOGIN}:x:{user}:{group}::{}:{}\n",
            home.display(),
            shell.display()
        );
        std::fs::write(sshd.path("passwd"), passwd).unwrap();
        std::fs::write(sshd.path("group"), format!("{LOGIN}:x:{group}:\n")).unwrap();
        for name in ["", "host", "home"] {
            chown(sshd.path(name), Some(user), Some(group)).unwrap();
        }
        sshd.choose_port();
        sshd.trust("host");
        sshd.run();
        sshd
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whose uid the login has.
    fn ids() -> (u32, u32) {
        let own = std::fs::metadata("/proc/self").unwrap();
        match own.uid() {
            0 => (NOBODY, NOBODY),
            uid => (uid, own.gid()),
        }
    }

    fn make_key(&self, name: &str) {
        let mut keygen = Command::new("/usr/bin/ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]);
        let made = keygen.arg(self.path(name)).status().unwrap();
        assert!(made.success(), "ssh-keygen");
    }

    fn choose_port(&mut self) {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        self.port = free.local_addr().unwrap().port();
    }

    /// Has the client's side expect this key of the host.
    pub(crate) fn trust(&self, key: &str) {
        let text = std::fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        let line = format!("[127.0.0.1]:{} {text}", self.port);
        std::fs::write(self.path("known_hosts"), line).unwrap();
    }

    /// Begins to listen, on the same port as before.
    pub(crate) fn run(&mut self) {
        std::fs::write(self.path("config"), self.config()).unwrap();
        let log = std::fs::File::create(self.path("log")).unwrap();
        let libraries = self.path("bin");
        let mut command = Command::new("/usr/bin/setpriv");
        let (user, group) = Self::ids();
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.arg(format!("--reuid={user}"));
            command.args([&format!("--regid={group}"), "--clear-groups"]);
        }
        command.args([
            "--pdeathsig",
            "KILL",
            "/usr/bin/env",
            "-i",
            "PATH=/usr/bin:/bin",
        ]);
        let preload = libraries.join("libnss_wrapper.so");
        for (name, value) in [
            ("LD_PRELOAD", preload.as_path()),
            ("LD_LIBRARY_PATH", libraries.as_path()),
            ("NSS_WRAPPER_PASSWD", &self.path("passwd")),
            ("NSS_WRAPPER_GROUP", &self.path("group")),
        ] {
            command.arg(format!("{name}={}", value.display()));
        }
        command.arg(libraries.join("sshd")).args(["-D", "-e", "-f"]);
        command.arg(self.path("config")).stdin(Stdio::null());
        let streams = command.stdout(Stdio::null()).stderr(log);
        self.server = Some(streams.spawn().unwrap());
        self.wait_for_log("Server listening");
    }

    fn config(&self) -> String {
        let path = |name: &str| self.path(name).display().to_string();
        let mut lines = vec![
            format!("Port {}", self.port),
            "ListenAddress 127.0.0.1".to_owned(),
            format!("HostKey {}", path("host")),
            format!("AuthorizedKeysFile {}", path("authorized_keys")),
            "PidFile none".to_owned(),
            "UsePAM no".to_owned(),
            // The folder is a test's, below one that all may write to.
            "StrictModes no".to_owned(),
            "PasswordAuthentication yes".to_owned(),
            "LogLevel VERBOSE".to_owned(),
        ];
        for (option, name) in PARTS {
            let program = self.path("bin").join(name);
            if program.exists() {
                lines.push(format!("{option} {}", program.display()));
            }
        }
        lines.join("\n") + "\n"
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    pub(crate) fn wait_for_log(&self, words: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(words) {
            assert!(Instant::now() < until, "no `{words}` in {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many connections have logged in since it began to listen.
    pub(crate) fn logins(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    /// Ends every session, as a network that is cut does; it goes on listening.
    pub(crate) fn cut(&self) {
        let sessions = children(self.server.as_ref().unwrap().id());
        assert!(!sessions.is_empty(), "no session to end");
        sessions.into_iter().for_each(kill);
    }

    /// Neither listens nor serves any more.
    pub(crate) fn stop(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let sessions = children(server.id());
        let _ = server.kill();
        sessions.into_iter().for_each(kill);
        let _ = server.wait();
    }

    pub(crate) fn transport(&self) -> TransportSettings {
        TransportSettings::Ssh {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            login: "{user}".to_owned(),
            identity_file: Some(self.path("client").display().to_string()),
            known_hosts_file: self.path("known_hosts"),
            control_dir: self.control_dir(),
            connect_seconds: 2,
            program: PathBuf::from("/usr/bin/ssh"),
        }
    }

    pub(crate) fn control_dir(&self) -> PathBuf {
        self.folder.with_file_name("kept")
    }

    /// Ends the process that keeps the connection, without a word to anybody.
    pub(crate) fn kill_master(&self) {
        let socket = std::fs::read_dir(self.control_dir()).unwrap().next();
        let socket = socket.unwrap().unwrap().path();
        let asked = Command::new("/usr/bin/ssh")
            .args(["-F", "none", "-O", "check", "-S"])
            .arg(&socket)
            .arg("127.0.0.1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&asked.stderr).into_owned();
        let id = said
            .split("pid=")
            .nth(1)
            .unwrap()
            .split(')')
            .next()
            .unwrap();
        kill(id.parse().unwrap());
    }
}

fn children(id: u32) -> Vec<i32> {
    let path = format!("/proc/{id}/task/{id}/children");
    let told = std::fs::read_to_string(path).unwrap_or_default();
    let ids = told.split_whitespace().map(|id| id.parse().unwrap());
    ids.collect()
}

fn kill(id: i32) {
    let id = rustix::process::Pid::from_raw(id).unwrap();
    let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}
