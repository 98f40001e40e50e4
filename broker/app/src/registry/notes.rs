use std::collections::BTreeSet;

use broker_model::{ContainerTarget, Site};

use crate::Broker;

impl Broker {
    /// What may be meant in a site's document and may be a slip: containers that no job was ever asked for.
    ///
    /// A new kind of machine is data alone, so nothing of it is refused.
    pub(super) fn notes_on(&self, site: &Site) -> Vec<String> {
        let filed = self.board().filed();
        let all = filed.iter().flat_map(|it| targets(it));
        let known: BTreeSet<&ContainerTarget> = all.map(|(_, target)| target).collect();
        let new = targets(site).filter(|(_, target)| !known.contains(target));
        new.map(|(place, target)| unknown(&place, target, &known))
            .collect()
    }
}

/// Each with the partition that it is of, `system/partition`.
fn targets(site: &Site) -> impl Iterator<Item = (String, &ContainerTarget)> {
    let of = |system: &str, partition: &str| format!("{system}/{partition}");
    site.systems.iter().flat_map(move |system| {
        let partitions = system.partitions.iter();
        partitions.map(move |it| (of(system.id.as_str(), it.id.as_str()), &it.container_target))
    })
}

fn unknown(place: &str, target: &ContainerTarget, known: &BTreeSet<&ContainerTarget>) -> String {
    let known: Vec<&str> = known.iter().map(|it| it.as_str()).collect();
    format!(
        "{place}: no partition was for containers of `{target}` until now, so only jobs with a variant of \
         just this name can run there; known are {}",
        known.join(", ")
    )
}
