//! Whose an identity is: what another user writes in the data folder the agent cannot read.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{FILE, Identity, IdentityError};
use crate::passwd::name_of;

const ROOT: u32 = 0;

impl Identity {
    /// Fails in a data folder of another user's than who runs this: a key that is made now would be for
    /// this user alone, and the agent would be locked out with the old one.
    pub fn must_be_ours(data_dir: &Path) -> Result<(), IdentityError> {
        let own = rustix::process::geteuid().as_raw();
        must_be_of(own, data_dir).or_else(|error| match writes_as(data_dir) {
            Some(uid) if uid != own => must_be_of(uid, data_dir),
            _ => Err(error),
        })
    }

    /// Who runs the agent of this data folder, if it is root who asks: somebody who sets it up. Anybody
    /// else asks for the agent that they run themselves.
    pub(crate) fn runs_as(data_dir: &Path) -> RunsAs {
        let asks = rustix::process::geteuid().as_raw();
        runs_as(asks, owner_of(&data_dir.join(FILE)), owner_of(data_dir))
    }
}

/// Who runs an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunsAs {
    /// Who asks.
    Asking,
    Other(u32),
    /// Nothing says it yet.
    Unknown,
}

fn runs_as(asks: u32, of_identity: Option<u32>, of_folder: Option<u32>) -> RunsAs {
    match other_owner(ROOT, of_identity, of_folder) {
        _ if asks != ROOT => RunsAs::Asking,
        Some(owner) => RunsAs::Other(owner),
        None if of_identity.is_some() => RunsAs::Asking,
        None => RunsAs::Unknown,
    }
}

/// Whose the files are that this process makes there: network file systems give them to others
/// (`all_squash`).
fn writes_as(folder: &Path) -> Option<u32> {
    let path = folder.join(format!(".owner-{}", std::process::id()));
    let made = File::create_new(&path).ok()?;
    let uid = made.metadata().ok().map(|it| it.uid());
    // What is left is empty, and of nobody's interest.
    let _ = std::fs::remove_file(&path);
    uid
}

fn must_be_of(uid: u32, data_dir: &Path) -> Result<(), IdentityError> {
    match other_owner(uid, owner_of(&data_dir.join(FILE)), owner_of(data_dir)) {
        None => Ok(()),
        Some(owner) => Err(IdentityError::AnotherUsers {
            path: data_dir.to_owned(),
            // As sudo(8) takes it.
            owner: name_of(owner).unwrap_or_else(|| format!("#{owner}")),
        }),
    }
}

fn owner_of(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|found| found.uid())
}

/// An identity says it by itself. Before there is one, a folder of root's that others may write to is a
/// volume that somebody mounted, and whoever cannot write to it is told so.
fn other_owner(uid: u32, of_identity: Option<u32>, of_folder: Option<u32>) -> Option<u32> {
    let owner = of_identity.or_else(|| of_folder.filter(|owner| *owner != ROOT));
    owner.filter(|owner| *owner != uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_sets_up_an_agent_of_another_user_and_anybody_else_asks_for_their_own() {
        assert_eq!(runs_as(1000, Some(4242), None), RunsAs::Asking);
        assert_eq!(runs_as(ROOT, Some(4242), Some(ROOT)), RunsAs::Other(4242));
        assert_eq!(runs_as(ROOT, None, Some(4242)), RunsAs::Other(4242));
        assert_eq!(runs_as(ROOT, Some(ROOT), Some(ROOT)), RunsAs::Asking);
        assert_eq!(runs_as(ROOT, None, Some(ROOT)), RunsAs::Unknown);
        assert_eq!(runs_as(ROOT, None, None), RunsAs::Unknown);
    }

    const AGENT: u32 = 990;
    const MAIA: u32 = 1001;

    #[test]
    fn a_key_is_made_by_the_user_alone_whose_the_identity_is() {
        assert_eq!(other_owner(AGENT, Some(AGENT), Some(AGENT)), None);
        assert_eq!(other_owner(AGENT, Some(AGENT), Some(ROOT)), None);
        for uid in [ROOT, MAIA] {
            assert_eq!(other_owner(uid, Some(AGENT), Some(AGENT)), Some(AGENT));
            assert_eq!(other_owner(uid, Some(AGENT), Some(ROOT)), Some(AGENT));
            // The folder is shut to them, and what is in it cannot be seen.
            assert_eq!(other_owner(uid, None, Some(AGENT)), Some(AGENT));
        }
    }

    #[test]
    fn who_enrols_first_takes_a_folder_of_nobody_elses() {
        assert_eq!(other_owner(AGENT, None, None), None);
        assert_eq!(other_owner(AGENT, None, Some(AGENT)), None);
        assert_eq!(other_owner(AGENT, None, Some(ROOT)), None);
    }

    #[test]
    fn what_a_file_system_makes_of_the_owner_is_found_out_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(folder.path()).unwrap().uid();
        assert_eq!(writes_as(folder.path()), Some(own));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(writes_as(&folder.path().join("none")), None);
    }

    #[test]
    fn the_refusal_says_as_whom_to_run_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "").unwrap();
        let own = std::fs::metadata(folder.path()).unwrap().uid();
        must_be_of(own, folder.path()).unwrap();
        let words = must_be_of(own + 1, folder.path()).unwrap_err().to_string();
        let owner = name_of(own).unwrap_or_else(|| format!("#{own}"));
        assert!(
            words.contains(&format!("sudo -u '{owner}' alcyone-agent")),
            "{words}"
        );
        assert!(
            words.contains(&folder.path().display().to_string()),
            "{words}"
        );
    }
}
