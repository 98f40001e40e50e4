use super::{Settings, SettingsError};
use crate::identity::RunsAs;
use crate::{Identity, LocalUsers};

impl Settings {
    /// Whether the table names nobody but the agent's own user, where jobs run as nobody else.
    ///
    /// Apart from what [`load`](Self::load) checks: that is for every command, and some are run by
    /// others than the agent's user.
    pub async fn check_own_user(&self, users: &LocalUsers) -> Result<(), SettingsError> {
        if !self.adapter.kind.runs_as_agent() {
            return Ok(());
        }
        for (position, rule) in self.accounts.iter().enumerate() {
            // With a directory of users that is away it is asked again for each job.
            if let Ok(Some(own)) = users.own_beside(&rule.user).await {
                let user = &rule.user;
                let reason = format!(
                    "`{user}` is not the agent's own user, and `kind = \"process\"` can run jobs as nobody \
                     else; write `user = \"{own}\"`, run the agent as `{user}`, or use the adapter of a \
                     scheduler"
                );
                return Err(self.invalid(format!("accounts[{position}].user"), reason));
            }
        }
        Ok(())
    }

    /// As who runs this sees them, who is the agent.
    pub fn users(&self) -> LocalUsers {
        LocalUsers::new(self.agent.allow_own_account)
    }

    /// As the agent sees them, whoever tries its file out; none where root does so before the agent has an
    /// identity or a folder of its own, which would say who it runs as.
    pub fn users_of_agent(&self) -> Option<LocalUsers> {
        match Identity::runs_as(&self.agent.data_dir) {
            RunsAs::Asking => Some(self.users()),
            RunsAs::Other(uid) => Some(self.users().seen_by(uid)),
            RunsAs::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::settings::Settings;

    fn settings(kind: &str, user: &str, data_dir: &Path) -> Settings {
        let text = format!(
            r#"
            [agent]
            site = "meluxina"
            data_dir = "{}"
            allow_own_account = true
            [adapter]
            kind = "{kind}"
            [[accounts]]
            project = "prj_0192f0c1d2e37abc8def0123456789ab"
            user = "{}"
            [[accounts]]
            project = "*"
            user = "{user}"
            "#,
            data_dir.display(),
            own(),
        );
        Settings::parse(&text, Path::new("/etc/alcyone/agent.toml")).unwrap()
    }

    fn own() -> String {
        let own = std::process::Command::new("id").arg("-un").output();
        let own = String::from_utf8(own.unwrap().stdout).unwrap();
        own.trim().to_owned()
    }

    #[tokio::test]
    async fn a_site_of_processes_names_nobody_but_the_agents_own_user() {
        let folder = tempfile::tempdir().unwrap();
        let mine = settings("process", &own(), folder.path());
        mine.check_own_user(&mine.users()).await.unwrap();
        for other in ["nobody", "no-such-user"] {
            let others = settings("process", other, folder.path());
            let words = others
                .check_own_user(&others.users())
                .await
                .unwrap_err()
                .to_string();
            assert!(words.contains("`accounts[1].user`"), "{words}");
            assert!(words.contains(&format!("`{other}` is not the agent's own user")));
            let remedy = format!("write `user = \"{}\"`", own());
            assert!(words.contains(&remedy), "{words}");
        }
        let scheduled = settings("slurm", "nobody", folder.path());
        scheduled.check_own_user(&scheduled.users()).await.unwrap();
    }

    #[tokio::test]
    async fn the_agents_user_is_whose_identity_it_is_whoever_tries_the_file_out() {
        let folder = tempfile::tempdir().unwrap();
        let identity = folder.path().join("identity.toml");
        std::fs::write(&identity, "").unwrap();
        if std::os::unix::fs::chown(&identity, Some(4242), None).is_err() {
            return; // Nobody but root gives files away; who runs the agent is told apart in `identity`.
        }
        let theirs = settings("process", "4242", folder.path());
        let words = theirs
            .check_own_user(&theirs.users_of_agent().unwrap())
            .await
            .unwrap_err()
            .to_string();
        assert!(words.contains("`accounts[0].user`"), "{words}");
        assert!(words.contains("write `user = \"4242\"`"), "{words}");
    }
}
