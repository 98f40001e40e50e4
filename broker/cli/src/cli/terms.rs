use broker_model::TermsId;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum TermsVerb {
    /// Read one
    Show {
        #[arg(value_name = "ID")]
        terms: TermsId,
    },
    /// Accept one: shows it, and asks
    Accept(AcceptTermsArgs),
}

#[derive(Debug, Args)]
pub struct AcceptTermsArgs {
    /// As `alcyone terms` lists it: `platform`, `site-lumi`
    #[arg(value_name = "ID")]
    pub terms: TermsId,
    /// Do not ask: you have read it. Needed where there is no terminal
    #[arg(long)]
    pub yes: bool,
}
