use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::demo::DemoOptions;

/// The broker of Alcyone: one door to Europe's AI factories.
#[derive(Debug, Parser)]
#[command(name = "alcyone-broker", version, propagate_version = true)]
pub struct BrokerCommand {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the whole federation in this process and one sample job through it
    Demo(DemoOptions),
    /// Serve the API and the portal
    Serve {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
    /// Bring the database's schema up to this version; run before `serve` of a new version
    Migrate {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
    /// Bring organisations, projects, allocations and roles in from a file
    Import {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
        file: PathBuf,
    },
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Try everything the configuration names and say what is wrong
    Doctor {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
    /// Make a key for the ledger
    LedgerKey {
        /// The ledger's name, which stays: `broker.example.eu/ledger`
        #[arg(long)]
        name: String,
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Read it as `serve` would and say what is wrong, with file, key and reason
    Check {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
}
