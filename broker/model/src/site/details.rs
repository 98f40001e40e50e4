//! What people and operators want to know of a site and no decision reads, apart from
//! [`PartitionRules`].

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Uncertain;
use crate::Walltime;

/// Where questions go: addresses of desks, never of persons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub general: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_page: Option<String>,
    /// The partner that newcomers are asked to speak to first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<String>,
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
}

/// How the factory came about and what it offers beyond machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factory {
    /// `new`, `upgrade` of a system, `associated` with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_on: Option<Date>,
    /// A year or a month: `2025-04`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services_since: Option<String>,
    #[serde(default)]
    pub consortium: Vec<String>,
    /// The site's own ways in, beside the access modes of EuroHPC.
    #[serde(default)]
    pub programmes: Vec<String>,
    /// Where its user accounts come from.
    #[serde(default)]
    pub identity: Vec<String>,
    /// The kind of adapter that fits: `slurm_rest`, `pbs`, `kubernetes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_eur: Option<u64>,
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
    /// What it set out to reach, by name: `companies = 2000`.
    #[serde(default)]
    pub targets: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Funding {
    /// States that pay for this machine; they differ from the factory's partners.
    #[serde(default)]
    pub partners: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_eur: Option<u64>,
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
}

/// How users and agents reach a system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    #[serde(default)]
    pub login_hosts: Vec<String>,
    #[serde(default)]
    pub transfer_hosts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_api: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_base: Option<String>,
    /// Fields of a job that its REST interface insists on.
    #[serde(default)]
    pub rest_job_fields: Vec<String>,
    /// Headers by which its REST interface knows the caller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rest_headers: Vec<String>,
    /// A regular expression that the accounts of projects match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_pattern: Option<String>,
    /// Whether jobs reach the internet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_internet: Option<bool>,
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
    /// Where jobs of a funding share (`union`, `national:FI`, `commercial`) must be handed in, when not
    /// as the site's `automation` says: `union = "efp_handoff"`.
    #[serde(default)]
    pub route_by_share: BTreeMap<String, Route>,
}

/// A way into a site for jobs of one funding share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The site's agent, though the site's other jobs are handed off.
    Agent,
    /// The EuroHPC Federation Platform's workflows (LEXIS).
    EfpHandoff,
    /// The site's own route.
    Handoff,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tb: Option<u32>,
    /// How long data can be fetched after a project's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
    #[serde(default, rename = "area")]
    pub areas: Vec<StorageArea>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageArea {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tb: Option<u32>,
    /// Per user or project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_gb: Option<u32>,
    /// Files older than this are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    /// Thousandths of a TB-hour charged for each TB-hour used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_permille: Option<u32>,
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
}

/// What a partition asks of jobs beside its size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionRules {
    /// Part of an experimental platform: only jobs that say they want one go there.
    #[serde(default)]
    pub experimental: bool,
    /// The terms that whoever sets `placement.experimental` for it takes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_url: Option<String>,
    /// A job has to say how many GPUs it wants: one that does not gets more than none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_gpus: bool,
    /// The site wants no jobs here that leave the GPUs idle.
    #[serde(default)]
    pub gpu_jobs_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_queued_jobs_per_user: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_running_jobs_per_user: Option<u32>,
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
    #[serde(default)]
    pub qos: Vec<Qos>,
}

/// A quality of service that the site's accounts may ask for, and its limits for one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qos {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_walltime: Option<Walltime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cpus: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_nodes: Option<u32>,
    /// Jobs of one user at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_jobs: Option<u32>,
}
