use broker_model::{FundingShare, IndicatorKind, ObjectiveDraft, OrganisationId};
use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::{PolicyVerb, values};

/// What a funder asks of a period.
#[derive(Debug, Subcommand)]
pub enum FunderVerb {
    /// Show who used how much and how long access took (auditors, operators)
    Indicators {
        #[command(flatten)]
        period: PeriodArgs,
        /// Of one share only: union, national:FI, commercial; needed by an auditor of one
        #[arg(long)]
        share: Option<FundingShare>,
    },
    /// List what was set out to be reached, and how far it is (auditors, operators)
    Objectives,
    /// Look at the policies, and compare them
    Policy {
        #[command(subcommand)]
        what: PolicyVerb,
    },
    /// Set out to reach something (operators)
    Objective {
        #[command(subcommand)]
        what: ObjectiveVerb,
    },
}

#[derive(Debug, Args)]
pub struct PeriodArgs {
    /// The first day, of UTC: 2026-11-01
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    pub from: Date,
    /// The last day
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    pub to: Date,
}

#[derive(Debug, Subcommand)]
pub enum ObjectiveVerb {
    /// Set one before its period begins; nothing changes it afterwards
    Add(ObjectiveArgs),
}

#[derive(Debug, Args)]
pub struct ObjectiveArgs {
    /// The organisation that answers for it
    #[arg(long, value_name = "ORG")]
    owner: OrganisationId,
    /// What is computed: hours are whole ones, parts are thousandths
    #[arg(long, value_parser = values::one_of::<IndicatorKind>(&["gpu_hours", "organisations", "sme_permille", "top10_permille", "decision_hours", "access_hours"]))]
    indicator: IndicatorKind,
    /// Where it stands without it
    #[arg(long, allow_negative_numbers = true)]
    baseline: u64,
    /// What is to be reached; below the baseline where less is better
    #[arg(long, allow_negative_numbers = true)]
    target: u64,
    #[command(flatten)]
    period: PeriodArgs,
    /// Of one share only: union, national:FI, commercial
    #[arg(long)]
    share: Option<FundingShare>,
    /// The same key again means the same objective, never a second one
    #[arg(long)]
    pub key: Option<String>,
}

impl ObjectiveArgs {
    pub fn draft(&self) -> ObjectiveDraft {
        ObjectiveDraft {
            owner: self.owner,
            indicator: self.indicator,
            share: self.share.clone(),
            baseline: self.baseline,
            target: self.target,
            from: self.period.from,
            to: self.period.to,
        }
    }
}
