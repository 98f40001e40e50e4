//! Who the agent is: its id, its key, and the broker it came in at. One file in the data folder that
//! only its owner reads, changed whole or not at all.

mod owner;

pub(crate) use self::owner::RunsAs;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use agent_link::{InviteText, KeyPair, PublicKey};
use broker_model::{AgentId, InviteId, SiteId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::durable;

const FILE: &str = "identity.toml";
/// A key that was made and perhaps told the broker, and is not yet the agent's.
const NEXT: &str = "identity.next.toml";
const ENROLLING: &str = "identity.enrolling.toml";

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error(
        "this agent is not enrolled: `{0}` is not there; ask an administrator of the site for an invite \
         (`alcyone site invite`) and run `alcyone-agent enrol`"
    )]
    NotEnrolled(PathBuf),
    #[error(
        "`{0}` is there already: this agent is enrolled; remove it to enrol anew, and have the old agent revoked"
    )]
    Enrolled(PathBuf),
    #[error(
        "cannot read `{path}`; it must belong to the user that the agent runs as, who alone runs `enrol` and \
         `rotate-key`"
    )]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` is damaged ({reason}); remove it and enrol anew")]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "`{path}` is the user `{owner}`'s, and the agent could not read what another one writes there; run this \
         as that user: `sudo -u '{owner}' alcyone-agent …`"
    )]
    AnotherUsers { path: PathBuf, owner: String },
    #[error(
        "another process is changing this agent's key just now (`{0}` is locked); wait a moment and run it again"
    )]
    Rotating(PathBuf),
    #[error("cannot write `{path}`; the agent's data folder must be writable")]
    Unwritable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// An enrolled agent.
#[derive(Clone, Debug)]
pub struct Identity {
    pub agent: AgentId,
    pub site: SiteId,
    pub broker: Url,
    /// What the broker signs its answers with.
    pub broker_key: PublicKey,
    pub key: KeyPair,
    pub key_made_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    agent: AgentId,
    site: SiteId,
    broker: Url,
    broker_key: PublicKey,
    key: String,
    key_made_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Enrolling {
    invite: InviteId,
    key: String,
}

impl Identity {
    pub fn load(data_dir: &Path) -> Result<Self, IdentityError> {
        let path = data_dir.join(FILE);
        read(&path)?.ok_or(IdentityError::NotEnrolled(path))
    }

    /// The identity with the key that was to follow when the agent came to an end.
    pub fn next(data_dir: &Path) -> Result<Option<Self>, IdentityError> {
        read(&data_dir.join(NEXT))
    }

    /// Fails if there is one already: two agents must not take each other's place by mistake.
    pub fn must_be_new(data_dir: &Path) -> Result<(), IdentityError> {
        let path = data_dir.join(FILE);
        if path.exists() {
            return Err(IdentityError::Enrolled(path));
        }
        Ok(())
    }

    /// Keeps it from now on.
    pub fn store(&self, data_dir: &Path) -> Result<(), IdentityError> {
        self.write(data_dir, FILE)?;
        remove(&data_dir.join(NEXT))?;
        remove(&data_dir.join(ENROLLING))
    }

    /// Keeps it beside the present one, before anybody is told of its key.
    pub fn store_next(&self, data_dir: &Path) -> Result<(), IdentityError> {
        self.write(data_dir, NEXT)
    }

    fn write(&self, data_dir: &Path, name: &str) -> Result<(), IdentityError> {
        let stored = Stored {
            agent: self.agent,
            site: self.site.clone(),
            broker: self.broker.clone(),
            broker_key: self.broker_key,
            key: self.key.secret(),
            key_made_at: self.key_made_at,
        };
        write(data_dir, name, &stored)
    }
}

/// The key that this invite is answered with: kept before it is sent, so that the same one goes again
/// after a lost answer or a crash.
pub(crate) fn enrolling_key(
    data_dir: &Path,
    invite: &InviteText,
) -> Result<KeyPair, IdentityError> {
    let path = data_dir.join(ENROLLING);
    if let Some(begun) = read_toml::<Enrolling>(&path)?
        && begun.invite == invite.id
    {
        return KeyPair::from_secret(&begun.key).map_err(|error| damaged(&path, error));
    }
    let key = KeyPair::generate();
    let begun = Enrolling {
        invite: invite.id,
        key: key.secret(),
    };
    write(data_dir, ENROLLING, &begun)?;
    Ok(key)
}

/// The identity with the key that follows this one: the one that was begun, or a new one, which is on
/// the disk before anybody hears of it.
pub(crate) fn next_key(
    data_dir: &Path,
    present: &Identity,
    now: Timestamp,
) -> Result<Identity, IdentityError> {
    if let Some(begun) = Identity::next(data_dir)? {
        return Ok(begun);
    }
    let made = Identity {
        key: KeyPair::generate(),
        key_made_at: now,
        ..present.clone()
    };
    made.store_next(data_dir)?;
    Ok(made)
}

/// Held while a key is changed; it falls when the process ends however it ends.
pub(crate) fn rotation_lock(data_dir: &Path) -> Result<File, IdentityError> {
    let path = data_dir.join("identity.lock");
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    match opened.map(|file| (file.try_lock(), file)) {
        Ok((Ok(()), file)) => Ok(file),
        Ok((Err(TryLockError::WouldBlock), _)) => Err(IdentityError::Rotating(path)),
        Ok((Err(TryLockError::Error(source)), _)) | Err(source) => {
            Err(IdentityError::Unwritable { path, source })
        }
    }
}

fn read(path: &Path) -> Result<Option<Identity>, IdentityError> {
    let Some(stored) = read_toml::<Stored>(path)? else {
        return Ok(None);
    };
    let key = KeyPair::from_secret(&stored.key).map_err(|error| damaged(path, error))?;
    Ok(Some(Identity {
        agent: stored.agent,
        site: stored.site,
        broker: stored.broker,
        broker_key: stored.broker_key,
        key,
        key_made_at: stored.key_made_at,
    }))
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, IdentityError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let path = path.to_owned();
            return Err(IdentityError::Unreadable { path, source });
        }
    };
    // Only the place: the text around it may be the key.
    let read = toml::from_str(&text).map_err(|error| damaged(path, error.message()));
    read.map(Some)
}

fn damaged(path: &Path, reason: impl std::fmt::Display) -> IdentityError {
    IdentityError::Damaged {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn write(data_dir: &Path, name: &str, value: &impl Serialize) -> Result<(), IdentityError> {
    let text = toml::to_string(value).map_err(std::io::Error::other);
    text.and_then(|text| durable::replace(data_dir, name, text.as_bytes(), 0o600))
        .map_err(|source| IdentityError::Unwritable {
            path: data_dir.join(name),
            source,
        })
}

fn remove(path: &Path) -> Result<(), IdentityError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            let path = path.to_owned();
            Err(IdentityError::Unwritable { path, source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn identity() -> Identity {
        Identity {
            agent: "agt_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            site: "lumi".parse().unwrap(),
            broker: "https://broker.example.eu/".parse().unwrap(),
            broker_key: *KeyPair::generate().public(),
            key: KeyPair::generate(),
            key_made_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_identity_is_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Identity::load(folder.path()).unwrap_err();
        assert!(missing.to_string().contains("alcyone-agent enrol"));
        let made = identity();
        made.store(folder.path()).unwrap();
        let read = Identity::load(folder.path()).unwrap();
        assert_eq!(read.key.public(), made.key.public());
        assert_eq!((read.agent, read.site), (made.agent, made.site));
        let file = std::fs::metadata(folder.path().join(FILE)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        assert!(Identity::must_be_new(folder.path()).is_err());
    }

    #[test]
    fn the_next_key_takes_the_place_of_the_present_one_in_one_step() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (identity(), identity());
        old.store(folder.path()).unwrap();
        new.store_next(folder.path()).unwrap();
        // Killed here, both are there and either is whole.
        let present = Identity::load(folder.path()).unwrap();
        assert_eq!(present.key.public(), old.key.public());
        let next = Identity::next(folder.path()).unwrap().unwrap();
        next.store(folder.path()).unwrap();
        let present = Identity::load(folder.path()).unwrap();
        assert_eq!(present.key.public(), new.key.public());
        assert!(Identity::next(folder.path()).unwrap().is_none());
    }

    #[test]
    fn an_invite_is_answered_with_one_key_however_often() {
        let folder = tempfile::tempdir().unwrap();
        let invite = |id: &str| InviteText {
            id: id.parse().unwrap(),
            site: "lumi".parse().unwrap(),
            broker: "https://broker.example.eu/".parse().unwrap(),
            broker_key: *KeyPair::generate().public(),
            key: KeyPair::generate(),
        };
        let first = invite("inv_0192f0c1d2e37abc8def0123456789ab");
        let key = enrolling_key(folder.path(), &first).unwrap();
        let again = enrolling_key(folder.path(), &first).unwrap();
        assert_eq!(key.public(), again.public());
        let other = invite("inv_0192f0c1d2e37abc8def0123456789ac");
        let other = enrolling_key(folder.path(), &other).unwrap();
        assert_ne!(key.public(), other.public());
    }

    #[test]
    fn a_second_change_of_the_key_at_one_time_is_told_to_wait() {
        let folder = tempfile::tempdir().unwrap();
        let held = rotation_lock(folder.path()).unwrap();
        let words = rotation_lock(folder.path()).unwrap_err().to_string();
        assert!(words.contains("is changing this agent's key"), "{words}");
        assert!(words.contains("run it again"), "{words}");
        drop(held);
        rotation_lock(folder.path()).unwrap();
    }

    #[test]
    fn a_damaged_file_is_named_and_its_content_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let made = identity();
        made.store(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("site", "sight")).unwrap();
        let words = Identity::load(folder.path()).unwrap_err().to_string();
        assert!(words.contains("identity.toml"), "{words}");
        assert!(!words.contains(&made.key.secret()), "{words}");
    }
}
