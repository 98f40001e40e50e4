use broker_client::wire::{RouteEvidence, RouteNeed, RouteOrganisation, RouteProject, RouteQuery};
use broker_model::OrganisationId;
use clap::Args;
use jiff::civil::Date;

/// What is known of who asks, and how much is needed.
#[derive(Debug, Args)]
pub struct RouteArgs {
    /// One that you speak for; needed when you speak for several
    #[arg(long, value_name = "ORG", conflicts_with = "country")]
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
    pub fn query(&self, organisation_id: Option<OrganisationId>) -> RouteQuery {
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
