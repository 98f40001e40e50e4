//! The examples of `alcyone-agent`: a person of a site types them beside its agent.

use std::path::{Path, PathBuf};

use broker_model::Site;
use integration_tests::{Enrolment, SiteAgent, program};

use super::{Reader, printed_by};

/// A verb of the agent's, the site where people have use for it, and a job that goes there.
const SITES: [(&str, &str, &str); 2] = [
    (
        "confirm",
        include_str!("../../../../config/sites/hammerhai.toml"),
        "asked.toml",
    ),
    (
        "handoff",
        include_str!("../../../../config/sites/lumi.toml"),
        "carried.toml",
    ),
];

impl Reader {
    /// Standard output of `alcyone-agent WORDS…`, as typed in the folder of the site's agent.
    pub(super) async fn at_a_site(&self, words: &[String]) -> String {
        let of_verb = |(verb, ..): &&(&str, &str, &str)| words.iter().any(|word| word == verb);
        let (_, site, job) = SITES.iter().find(of_verb).unwrap();
        let site: Site = toml::from_str(site).unwrap();
        let folder = self.folder.path().join(format!("agent-of-{}", site.id));
        if !folder.is_dir() {
            self.set_up(&site, &folder).await;
            // Those of the examples before were let in, or are over.
            self.run(&["submit".to_owned(), (*job).to_owned()]).await;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        typed(&folder, &words).await
    }

    /// An agent of the site that an administrator has invited; the demo's own one does the work.
    async fn set_up(&self, site: &Site, folder: &Path) {
        let invite = ["site", "invite", site.id.as_str()].map(str::to_owned);
        let invite = self.run(&invite).await;
        let door = self.broker.parse().unwrap();
        let enrolment = Enrolment {
            site: site.id.clone(),
            broker_config: PathBuf::new(),
            doors: Vec::new(),
            ca_file: None,
        };
        let _agent = SiteAgent::of_processes(folder, site, &door, enrolment);
        typed(folder, &["--config", "agent.toml", "enrol", invite.trim()]).await;
    }
}

async fn typed(folder: &Path, words: &[&str]) -> String {
    let mut command = tokio::process::Command::new(program("alcyone-agent"));
    printed_by(command.args(words).current_dir(folder).kill_on_drop(true)).await
}
