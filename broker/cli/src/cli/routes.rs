use broker_client::wire::{RouteEvidence, RouteNeed, RouteOrganisation, RouteProject, RouteQuery};
use clap::Args;
use jiff::civil::Date;

/// What is known of who asks, and how much is needed.
#[derive(Debug, Args)]
pub struct RouteArgs {
    /// Where the organisation is established: FI
    #[arg(long)]
    pub country: String,
    /// company, research, `public_sector`
    #[arg(long)]
    pub kind: Option<String>,
    /// micro, small, medium, large (Recommendation 2003/361/EC), or unclear
    #[arg(long, default_value = "unclear")]
    pub size: String,
    /// It calls itself a start-up
    #[arg(long)]
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
    #[arg(long, value_name = "HOURS")]
    pub gpu_hours: Option<u32>,
    #[arg(long)]
    pub months: Option<u32>,
    /// Only one access mode, with every rule that spoke
    #[arg(long)]
    pub mode: Option<String>,
}

impl RouteArgs {
    /// What was not said stays open: a flag that is absent is no "no".
    pub fn query(&self) -> RouteQuery {
        let said = |flag: bool| flag.then_some(true);
        RouteQuery {
            organisation: RouteOrganisation {
                country: self.country.clone(),
                kind: self.kind.clone(),
                size: self.size.clone(),
                startup: said(self.startup),
            },
            project: RouteProject {
                civilian: said(self.civilian),
                eu_project: said(self.eu_project),
                sectors: self.sectors.clone(),
            },
            evidence: self.evidence.clone(),
            need: RouteNeed {
                gpu_hours: self.gpu_hours,
                months: self.months,
            },
        }
    }
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
