use broker_model::{ContactNeed, OrganisationId, is_country};
use policy_engine::day_in_brussels;
use serde::{Deserialize, Serialize};

use super::directory::Directory;
use super::rank::Ranking;
use crate::invalid::Faults;
use crate::{Broker, Caller, Result};

/// The short form: for whom help is looked for, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreQuery {
    /// One that the caller speaks for: where it is established, and its size, need not be said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    pub need: ContactNeed,
}

impl Broker {
    /// Ranks the support centres for a need.
    pub async fn find_centres(&self, caller: &Caller, query: &CentreQuery) -> Result<Ranking> {
        let mut need = query.need.clone();
        if let Some(id) = query.organisation {
            let organisation = self.organisation(caller, id).await?;
            need.country = need.country.or(Some(organisation.country));
            need.size = need.size.or(Some(organisation.size));
        }
        self.rank_centres(&need)
    }

    /// The same for who has not signed in, or speaks for nobody yet.
    pub fn rank_centres(&self, need: &ContactNeed) -> Result<Ranking> {
        let directory = self.directory();
        let need = &self.plain_need(need);
        let mut faults = Faults::default();
        check_need(&directory, need, &mut faults);
        faults.check("need")?;
        let today = day_in_brussels(self.inner.clock.now());
        Ok(directory.rank(need, today))
    }

    /// With the country by its own code where an alias was given.
    pub(super) fn plain_need(&self, need: &ContactNeed) -> ContactNeed {
        let engine = self.policy();
        let code = |it: &String| engine.country_code(it).to_owned();
        ContactNeed {
            country: need.country.as_ref().map(code),
            ..need.clone()
        }
    }
}

/// What of it the directory does not know.
pub(super) fn check_need(directory: &Directory, need: &ContactNeed, faults: &mut Faults) {
    let kinds: Vec<&str> = directory
        .services()
        .iter()
        .map(|it| it.kind.as_str())
        .collect();
    if need.services.is_empty() {
        let one = format!("one or more of {}", kinds.join(", "));
        faults.add("need.services", "names nothing to be helped with", &one);
    }
    if need.services.len() > kinds.len() {
        let reason = format!("are {}", need.services.len());
        faults.add("need.services", reason, &format!("1 to {}", kinds.len()));
    }
    let mut earlier: Vec<&String> = Vec::new();
    for service in need.services.iter().take(kinds.len()) {
        if !kinds.contains(&service.as_str()) {
            let reason = format!("there is no service `{}`", service.escape_debug());
            faults.add("need.services", reason, &kinds.join(", "));
        } else if earlier.contains(&service) {
            let reason = format!("names `{service}` twice");
            faults.add("need.services", reason, "each once");
        }
        earlier.push(service);
    }
    if let Some(sector) = &need.sector {
        check_sector(directory, ("need.sector", sector), faults);
    }
    if let Some(language) = &need.language {
        let known: Vec<&str> = directory.languages().into_iter().collect();
        if !known.contains(&language.as_str()) {
            let reason = format!("`{}` is no language known here", language.escape_debug());
            faults.add("need.language", reason, &known.join(", "));
        }
    }
    if let Some(country) = need.country.as_deref().filter(|it| !is_country(it)) {
        let reason = format!("`{}` is no country", country.escape_debug());
        let allowed = "a code of ISO 3166-1 alpha-2: `FR`, `GR`";
        faults.add("need.country", reason, allowed);
    }
}

pub(super) fn check_sector(
    directory: &Directory,
    (field, sector): (&str, &str),
    faults: &mut Faults,
) {
    if directory.sector(sector).is_none() {
        let known: Vec<&str> = directory
            .sectors()
            .iter()
            .map(|it| it.code.as_str())
            .collect();
        let reason = format!("there is no sector `{}`", sector.escape_debug());
        faults.add(field, reason, &known.join(", "));
    }
}
