use std::time::Duration;

use async_trait::async_trait;
use site_adapter::{Error, ErrorKind, Result};

use super::{Command, Dress, Ran, Transport, checked, child};
use crate::config::KILL_AFTER_SECONDS;

/// Commands on this host.
#[derive(Debug)]
pub(crate) struct Local {
    dress: Dress,
    /// Who this process is.
    own_user: Option<String>,
}

impl Local {
    pub(super) fn new(dress: Dress) -> Self {
        Self {
            dress,
            own_user: own_user(),
        }
    }

    fn argv(&self, user: &str, command: &Command) -> Result<Vec<String>> {
        let is_own = self.own_user.as_deref() == Some(user);
        if is_own || !self.dress.is_bare() {
            return Ok(self.dress.argv(user, is_own, command));
        }
        let own = self.own_user.as_deref().unwrap_or("another user");
        let message = format!(
            "the agent runs as {own} and cannot run commands as {user}; set `run_as`, such as \
             [\"/usr/bin/sudo\", \"-n\", \"-u\", \"{{user}}\", \"--\"]"
        );
        Err(Error::new(
            ErrorKind::Unauthorized,
            command.operation,
            message,
        ))
    }
}

#[async_trait]
impl Transport for Local {
    async fn run(&self, user: &str, command: &Command) -> Result<Ran> {
        let user = checked(user, command.operation)?;
        let argv = self.argv(user, command)?;
        // The time limit on the host comes first, and its word is clearer than ours.
        let limit = Duration::from_secs(command.seconds + KILL_AFTER_SECONDS + 2);
        let finished = child::run(&argv, command, limit).await?;
        let code = finished
            .code
            .ok_or_else(|| command.lost("a signal ended it"))?;
        Ok(Ran::told(command, code, finished.stdout, &finished.stderr))
    }

    fn is_remote(&self) -> bool {
        false
    }

    /// Linux takes two megabytes of arguments and environment (execve(2)).
    fn most_argument_bytes(&self) -> usize {
        1024 * 1024
    }
}

/// By id(1), which asks what the site's users are kept in: passwd(5) has only some of them.
fn own_user() -> Option<String> {
    let mut id = std::process::Command::new("/usr/bin/id");
    let told = id.arg("-un").env_clear().env("LC_ALL", "C").output().ok()?;
    let name = String::from_utf8(told.stdout).ok()?;
    let name = name.trim();
    (told.status.success() && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PbsSettings;

    /// Who runs the command, its groups, its folder, and then its environment.
    const TELL: &str = "id -un; id -G; pwd; env";

    async fn told(run_as: &[&str], user: &str) -> Vec<String> {
        let mut settings: PbsSettings = toml::from_str(crate::config::tests::SETTINGS).unwrap();
        settings.run_as = run_as.iter().map(|word| (*word).to_owned()).collect();
        settings.server = Some("pbshead".to_owned());
        let command = Command {
            operation: "qstat",
            program: "/bin/sh".to_owned(),
            args: ["-c", TELL].map(str::to_owned).to_vec(),
            stdin: Vec::new(),
            seconds: 20,
            most_bytes: 10_000,
            acts: false,
            not_after: None,
        };
        let ran = Local::new(Dress::new(&settings)).run(user, &command).await;
        let ran = ran.unwrap();
        assert!(ran.is_ok() && ran.stderr.is_empty(), "{run_as:?}: {ran:?}");
        ran.text().lines().map(str::to_owned).collect()
    }

    fn check(lines: &[String], user: &str) {
        let [name, groups, folder, environment @ ..] = lines else {
            panic!("{lines:?}");
        };
        assert_eq!((name.as_str(), folder.as_str()), (user, "/"));
        let is_roots = groups.split(' ').any(|group| group == "0");
        assert!(!is_roots, "{groups}");
        let mut names: Vec<&str> = environment
            .iter()
            .filter_map(|line| Some(line.split_once('=')?.0))
            .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
            .collect();
        names.sort_unstable();
        let ours = [
            "HOME",
            "LC_ALL",
            "LOGNAME",
            "PATH",
            "PBS_CONF_FILE",
            "PBS_SERVER",
            "TZ",
            "USER",
        ];
        assert_eq!(names, ours);
        for line in [format!("USER={user}"), format!("HOME=/home/{user}")] {
            assert!(environment.contains(&line), "{environment:?}");
        }
    }

    #[tokio::test]
    async fn a_command_runs_as_its_user_in_a_clean_environment() {
        let own = own_user().unwrap();
        if own != "root" {
            check(&told(&[], &own).await, &own);
            return;
        }
        for run_as in [
            &["/usr/sbin/runuser", "-u", "{user}", "--"][..],
            &["/usr/bin/sudo", "-n", "-u", "{user}", "--"],
            &[
                "/usr/bin/setpriv",
                "--reuid={user}",
                "--regid=65534",
                "--clear-groups",
                "--",
            ],
        ] {
            if std::path::Path::new(run_as[0]).exists() {
                check(&told(run_as, "nobody").await, "nobody");
            }
        }
    }

    /// sudoers need not let the agent's account become itself.
    #[test]
    fn nothing_stands_before_a_command_of_the_agents_own_user() {
        let mut settings: PbsSettings = toml::from_str(crate::config::tests::SETTINGS).unwrap();
        settings.run_as = ["/usr/bin/sudo", "-u", "{user}"]
            .map(str::to_owned)
            .to_vec();
        let local = Local {
            dress: Dress::new(&settings),
            own_user: Some("alcyone".to_owned()),
        };
        let command = crate::calls::server::command();
        let first = |user| local.argv(user, &command).unwrap().swap_remove(0);
        assert_eq!(first("alcyone"), "/usr/bin/env");
        assert_eq!(first("alice"), "/usr/bin/sudo");
    }

    #[tokio::test]
    async fn what_sudo_says_of_its_host_is_no_word_of_a_command_that_ran_well() {
        let folder = tempfile::tempdir().unwrap();
        let sudo = folder.path().join("sudo");
        let script = "#!/bin/sh\necho 'sudo: unable to resolve host login1' >&2\nexec \"$@\"\n";
        std::fs::write(&sudo, script).unwrap();
        let run_as = ["/bin/sh".to_owned(), sudo.display().to_string()];
        let mut settings: PbsSettings = toml::from_str(crate::config::tests::SETTINGS).unwrap();
        settings.run_as = run_as.to_vec();
        let local = Local::new(Dress::new(&settings));
        let said = async |script: &str| {
            let mut command = crate::calls::server::command();
            command.program = "/bin/sh".to_owned();
            command.args = ["-c", script].map(str::to_owned).to_vec();
            command.seconds = 20;
            local.run("somebody", &command).await.unwrap().stderr
        };
        assert_eq!(said("exit 0").await, "");
        assert_eq!(said("echo complaint >&2").await, "complaint\n");
        assert!(said("exit 1").await.starts_with("sudo: "));
    }

    /// An agent that runs as root has no user of its own to run commands as.
    #[tokio::test]
    async fn without_words_for_it_nothing_runs_as_another_user() {
        let settings: PbsSettings = toml::from_str(crate::config::tests::SETTINGS).unwrap();
        let command = crate::calls::server::command();
        let local = Local::new(Dress::new(&settings));
        let other = if own_user().as_deref() == Some("nobody") {
            "daemon"
        } else {
            "nobody"
        };
        for user in ["root", other] {
            let error = local.run(user, &command).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
        }
    }
}
