//! What an auditor keeps from one time to the next: the ledger's key, and the newest tree head that
//! was seen. With them a broker can neither change its key nor its past unnoticed.

use std::fs;
use std::path::{Path, PathBuf};

use broker_client::Client;
use broker_ledger::{Checkpoint, Hash, NoteError, VerifierKey, verify_consistency};

use crate::config::{Place, Settings};
use crate::exit::{Failure, chain};
use crate::verbs::audit::file::Earlier;

/// Files of tree heads begin so; the broker's name follows.
const HEAD: &str = "ledger-checkpoint-";

/// The keys to trust: those given, else the one kept, else (and only online) the one seen now, which
/// is kept from then on.
pub(super) fn trusted(
    settings: &Settings,
    given: &[String],
    seen: Option<&str>,
) -> anyhow::Result<Vec<VerifierKey>> {
    if !given.is_empty() {
        return keys(given);
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

/// The same without a broker to ask: a machine that has nothing but the export and a key will do.
pub(super) fn trusted_offline(place: &Place, given: &[String]) -> anyhow::Result<Vec<VerifierKey>> {
    if !given.is_empty() {
        return keys(given);
    }
    let settings = place.named().map_err(|error| {
        Failure::Usage(format!(
            "which key shall have signed? give --trusted-key, as the broker's operator publishes it; \
             none is kept: {error}"
        ))
    })?;
    trusted(&settings, &[], None)
}

fn keys(given: &[String]) -> anyhow::Result<Vec<VerifierKey>> {
    given.iter().map(|key| parse(key)).collect()
}

fn parse(key: &str) -> anyhow::Result<VerifierKey> {
    key.parse()
        .map_err(|error| Failure::Usage(format!("`{key}` is no verifier key: {error}")).into())
}

pub(super) fn signed(note: &str, trusted: &[VerifierKey]) -> Result<Checkpoint, Failure> {
    Checkpoint::verify(note, trusted)
        .map_err(|error| Failure::Verification(format!("the checkpoint: {}", chain(&error))))
}

fn read_checkpoint(path: &Path, trusted: &[VerifierKey]) -> Result<Checkpoint, Failure> {
    let note = fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    Checkpoint::verify(&note, trusted).map_err(|error| unfit(path, &error))
}

fn unfit(path: &Path, error: &NoteError) -> Failure {
    Failure::Verification(format!("{}: {}", path.display(), chain(error)))
}

/// A tree head that the auditor names.
pub(super) fn earlier(path: &Path, trusted: &[VerifierKey]) -> Result<Earlier, Failure> {
    let checkpoint = read_checkpoint(path, trusted)?;
    Ok(Earlier {
        file: path.to_owned(),
        size: checkpoint.size,
        checkpoint,
    })
}

/// The largest kept tree head that a trusted key signed, of whichever broker it was: a ledger is known
/// by its key. Heads of other ledgers are passed over; a damaged one is an error.
pub(super) fn newest(place: &Place, trusted: &[VerifierKey]) -> Result<Option<Earlier>, Failure> {
    let Some(home) = place.home() else {
        return Ok(None);
    };
    let mut newest: Option<Earlier> = None;
    for path in kept_heads(home) {
        let note = fs::read_to_string(&path)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        let checkpoint = match Checkpoint::verify(&note, trusted) {
            Ok(checkpoint) => checkpoint,
            Err(NoteError::NoTrustedSignature { .. }) => continue,
            Err(error) => return Err(unfit(&path, &error)),
        };
        if newest
            .as_ref()
            .is_none_or(|newest| newest.size < checkpoint.size)
        {
            newest = Some(Earlier {
                file: path,
                size: checkpoint.size,
                checkpoint,
            });
        }
    }
    Ok(newest)
}

fn kept_heads(home: &Path) -> Vec<PathBuf> {
    let is_head = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str());
        let is_text = path.extension().is_some_and(|extension| extension == "txt");
        is_text && name.is_some_and(|name| name.starts_with(HEAD))
    };
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_head).collect()
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
        .join(format!("{HEAD}{}.txt", settings.broker_name()))
}
