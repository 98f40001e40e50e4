//! `integration-parsers FOLDER`: writes what is made of the adapters' fixtures into `FOLDER/TARGET/`, as
//! fuzzers take it.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use integration_parsers::{TARGETS, corpus};

fn main() -> anyhow::Result<()> {
    let folder: PathBuf = std::env::args_os()
        .nth(1)
        .context("a folder is needed to write the seeds into")?
        .into();
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in corpus::recorded(target.name)? {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
