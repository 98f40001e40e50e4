//! What a site's administrator types.

use std::path::PathBuf;

use broker_model::{
    AllocationId, ControlId, DrainId, FundingShare, IncidentId, OrganisationId, PartitionId,
    SiteId, SiteScope, SystemId, VetoId, WindowId,
};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::PersonVerb;
use super::values::{moment, set_item};
use crate::cli::AgentVerb;

#[derive(Debug, Subcommand)]
pub enum SiteVerb {
    #[command(flatten)]
    Agents(AgentVerb),
    #[command(flatten)]
    Person(PersonVerb),
    /// Register a site from its file, or change what is registered
    #[command(visible_alias = "register")]
    Import {
        /// TOML as in `config/sites/`, or JSON if it is called `*.json`
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Print what is registered of a site, as a file that `site import` takes
    Document { site: SiteId },
    /// Show all that is set at a site: windows, drains, incidents, vetoes, limits
    Show { site: SiteId },
    /// Capacity windows: what a funding share may use when
    Windows {
        #[command(subcommand)]
        what: WindowVerb,
    },
    #[command(flatten)]
    Drains(DrainVerb),
    /// Tell users of trouble or of planned maintenance
    Incident {
        #[command(subcommand)]
        what: IncidentVerb,
    },
    #[command(flatten)]
    Vetoes(VetoVerb),
    /// Limit what an organisation may have at the site; without a number the limit is lifted
    Limit {
        site: SiteId,
        organisation: OrganisationId,
        /// Jobs running, or handed over and free to start
        #[arg(long)]
        at_once: Option<u32>,
        /// Jobs that wait there
        #[arg(long)]
        queued: Option<u32>,
        /// GPU-hours in a month (UTC), used and held
        #[arg(long)]
        gpu_hours: Option<u32>,
    },
    /// Take back what was set by mistake, as if it had never been: a window, drain, incident or veto by
    /// its id, a limit by its organisation's
    Remove {
        site: SiteId,
        /// As `site show` lists it: `win_…`, `drn_…`, `inc_…`, `vet_…`, or `org_…` for a limit
        #[arg(value_parser = set_item)]
        item: ControlId,
    },
    /// Take a site that never had jobs out of the federation, or a system or partition without jobs out
    /// of the site
    Retire {
        site: SiteId,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// List local accounts that the site told of and that no allocation names, with their jobs and hours
    UnknownAccounts { site: SiteId },
    /// List what the site has that is not over, and for whom
    Jobs {
        site: SiteId,
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[arg(long)]
        cursor: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum DrainVerb {
    /// Take no new jobs; those that run or wait there stay
    Drain {
        site: SiteId,
        #[command(flatten)]
        scope: ScopeArgs,
        #[arg(long)]
        reason: String,
        /// When it begins, as 2026-11-21T10:00:00Z [default: now]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<Timestamp>,
        /// When it ends by itself, as 2026-11-21T10:00:00Z [default: when somebody ends it]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: Option<Timestamp>,
    },
    /// End a drain
    Undrain { site: SiteId, drain: DrainId },
}

/// Whom a site refuses.
#[derive(Clone, Copy, Debug)]
pub enum Refused {
    Allocation(AllocationId),
    Organisation(OrganisationId),
}

impl std::str::FromStr for Refused {
    type Err = broker_model::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("org_") {
            text.parse().map(Self::Organisation)
        } else {
            text.parse().map(Self::Allocation)
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum VetoVerb {
    /// Refuse an allocation at the site, or an organisation with all it has and applies for
    Veto {
        site: SiteId,
        /// An allocation (alc_…) or an organisation (org_…)
        #[arg(value_name = "ALLOCATION|ORG")]
        whom: Refused,
        #[arg(long)]
        system: Option<SystemId>,
        #[arg(long)]
        reason: String,
        /// Of an allocation: cancel its jobs that wait there; those that run are left to end
        #[arg(long)]
        cancel_queued: bool,
        /// Of an organisation: when it ends by itself, as 2026-11-21T10:00:00Z [default: when somebody lifts it]
        #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "cancel_queued")]
        until: Option<Timestamp>,
    },
    /// Serve the allocation, or the organisation, again
    LiftVeto { site: SiteId, veto: VetoId },
}

// No words of its own: clap would take them for those of the verb.
#[derive(Debug, Args)]
pub struct ScopeArgs {
    /// Only this system of the site
    #[arg(long)]
    system: Option<SystemId>,
    /// Only this partition of the system
    #[arg(long, requires = "system")]
    partition: Option<PartitionId>,
}

impl From<ScopeArgs> for SiteScope {
    fn from(args: ScopeArgs) -> Self {
        Self {
            system: args.system,
            partition: args.partition,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum WindowVerb {
    /// List them with what is used and held
    List { site: SiteId },
    /// Open one
    Add {
        site: SiteId,
        /// `union`, `national:FI`, `commercial`
        #[arg(long)]
        share: FundingShare,
        #[command(flatten)]
        scope: ScopeArgs,
        /// When it begins, as 2026-11-21T10:00:00Z
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Timestamp,
        /// When it ends, as 2026-11-21T10:00:00Z
        #[arg(long, value_name = "TIME", value_parser = moment)]
        to: Timestamp,
        #[arg(long)]
        gpu_hours: u32,
    },
    /// Close one now; its jobs stay
    Close {
        site: SiteId,
        window: WindowId,
        /// Take it back as if it had never been
        #[arg(long)]
        withdraw: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum IncidentVerb {
    /// Tell of a new one
    Open {
        site: SiteId,
        #[arg(long)]
        title: String,
        #[arg(long)]
        words: String,
        /// Jobs that could still run at the begin of maintenance are not placed there
        #[arg(long, value_enum, default_value_t = KindArg::Incident)]
        kind: KindArg,
        #[arg(long, value_enum, default_value_t = SeverityArg::Degraded)]
        severity: SeverityArg,
        /// When it begins, as 2026-11-21T10:00:00Z [default: now]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<Timestamp>,
        /// When it ends, as 2026-11-21T10:00:00Z [default: not known yet]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        to: Option<Timestamp>,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Tell what is new of one
    Update {
        site: SiteId,
        incident: IncidentId,
        #[arg(long)]
        words: String,
        #[arg(long, value_enum)]
        severity: Option<SeverityArg>,
        /// When it will end, as 2026-11-21T10:00:00Z
        #[arg(long, value_name = "TIME", value_parser = moment)]
        to: Option<Timestamp>,
    },
    /// Say that it is over
    Close { site: SiteId, incident: IncidentId },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KindArg {
    Incident,
    Maintenance,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SeverityArg {
    Info,
    Degraded,
    Outage,
}
