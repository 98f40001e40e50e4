//! What a site's document must be beside well-formed: each fault by its field, as with jobs.

use std::collections::BTreeSet;

use super::{Billing, Controls, Partition, Site, SiteScope, System};
use crate::{FundingShare, InvalidSpec, is_country, turns_writing};

type Wrong = Vec<InvalidSpec>;

const COUNTRY_CODE: &str = "the two capital letters of ISO 3166-1, as `FI`; Greece is `GR`";

impl Site {
    /// Returns all that is wrong, not the first.
    pub fn validate(&self) -> Result<(), Wrong> {
        let mut wrong = Wrong::new();
        let required = [
            ("name", &self.name),
            ("hosting_entity", &self.hosting_entity),
            ("city", &self.city),
        ];
        for (field, text) in required {
            check_words(field, text, 200, &mut wrong);
        }
        self.check_countries(&mut wrong);
        if self.source.from.is_empty() {
            let allowed = "at least one address or document";
            wrong.push(fault(
                "source.from",
                "says not where the facts come from",
                allowed,
            ));
        }
        check_web("web", self.web.as_deref(), &mut wrong);
        self.check_uncertain(&mut wrong);
        let mut seen = BTreeSet::new();
        for (at, system) in self.systems.iter().enumerate() {
            let field = format!("system[{at}]");
            if !seen.insert(&system.id) {
                wrong.push(twice(&field, system.id.as_str(), "system"));
            }
            self.check_host(&field, system, &mut wrong);
            system.validate(&field, &mut wrong);
        }
        done(wrong)
    }

    fn check_countries(&self, wrong: &mut Wrong) {
        let lists = [
            ("factory_partners", &self.factory_partners),
            ("antennas", &self.antennas),
        ];
        let lists = lists.into_iter().flat_map(|(list, countries)| {
            let field = move |at: usize| format!("{list}[{at}]");
            { countries.iter().enumerate() }.map(move |(at, country)| (field(at), country))
        });
        let systems = self.systems.iter().enumerate().flat_map(|(system, it)| {
            let partners = it.funding.partners.iter().enumerate();
            let field = move |at| format!("system[{system}].funding.partners[{at}]");
            partners.map(move |(at, country)| (field(at), country))
        });
        let own = std::iter::once(("country".to_owned(), &self.country));
        for (field, country) in own.chain(lists).chain(systems) {
            if !is_country(country) {
                let reason = format!("`{country}` is no country code");
                wrong.push(fault(&field, &reason, COUNTRY_CODE));
            }
        }
    }

    fn check_host(&self, field: &str, system: &System, wrong: &mut Wrong) {
        let Some(host) = &system.integrated_in else {
            return;
        };
        let is_there = self.systems.iter().any(|it| it.id == *host);
        let reason = if !is_there || *host == system.id {
            format!("`{host}` is no other system of this site")
        } else if self.hosts_of(system).any(|it| it.id == system.id) {
            format!("`{host}` itself hangs on `{}`", system.id)
        } else {
            return;
        };
        let field = format!("{field}.integrated_in");
        wrong.push(fault(&field, &reason, "the id of the system it hangs on"));
    }

    /// Whether the site has such a part; the fault names the field.
    pub fn check_scope(&self, field: &str, scope: &SiteScope) -> Result<(), InvalidSpec> {
        let Some(id) = &scope.system else {
            return match &scope.partition {
                None => Ok(()),
                Some(_) => Err(fault(
                    &format!("{field}.system"),
                    "a partition is named by its system too",
                    "the id of a system of this site",
                )),
            };
        };
        let Some(system) = self.systems.iter().find(|it| it.id == *id) else {
            let all: Vec<&str> = self.systems.iter().map(|it| it.id.as_str()).collect();
            let reason = format!("the site has no system `{id}`");
            return Err(fault(&format!("{field}.system"), &reason, &all.join(", ")));
        };
        let Some(id) = &scope.partition else {
            return Ok(());
        };
        if system.partitions.iter().any(|it| it.id == *id) {
            return Ok(());
        }
        let all: Vec<&str> = system.partitions.iter().map(|it| it.id.as_str()).collect();
        let reason = format!("{} has no partition `{id}`", system.id);
        Err(fault(
            &format!("{field}.partition"),
            &reason,
            &all.join(", "),
        ))
    }
}

impl System {
    fn validate(&self, field: &str, wrong: &mut Wrong) {
        let shares = [
            ("union_share_permille", self.union_share_permille),
            ("union_share_max_permille", self.union_share_max_permille),
        ];
        for (name, share) in shares {
            if share.is_some_and(|share| share > 1000) {
                let field = format!("{field}.{name}");
                wrong.push(fault(&field, "more than all of it", "0 to 1000"));
            }
        }
        for share in self.access.route_by_share.keys() {
            if let Err(error) = share.parse::<FundingShare>() {
                let field = format!("{field}.access.route_by_share.{share}");
                wrong.push(fault(&field, "is no funding share", &error.expected));
            }
        }
        self.check_uncertain(field, wrong);
        let mut seen = BTreeSet::new();
        for (at, partition) in self.partitions.iter().enumerate() {
            let field = format!("{field}.partition[{at}]");
            if !seen.insert(&partition.id) {
                wrong.push(twice(&field, partition.id.as_str(), "partition"));
            }
            partition.validate(&field, wrong);
        }
    }
}

impl Partition {
    fn validate(&self, field: &str, wrong: &mut Wrong) {
        let sizes = [
            ("nodes", self.nodes),
            ("cpus_per_node", self.cpus_per_node),
            ("memory_gib_per_node", self.memory_gib_per_node),
            ("max_nodes_per_job", self.max_nodes_per_job),
            ("scheduler_gpus_per_gpu", Some(self.scheduler_gpus_per_gpu)),
        ];
        for (name, size) in sizes {
            if size == Some(0) {
                let field = format!("{field}.{name}");
                wrong.push(fault(&field, "none at all", "at least 1, or leave it out"));
            }
        }
        if let Some(kind) = &self.accelerator_kind {
            check_words(&format!("{field}.accelerator_kind"), kind, 40, wrong);
            if self.gpus_per_node > 0 {
                let field = format!("{field}.accelerator_kind");
                let reason = format!("the partition has {} GPUs a node", self.gpus_per_node);
                let allowed = "a partition of its own for what is no GPU";
                wrong.push(fault(&field, &reason, allowed));
            }
        }
        if let Some(billing) = &self.billing {
            billing.validate(&format!("{field}.billing"), wrong);
        }
        if self.rules.terms_url.is_some() && !self.rules.experimental {
            let field = format!("{field}.rules.terms_url");
            let reason = "nobody would take these terms on";
            let allowed = "`experimental = true` beside it, or no terms";
            wrong.push(fault(&field, reason, allowed));
        }
        let terms = self.rules.terms_url.as_deref();
        check_web(&format!("{field}.rules.terms_url"), terms, wrong);
        self.check_uncertain(field, wrong);
    }
}

impl Billing {
    fn validate(&self, field: &str, wrong: &mut Wrong) {
        if self.terms.is_empty() {
            let field = format!("{field}.terms");
            let allowed = "at least one term, or no `billing` where it is not known";
            wrong.push(fault(&field, "nothing would be charged", allowed));
        }
        if self.assumed_since.is_some() {
            let field = format!("{field}.assumed_since");
            let allowed = "no `billing` at all where the site's is not known";
            wrong.push(fault(
                &field,
                "is the broker's word, and no site's",
                allowed,
            ));
        }
        for (at, term) in self.terms.iter().enumerate() {
            if term.per == 0 || term.milliunits == 0 {
                let field = format!("{field}.terms[{at}]");
                let allowed = "`per` and `milliunits` above 0";
                wrong.push(fault(&field, "charges nothing", allowed));
            }
        }
    }
}

impl Controls {
    /// Longest text that an administrator may give: a paragraph.
    pub const MAX_WORDS: usize = 2000;

    /// Texts that people read: something, not too long, and no control characters.
    pub fn check_words(field: &str, text: &str) -> Result<(), InvalidSpec> {
        let mut wrong = Wrong::new();
        check_words(field, text, Self::MAX_WORDS, &mut wrong);
        wrong.pop().map_or(Ok(()), Err)
    }
}

fn check_words(field: &str, text: &str, most: usize, wrong: &mut Wrong) {
    let odd = |c: char| (c.is_control() && c != '\n') || turns_writing(c);
    if text.trim().is_empty() || text.chars().count() > most || text.contains(odd) {
        let reason = if text.trim().is_empty() {
            "says nothing"
        } else {
            "is no plain text of this length"
        };
        let allowed = format!("1 to {most} characters without control characters");
        wrong.push(fault(field, reason, &allowed));
    }
}

fn check_web(field: &str, address: Option<&str>, wrong: &mut Wrong) {
    if address.is_some_and(|it| !it.starts_with("https://")) {
        wrong.push(fault(
            field,
            "is no safe address",
            "one that begins with `https://`",
        ));
    }
}

fn twice(field: &str, id: &str, kind: &str) -> InvalidSpec {
    let reason = format!("`{id}` is the id of another {kind} here");
    fault(&format!("{field}.id"), &reason, "an id of its own")
}

fn fault(field: &str, reason: &str, allowed: &str) -> InvalidSpec {
    InvalidSpec {
        field: field.to_owned(),
        reason: reason.to_owned(),
        allowed: allowed.to_owned(),
    }
}

fn done(wrong: Wrong) -> Result<(), Wrong> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faulty() -> Site {
        toml::from_str(
            r#"
            id = "x"
            name = " "
            hosting_entity = "A host"
            city = "Kajaani"
            country = "fi"
            factory_partners = ["EE", "QQ"]
            web = "http://x.example"
            source = { checked_on = "2026-11-20", from = [] }
            [[system]]
            id = "m"
            status = "operational"
            integrated_in = "m"
            [[system.partition]]
            id = "p"
            nodes = 0
            container_target = "x86_64"
            billing = { unit = "core-hour", terms = [] }
            [[system.partition]]
            id = "p"
            accelerator_kind = "qpu"
            gpus_per_node = 1
            container_target = "x86_64"
            billing = { unit = "core-hour", terms = [{ of = "cpus", milliunits = 0 }] }
            "#,
        )
        .unwrap()
    }

    #[test]
    fn every_fault_of_a_site_is_named_by_its_field() {
        let wrong = faulty().validate().unwrap_err();
        let fields: Vec<&str> = wrong.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "name",
                "country",
                "factory_partners[1]",
                "source.from",
                "web",
                "system[0].integrated_in",
                "system[0].partition[0].nodes",
                "system[0].partition[0].billing.terms",
                "system[0].partition[1].id",
                "system[0].partition[1].accelerator_kind",
                "system[0].partition[1].billing.terms[0]",
            ]
        );
    }

    #[test]
    fn systems_that_hang_on_each_other_in_a_circle_are_refused() {
        let mut site = faulty();
        let system = site.systems.remove(0);
        for (id, host) in [
            ("a", Some("b")),
            ("b", Some("c")),
            ("c", Some("b")),
            ("d", None),
        ] {
            site.systems.push(System {
                id: id.parse().unwrap(),
                integrated_in: host.map(|it| it.parse().unwrap()),
                partitions: Vec::new(),
                ..system.clone()
            });
        }
        let wrong = site.validate().unwrap_err().into_iter();
        let hosts = wrong.filter(|it| it.field.ends_with("integrated_in"));
        let hosts: Vec<_> = hosts.map(|it| (it.field, it.reason)).collect();
        let said =
            |at: &str, reason: &str| (format!("system[{at}].integrated_in"), reason.to_owned());
        assert_eq!(
            hosts,
            [
                said("1", "`c` itself hangs on `b`"),
                said("2", "`b` itself hangs on `c`"),
            ]
        );
        let ids = |of: usize| {
            let hosts = site.hosts_of(&site.systems[of]);
            hosts.map(|it| it.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(ids(3), Vec::<String>::new());
        assert_eq!(ids(0)[..2], ["b", "c"]);
    }

    #[test]
    fn a_part_that_the_site_does_not_have_is_named_with_those_it_has() {
        let site = faulty();
        let scope = |system: Option<&str>, partition: Option<&str>| SiteScope {
            system: system.map(|it| it.parse().unwrap()),
            partition: partition.map(|it| it.parse().unwrap()),
        };
        let check = |scope: SiteScope| site.check_scope("scope", &scope);
        assert_eq!(check(scope(None, None)), Ok(()));
        assert_eq!(check(scope(Some("m"), Some("p"))), Ok(()));
        let error = check(scope(Some("m"), Some("q"))).unwrap_err();
        assert_eq!(
            (error.field.as_str(), error.allowed.as_str()),
            ("scope.partition", "p, p")
        );
        assert_eq!(check(scope(Some("n"), None)).unwrap_err().allowed, "m");
        assert_eq!(
            check(scope(None, Some("p"))).unwrap_err().field,
            "scope.system"
        );
    }
}
