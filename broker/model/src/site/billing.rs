use std::sync::LazyLock;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Confidence, Partition, Site, Uncertain};

/// How the site charges: units per node while the job runs, the largest of the terms.
///
/// LUMI's `small-g` has three terms (a GCD, 8 cores and 64 GB each cost 0.5 GPU-hours an hour); a
/// whole-node site has one over `nodes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    /// The site's word: `GPU-hour`, `node-hour`, `core-hour`.
    pub unit: String,
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
    pub terms: Vec<BillingTerm>,
    /// Not the site's, but the broker's since that day: how the site charges is not known. Never in a
    /// document that is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed_since: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillingTerm {
    pub of: Billed,
    /// One step for this many, rounded up.
    #[serde(default = "one")]
    pub per: u32,
    /// Thousandths of a unit for each step.
    pub milliunits: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billed {
    Nodes,
    /// As the scheduler counts them, on all nodes.
    SchedulerGpus,
    Cpus,
    MemoryGib,
}

/// What counts where the site's own billing is not known: `config/billing.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "required, and read by people and a test")
)]
struct Assumed {
    since: Date,
    source: Vec<String>,
    checked_on: Date,
    confidence: Confidence,
    gpu: Billing,
    cpu: Billing,
}

const FILE: &str = include_str!("../../../../config/billing.toml");

static ASSUMED: LazyLock<Assumed> = LazyLock::new(assumed);

#[expect(
    clippy::expect_used,
    reason = "a file of this repository, which a test reads"
)]
fn assumed() -> Assumed {
    toml::from_str(FILE).expect("config/billing.toml is as it was tested")
}

impl Site {
    /// The site with a billing for each partition: its own, or what is assumed and marked so.
    #[must_use]
    pub fn with_assumed_billing(mut self) -> Self {
        let partitions = self.systems.iter_mut().flat_map(|it| &mut it.partitions);
        for partition in partitions.filter(|it| it.billing.is_none()) {
            partition.billing = Some(partition.assumed_billing());
        }
        self
    }

    /// Whether how it charges is known of every partition.
    pub fn says_its_billing(&self) -> bool {
        let mut partitions = self.systems.iter().flat_map(|it| &it.partitions);
        partitions.all(|it| it.billing.is_some())
    }
}

impl Partition {
    fn assumed_billing(&self) -> Billing {
        let rule = if self.gpus_per_node > 0 {
            &ASSUMED.gpu
        } else {
            &ASSUMED.cpu
        };
        let physical = |term: &BillingTerm| BillingTerm {
            per: match term.of {
                Billed::SchedulerGpus => term.per.saturating_mul(self.scheduler_gpus_per_gpu),
                _ => term.per,
            },
            ..*term
        };
        Billing {
            unit: rule.unit.clone(),
            uncertain: Uncertain::default(),
            terms: rule.terms.iter().map(physical).collect(),
            assumed_since: Some(ASSUMED.since),
        }
    }
}

const fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_does_not_say_how_it_charges_gets_what_is_assumed_and_marked() {
        let text = include_str!("../../../../config/sites/lumi.toml");
        let mut site: Site = toml::from_str(text).unwrap();
        let own = site.clone();
        assert!(own.says_its_billing());
        assert_eq!(site.clone().with_assumed_billing(), own);
        for partition in &mut site.systems[0].partitions {
            partition.billing = None;
        }
        assert!(!site.says_its_billing());
        let assumed = site.with_assumed_billing();
        let of = |id: &str| {
            let mut all = assumed.systems[0].partitions.iter();
            all.find(|it| it.id.as_str() == id)
                .unwrap()
                .billing
                .clone()
                .unwrap()
        };
        // A module is two GPUs to Slurm, and one here.
        let gpu = of("standard-g");
        assert_eq!((gpu.unit.as_str(), gpu.terms[0].per), ("GPU-hour", 2));
        let cpu = of("standard");
        assert_eq!(
            (cpu.unit.as_str(), cpu.terms[0].of),
            ("node-hour", Billed::Nodes)
        );
        for billing in [gpu, cpu] {
            assert_eq!(billing.assumed_since, Some(ASSUMED.since));
        }
    }

    #[test]
    fn what_is_assumed_says_where_it_comes_from_when_that_was_checked_and_how_sure_it_is() {
        let assumed = assumed();
        assert!(!assumed.source.is_empty());
        assert_eq!(assumed.confidence, Confidence::Uncertain);
        assert!(assumed.checked_on <= assumed.since);
        for required in ["source", "checked_on", "confidence"] {
            let mut file: toml::Table = toml::from_str(FILE).unwrap();
            file.remove(required).unwrap();
            let error = file.try_into::<Assumed>().unwrap_err().to_string();
            assert!(error.contains(required), "{error}");
        }
    }
}
