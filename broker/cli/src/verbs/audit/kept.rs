//! What an auditor keeps from one time to the next: the ledger's key, and the newest tree head that
//! was seen. With them a broker can neither change its key nor its past unnoticed.

use std::fs;
use std::path::{Path, PathBuf};

use broker_client::Client;
use broker_ledger::{Checkpoint, Hash, VerifierKey, verify_consistency};

use crate::config::Settings;
use crate::exit::{Failure, chain};

/// The keys to trust: those given, else the one kept, else (and only online) the one seen now, which
/// is kept from then on.
pub(super) fn trusted(
    settings: &Settings,
    given: &[String],
    seen: Option<&str>,
) -> anyhow::Result<Vec<VerifierKey>> {
    if !given.is_empty() {
        return given.iter().map(|key| parse(key)).collect();
    }
    let path = settings
        .home
        .join(format!("ledger-key-{}.txt", settings.broker_name()));
    let kept = fs::read_to_string(&path).ok();
    match (kept, seen) {
        (Some(kept), Some(seen)) if kept.trim() != seen.trim() => {
            let words = format!(
                "the broker shows another ledger key than the one kept in {}; ask its operator why, and \
                 give the right one with --trusted-key",
                path.display()
            );
            Err(Failure::Verification(words).into())
        }
        (Some(kept), _) => Ok(vec![parse(kept.trim())?]),
        (None, Some(seen)) => {
            fs::create_dir_all(&settings.home)?;
            fs::write(&path, format!("{seen}\n"))?;
            Ok(vec![parse(seen)?])
        }
        (None, None) => Err(Failure::Usage(
            "which key shall have signed? give --trusted-key, as the broker's operator publishes it"
                .to_owned(),
        )
        .into()),
    }
}

fn parse(key: &str) -> anyhow::Result<VerifierKey> {
    key.parse()
        .map_err(|error| Failure::Usage(format!("`{key}` is no verifier key: {error}")).into())
}

pub(super) fn signed(note: &str, trusted: &[VerifierKey]) -> Result<Checkpoint, Failure> {
    Checkpoint::verify(note, trusted)
        .map_err(|error| Failure::Verification(format!("the checkpoint: {}", chain(&error))))
}

pub(super) fn read_checkpoint(path: &Path, trusted: &[VerifierKey]) -> Result<Checkpoint, Failure> {
    let note = fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    Checkpoint::verify(&note, trusted)
        .map_err(|error| Failure::Verification(format!("{}: {}", path.display(), chain(&error))))
}

/// Checks that the tree of now begins with the one given, and with the newest that was seen before.
pub(super) async fn grown(
    settings: &Settings,
    client: &Client,
    given: Option<&Path>,
    trusted: &[VerifierKey],
    now: &Checkpoint,
) -> anyhow::Result<()> {
    let seen = Some(path(settings)).filter(|path| path.exists());
    for path in given.map(Path::to_owned).into_iter().chain(seen) {
        let old = read_checkpoint(&path, trusted)?;
        begins_with(client, &old, now).await.map_err(|error| {
            error.context(format!(
                "compared with the checkpoint in {}",
                path.display()
            ))
        })?;
    }
    Ok(())
}

async fn begins_with(client: &Client, old: &Checkpoint, now: &Checkpoint) -> anyhow::Result<()> {
    let rewritten = |why: String| Failure::Verification(format!("the ledger was rewritten: {why}"));
    if old.size > now.size {
        let why = format!("it had {} entries and has {} now", old.size, now.size);
        return Err(rewritten(why).into());
    }
    let view = client.consistency(old.size, now.size).await?;
    let proof: Result<Vec<Hash>, _> = view.proof.iter().map(|hash| hash.parse()).collect();
    let proof = proof.map_err(|error| rewritten(chain(&error)))?;
    verify_consistency(old.size, &old.root, now.size, &now.root, &proof)
        .map_err(|error| rewritten(chain(&error)).into())
}

/// Keeps a checked tree head for the next time.
pub(super) fn keep(settings: &Settings, note: &str) -> anyhow::Result<()> {
    fs::create_dir_all(&settings.home)?;
    fs::write(path(settings), note)?;
    Ok(())
}

fn path(settings: &Settings) -> PathBuf {
    settings
        .home
        .join(format!("ledger-checkpoint-{}.txt", settings.broker_name()))
}
