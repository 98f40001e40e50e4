use broker_model::{InvalidSpec, JobSpec, SiteId};

use crate::{Broker, Error, Result};

/// Of each list: one that is not known is looked for in the registry.
const MOST_SITES: usize = 50;

impl Broker {
    /// A slip in a site's name is found before anything is placed: one that is excluded so would get the
    /// job, and one that is preferred so never would, nor one that has its data. A site that was retired is no slip, nor is one that
    /// another replica has just registered.
    pub(super) async fn check_wishes(&self, spec: &JobSpec) -> Result<()> {
        let wishes = &spec.placement;
        let lists = [
            ("placement.require", &wishes.require),
            ("placement.prefer", &wishes.prefer),
            ("placement.exclude", &wishes.exclude),
            ("data.at", &spec.data.at),
        ];
        let filed = self.board().filed();
        let known: Vec<SiteId> = filed.iter().map(|it| it.id.clone()).collect();
        let mut wrong: Vec<InvalidSpec> = Vec::new();
        for (list, sites) in lists {
            if sites.len() > MOST_SITES {
                wrong.push(InvalidSpec {
                    field: list.to_owned(),
                    reason: format!("names {} sites", sites.len()),
                    allowed: format!("up to {MOST_SITES}"),
                });
                continue;
            }
            for (at, site) in sites.iter().enumerate() {
                if !known.contains(site) && !self.was_registered(site).await? {
                    let field = format!("{list}[{at}]");
                    wrong.push(no_such_site(field, site, &known));
                }
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::InvalidSpec(wrong))
    }

    async fn was_registered(&self, site: &SiteId) -> Result<bool> {
        let found = self.inner.store.find_registered_site(site).await?;
        Ok(found.is_some())
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
