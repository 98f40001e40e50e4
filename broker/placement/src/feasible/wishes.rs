use broker_model::{Bound, Clause, JobSpec, Sensitivity};

use super::Against;
use crate::Input;
use crate::spot::Spot;

/// What a system may process of which nothing is said.
const UNSTATED: Sensitivity = Sensitivity::Internal;

pub(super) fn check(spec: &JobSpec, spot: &Spot<'_>, against: &mut Against) {
    let wishes = &spec.placement;
    if !wishes.require.is_empty() && !wishes.require.contains(&spot.site.id) {
        let sites = listed(&wishes.require);
        against.for_good(Clause::Wishes, format!("the job requires {sites}"));
    }
    if wishes.exclude.contains(&spot.site.id) {
        against.for_good(Clause::Wishes, format!("the job excludes {}", spot.site.id));
    }
    if spot.partition.rules.experimental && !wishes.experimental {
        let terms = match &spot.partition.rules.terms_url {
            Some(terms) => format!(", which accepts the terms at {terms}"),
            None => String::new(),
        };
        against.for_good(
            Clause::Wishes,
            format!("experimental, and the job does not set `placement.experimental`{terms}"),
        );
    }
    let target = &spot.partition.container_target;
    if !spec.variants.contains_key(target) {
        let has = listed(spec.variants.keys());
        against.for_good(
            Clause::ContainerTarget,
            format!("needs a variant for {target}, the job has {has}"),
        );
    }
}

pub(super) fn check_bound(bound: Option<&Bound>, spot: &Spot<'_>, against: &mut Against) {
    match bound {
        Some(Bound::Nowhere { job }) => {
            let words = format!("it waits for {job}, which is not at a scheduler yet");
            against.for_now(Clause::Dependency, words);
        }
        Some(Bound::To { job, site, system })
            if *site != spot.site.id || *system != spot.system.id =>
        {
            let words = format!("it waits for {job}, which is at {site}/{system}");
            against.for_now(Clause::Dependency, words);
        }
        Some(Bound::To { .. }) | None => {}
    }
}

/// They may be accepted while the job waits.
pub(super) fn check_terms(input: &Input<'_>, spot: &Spot<'_>, against: &mut Against) {
    let site = &spot.site.id;
    if let Some(version) = input.unaccepted.get(site) {
        let words = format!(
            "the terms of {site}, version {version}, are not accepted; `alcyone terms accept site-{site}`"
        );
        against.for_now(Clause::Terms, words);
    }
}

pub(super) fn check_data(input: &Input<'_>, spot: &Spot<'_>, against: &mut Against) {
    let data = &input.spec.data;
    let country = &spot.site.country;
    if let Some(residency) = &data.residency {
        let within = match input.zones.get(residency) {
            Some(zone) => zone.contains(country),
            None => residency == country,
        };
        if !within {
            against.for_good(
                Clause::Residency,
                format!("the data must stay in {residency}, the site is in {country}"),
            );
        }
    }
    let allowed = spot.system.max_sensitivity.unwrap_or(UNSTATED);
    if data.sensitivity > allowed {
        against.for_good(
            Clause::Sensitivity,
            format!(
                "the data is {}, the system may process {} at most",
                sensitivity_word(data.sensitivity),
                sensitivity_word(allowed),
            ),
        );
    }
}

const fn sensitivity_word(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Public => "public",
        Sensitivity::Internal => "internal",
        Sensitivity::Personal => "personal",
        Sensitivity::Special => "special",
    }
}

fn listed<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for item in items {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&item.to_string());
    }
    text
}
