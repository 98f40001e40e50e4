use broker_model::{InvalidSpec, PlacementWishes, SiteId};

use crate::{Broker, Error, Result};

impl Broker {
    /// A slip in a site's name is found before anything is placed: one that is excluded so would get the
    /// job, and one that is preferred so never would.
    pub(super) fn check_wishes(&self, wishes: &PlacementWishes) -> Result<()> {
        let lists = [
            ("require", &wishes.require),
            ("prefer", &wishes.prefer),
            ("exclude", &wishes.exclude),
        ];
        let named = lists.iter().flat_map(|(list, sites)| {
            let field = move |at: usize| format!("placement.{list}[{at}]");
            { sites.iter().enumerate() }.map(move |(at, site)| (field(at), site))
        });
        let known: Vec<SiteId> = self
            .board()
            .filed()
            .iter()
            .map(|it| it.id.clone())
            .collect();
        let unknown = named.filter(|(_, site)| !known.contains(site));
        let wrong: Vec<InvalidSpec> = unknown
            .map(|(field, site)| no_such_site(field, site, &known))
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::InvalidSpec(wrong))
    }
}

fn no_such_site(field: String, site: &SiteId, known: &[SiteId]) -> InvalidSpec {
    let known: Vec<&str> = known.iter().map(SiteId::as_str).collect();
    InvalidSpec {
        field,
        reason: format!("`{site}` is no site of the federation"),
        allowed: format!("a site that `alcyone sites` lists: {}", known.join(", ")),
    }
}
