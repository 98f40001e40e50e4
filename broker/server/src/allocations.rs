//! `alcyone-broker allocations import`: a table or a Waldur, as one batch of lines.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use broker_app::Error;
use broker_app::imports::{ImportBatch, ImportReport, read_table};
use broker_model::InvalidSpec;

use crate::cli::ImportOptions;
use crate::compose::compose;
use crate::config::Config;
use crate::waldur::{self, Waldur};
use crate::{println_out, secrets};

/// Far above any table that can be imported at once.
const LARGEST_TABLE: u64 = 10 << 20;

/// What became of it: told, or which lines are at fault.
type Imported = Result<ImportReport, Vec<InvalidSpec>>;

pub(crate) async fn import(options: ImportOptions) -> anyhow::Result<ExitCode> {
    let config = Config::load(&options.config)?;
    let batch = batch(&options).await?;
    Ok(match imported(&config, &batch, options.dry_run).await? {
        Ok(report) => {
            show(&report, options.dry_run);
            ExitCode::SUCCESS
        }
        Err(faults) => {
            for remark in &batch.remarks {
                eprintln!("careful: {remark}");
            }
            for fault in &faults {
                eprintln!("{fault}");
            }
            eprintln!("nothing was imported: mend this at the source and import again");
            ExitCode::FAILURE
        }
    })
}

/// All that the source says, before anything of the broker is asked.
async fn batch(options: &ImportOptions) -> anyhow::Result<ImportBatch> {
    let Some(url) = &options.waldur else {
        let file = options.file.as_deref().context("name a table")?;
        let source = options.source.as_deref().unwrap_or("csv");
        return Ok(read_table(&table(file)?, source));
    };
    let (Some(token_file), Some(map)) = (&options.token_file, &options.map) else {
        bail!("--waldur needs --token-file and --map");
    };
    let place = || map.display().to_string();
    let map =
        toml::from_str(&std::fs::read_to_string(map).with_context(place)?).with_context(place)?;
    if let Some(warning) = secrets::check("--token-file", token_file)? {
        eprintln!("careful: {warning}");
    }
    let waldur = Waldur::new(url, &waldur::token(token_file)?)?;
    let source = options.source.clone();
    let source = source.unwrap_or_else(|| waldur.name());
    waldur.batch(&source, &options.offering, &map).await
}

pub(crate) fn table(file: &Path) -> anyhow::Result<Vec<u8>> {
    let place = || file.display().to_string();
    let size = std::fs::metadata(file).with_context(place)?.len();
    if size > LARGEST_TABLE {
        bail!("{}: {size} bytes; allowed: {LARGEST_TABLE}", file.display());
    }
    std::fs::read(file).with_context(place)
}

async fn imported(config: &Config, batch: &ImportBatch, dry_run: bool) -> anyhow::Result<Imported> {
    let composed = compose(config).await?;
    // A site may have been registered while the broker serves, and be in no file here.
    let refreshed = composed.broker.board().refresh(&composed.store).await;
    let done = match refreshed {
        Ok(_) => composed.broker.import_allocations(batch, dry_run).await,
        Err(error) => Err(error.into()),
    };
    composed.store.close().await;
    match done {
        Ok(report) => Ok(Ok(report)),
        Err(Error::Invalid(_, faults)) => Ok(Err(faults)),
        Err(error) => Err(error).context("nothing was imported"),
    }
}

fn show(report: &ImportReport, dry_run: bool) {
    for line in report.led_to.iter().chain(&report.changes) {
        println_out(line);
    }
    for remark in &report.remarks {
        println_out(&format!("careful: {remark}"));
    }
    match (report.changes.is_empty(), dry_run) {
        (true, _) => println_out("nothing to do: all of it is there"),
        (false, true) => println_out("a dry run: nothing was changed"),
        (false, false) => {}
    }
}

#[cfg(test)]
pub(crate) mod tests;
