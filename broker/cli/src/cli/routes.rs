use std::path::PathBuf;

use broker_client::wire::{RouteEvidence, RouteNeed, RouteOrganisation, RouteProject, RouteQuery};
use broker_model::{AiAct, ApplicationAid, OrganisationId};
use clap::Args;
use jiff::civil::Date;

/// What is known of who asks, and how much is needed.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own, and any of them may be said"
)]
pub struct RouteArgs {
    /// One that you speak for; needed when you speak for several
    #[arg(long, value_name = "ORG")]
    pub organisation: Option<OrganisationId>,
    /// Of one that is not registered: where it is established, `FI`
    #[arg(long)]
    pub country: Option<String>,
    /// Of that one: company, research, `public_sector`
    #[arg(long, requires = "country")]
    pub kind: Option<String>,
    /// Of that one: micro, small, medium, large (Recommendation 2003/361/EC), or unclear
    #[arg(long, requires = "country")]
    pub size: Option<String>,
    /// That one calls itself a start-up
    #[arg(long, requires = "country")]
    pub startup: bool,
    /// What it is for is civilian
    #[arg(long)]
    pub civilian: bool,
    /// Horizon Europe or Digital Europe pays for it
    #[arg(long)]
    pub eu_project: bool,
    /// More than once for several: health
    #[arg(long = "sector")]
    pub sectors: Vec<String>,
    /// Evidence at hand with its day, more than once for several: `seal_of_excellence=2026-03-01`
    #[arg(long, value_name = "KIND=DAY", value_parser = evidence)]
    pub evidence: Vec<RouteEvidence>,
    /// Physical GPU-hours
    #[arg(long, value_name = "HOURS", allow_negative_numbers = true)]
    pub gpu_hours: Option<u32>,
    #[arg(long, allow_negative_numbers = true)]
    pub months: Option<u32>,
    /// It makes a general-purpose AI model (AI Act, Art. 51)
    #[arg(long)]
    pub gpai: bool,
    /// What training takes, in 10^18 floating-point operations
    #[arg(long, value_name = "EXAFLOP", allow_negative_numbers = true)]
    pub training_exaflop: Option<u64>,
    /// An area of Annex III of the AI Act, more than once for several: employment
    #[arg(long = "high-risk", value_name = "AREA")]
    pub high_risk: Vec<String>,
    /// A practice of Art. 5 of the AI Act, more than once for several
    #[arg(long = "prohibited", value_name = "PRACTICE")]
    pub prohibited: Vec<String>,
    /// De minimis aid that a company had in three years from its state, in EUR, beside what is registered here
    #[arg(long, value_name = "EUR", allow_negative_numbers = true)]
    pub aid_received: Option<u32>,
    /// What the hours are worth, in EUR, where that is known
    #[arg(long, value_name = "EUR", allow_negative_numbers = true)]
    pub aid_worth: Option<u32>,
    /// TOML, or JSON if it is called `*.json`, as `alcyone apply` takes it: its project, need and aid; what is said
    /// beside goes before
    #[arg(long, value_name = "FILE")]
    pub project: Option<PathBuf>,
    /// Only one access mode, with all that is known of it and every rule that spoke
    #[arg(long)]
    pub mode: Option<String>,
    /// All that is known of every route, with its sources
    #[arg(long)]
    pub full: bool,
}

impl RouteArgs {
    /// What was not said stays open: a flag that is absent is no "no".
    pub fn query(
        &self,
        organisation_id: Option<OrganisationId>,
        (project, need, aid): (RouteProject, RouteNeed, Option<ApplicationAid>),
    ) -> RouteQuery {
        let said = |flag: bool| flag.then_some(true);
        let described = |country: &String| RouteOrganisation {
            country: country.clone(),
            kind: self.kind.clone(),
            size: self.size.clone().unwrap_or_else(|| "unclear".to_owned()),
            startup: said(self.startup),
        };
        RouteQuery {
            organisation_id,
            organisation: self.country.as_ref().map(described),
            project: RouteProject {
                civilian: said(self.civilian).or(project.civilian),
                eu_project: said(self.eu_project).or(project.eu_project),
                sectors: or_else(&self.sectors, project.sectors),
                ai_act: self.ai_act(project.ai_act),
            },
            evidence: self.evidence.clone(),
            need: RouteNeed {
                gpu_hours: self.gpu_hours.or(need.gpu_hours),
                months: self.months.or(need.months),
            },
            aid,
        }
    }

    /// None while neither says anything: nobody has assessed it then.
    fn ai_act(&self, written: Option<AiAct>) -> Option<AiAct> {
        let is_assessed = written.is_some();
        let written = written.unwrap_or_default();
        let said = AiAct {
            gpai: self.gpai.then_some(true).or(written.gpai),
            high_risk: or_else(&self.high_risk, written.high_risk),
            prohibited: or_else(&self.prohibited, written.prohibited),
            training_exaflop: self.training_exaflop.or(written.training_exaflop),
            exclusions: written.exclusions,
        };
        (is_assessed || said != AiAct::default()).then_some(said)
    }
}

fn or_else(said: &[String], written: Vec<String>) -> Vec<String> {
    if said.is_empty() {
        return written;
    }
    said.to_vec()
}

fn evidence(text: &str) -> Result<RouteEvidence, String> {
    let form = || {
        format!(
            "`{text}` is not a kind of evidence with its day, as `seal_of_excellence=2026-03-01`"
        )
    };
    let (kind, day) = text.split_once('=').ok_or_else(form)?;
    let issued_on: Date = day.parse().map_err(|_| form())?;
    Ok(RouteEvidence {
        kind: kind.to_owned(),
        issued_on,
        expires_on: None,
    })
}
