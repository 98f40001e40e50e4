use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;

use serde::Deserialize;
use site_adapter::InvalidSettings;

use super::{USER_REMEDY, is_local_user, is_word};

/// How commands reach the host that has PBS's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub enum TransportSettings {
    /// On this host.
    #[default]
    Local,
    /// On a login node, by the system's `ssh`, over one connection that is kept.
    Ssh {
        host: String,
        #[serde(default)]
        port: Option<u16>,
        /// Who logs in: the job's user, or one that `run_as` brings on.
        #[serde(default = "default_login")]
        login: String,
        /// A private key; `{user}` is the one who logs in.
        #[serde(default)]
        identity_file: Option<String>,
        /// The host's keys; an unknown host is never trusted.
        known_hosts_file: PathBuf,
        /// Holds the sockets of kept connections: the agent's own folder, mode 0700, short. Whoever else may
        /// write there can put a connection of theirs in the place of ours. Made if it is missing.
        control_dir: PathBuf,
        #[serde(default = "default_connect")]
        connect_seconds: u64,
        #[serde(default = "default_ssh")]
        program: PathBuf,
    },
}

impl TransportSettings {
    /// How late a command may begin after it was given.
    pub(crate) const fn delay_seconds(&self) -> u64 {
        match self {
            Self::Local => 0,
            Self::Ssh {
                connect_seconds, ..
            } => *connect_seconds + 5,
        }
    }

    pub(crate) fn logs_in_each_user(&self) -> bool {
        matches!(self, Self::Ssh { login, .. } if login == "{user}")
    }

    pub(super) fn validate(&self) -> Result<(), InvalidSettings> {
        let Self::Ssh {
            host,
            login,
            control_dir,
            known_hosts_file,
            program,
            identity_file,
            ..
        } = self
        else {
            return Ok(());
        };
        if !is_word(host) || host.starts_with('-') {
            return Err(InvalidSettings::new(
                "transport.host",
                "not a host's name",
                "write its name or address",
            ));
        }
        if login != "{user}" && !is_local_user(login) {
            return Err(InvalidSettings::new(
                "transport.login",
                "not a user's name",
                USER_REMEDY,
            ));
        }
        for (key, path) in [
            ("transport.control_dir", control_dir),
            ("transport.known_hosts_file", known_hosts_file),
            ("transport.program", program),
        ] {
            if !path.is_absolute() {
                return Err(InvalidSettings::new(
                    key,
                    "not an absolute path",
                    "write the full path",
                ));
            }
        }
        if let Some(file) = identity_file
            && !file.starts_with('/')
        {
            let key = "transport.identity_file";
            return Err(InvalidSettings::new(
                key,
                "not an absolute path",
                "write the full path",
            ));
        }
        if control_dir.as_os_str().len() > LONGEST_CONTROL_DIR {
            let reason =
                format!("longer than {LONGEST_CONTROL_DIR} letters, so no socket fits in it");
            return Err(InvalidSettings::new(
                "transport.control_dir",
                &reason,
                "write a shorter path, such as `/run/alcyone/ssh`",
            ));
        }
        Ok(())
    }

    /// Makes the folder of kept connections, and looks that nobody else may write to it.
    pub(crate) fn prepare(&self) -> Result<(), InvalidSettings> {
        let Self::Ssh { control_dir, .. } = self else {
            return Ok(());
        };
        let refuse = |reason: &str| {
            let remedy = "give a folder of the agent's own, mode 0700";
            Err(InvalidSettings::new(
                "transport.control_dir",
                reason,
                remedy,
            ))
        };
        let mut new = std::fs::DirBuilder::new();
        let made = new.recursive(true).mode(0o700).create(control_dir);
        if let Err(error) = made {
            return refuse(&format!(
                "{} cannot be made: {error}",
                control_dir.display()
            ));
        }
        let told = match std::fs::metadata(control_dir) {
            Ok(told) => told,
            Err(error) => return refuse(&error.to_string()),
        };
        if told.uid() != rustix::process::geteuid().as_raw() {
            return refuse("the folder is another user's");
        }
        if told.mode() & 0o077 != 0 {
            return refuse("others may use the folder");
        }
        Ok(())
    }
}

/// A socket's path has 108 bytes (unix(7)); ssh adds 41 for the connection and 17 while it makes it.
const LONGEST_CONTROL_DIR: usize = 48;

fn default_login() -> String {
    "{user}".to_owned()
}
fn default_ssh() -> PathBuf {
    PathBuf::from("/usr/bin/ssh")
}
const fn default_connect() -> u64 {
    10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::fault;

    fn ssh(host: &str, control_dir: &std::path::Path) -> TransportSettings {
        TransportSettings::Ssh {
            host: host.to_owned(),
            port: None,
            login: default_login(),
            identity_file: None,
            known_hosts_file: PathBuf::from("/etc/hosts"),
            control_dir: control_dir.to_owned(),
            connect_seconds: 1,
            program: default_ssh(),
        }
    }

    #[test]
    fn an_option_in_the_place_of_a_host_is_refused() {
        let run = std::path::Path::new("/run/a");
        let told = fault(|s| s.transport = ssh("-oProxyCommand=x", run));
        assert!(told.contains("transport.host"), "{told}");
    }

    /// Whoever can write there can answer in the login node's place.
    #[test]
    fn kept_connections_lie_in_a_folder_of_our_own() {
        use std::os::unix::fs::PermissionsExt as _;
        let long = PathBuf::from(format!("/run/{}", "a".repeat(50)));
        let told = fault(|s| s.transport = ssh("login", &long));
        assert!(told.contains("no socket fits"), "{told}");
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("a/b");
        ssh("login", &new).prepare().unwrap();
        let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&new), 0o700);
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o770)).unwrap();
        let told = ssh("login", &new).prepare().unwrap_err().to_string();
        assert!(told.contains("others may use the folder"), "{told}");
    }
}
