use std::collections::BTreeSet;

use super::*;

const SHIPPED: [(&str, &str, &str); 7] = [
    (
        "bsc",
        "ES",
        include_str!("../../../../config/sites/bsc.toml"),
    ),
    (
        "cineca",
        "IT",
        include_str!("../../../../config/sites/cineca.toml"),
    ),
    (
        "lumi",
        "FI",
        include_str!("../../../../config/sites/lumi.toml"),
    ),
    (
        "meluxina",
        "LU",
        include_str!("../../../../config/sites/meluxina.toml"),
    ),
    (
        "mimer",
        "SE",
        include_str!("../../../../config/sites/mimer.toml"),
    ),
    (
        "hammerhai",
        "DE",
        include_str!("../../../../config/sites/hammerhai.toml"),
    ),
    (
        "pharos",
        "GR",
        include_str!("../../../../config/sites/pharos.toml"),
    ),
];

fn shipped() -> Vec<Site> {
    let read = |(id, _, text): (&str, &str, &str)| {
        toml::from_str::<Site>(text).unwrap_or_else(|error| panic!("{id}.toml: {error}"))
    };
    SHIPPED.map(read).into()
}

fn zones() -> Zones {
    toml::from_str(include_str!("../../../../config/zones.toml")).unwrap()
}

fn site(id: &str) -> Site {
    shipped()
        .into_iter()
        .find(|site| site.id.as_str() == id)
        .unwrap()
}

fn partition(site: &Site, id: &str) -> Partition {
    let mut all = site.systems.iter().flat_map(|system| &system.partitions);
    all.find(|partition| partition.id.as_str() == id)
        .unwrap()
        .clone()
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())
}

#[test]
fn the_seven_sites_are_read_each_from_the_file_of_its_id() {
    for (site, (id, country, _)) in shipped().iter().zip(SHIPPED) {
        assert_eq!((site.id.as_str(), site.country.as_str()), (id, country));
    }
}

#[test]
fn a_key_that_is_unknown_is_refused_with_its_line() {
    for (id, _, text) in SHIPPED {
        for (key, typo) in [
            ("city =", "town ="),
            ("status =", "stat ="),
            ("[factory]", "[factry]"),
        ] {
            let line = 1 + text.lines().position(|line| line.starts_with(key)).unwrap();
            let error = toml::from_str::<Site>(&text.replacen(key, typo, 1)).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(&format!("line {line}")), "{id}: {error}");
            assert!(error.contains("unknown field"), "{id}: {error}");
        }
    }
}

#[test]
fn countries_are_iso_codes_and_the_hosts_are_in_the_union() {
    for site in shipped() {
        assert!(zones().zones["EU"].contains(&site.country), "{}", site.id);
        let of_systems = site
            .systems
            .iter()
            .flat_map(|system| &system.funding.partners);
        let all = site
            .factory_partners
            .iter()
            .chain(&site.antennas)
            .chain(of_systems);
        for code in all {
            assert!(
                is_country(code) && code != "EL" && code != "UK",
                "{}: {code}",
                site.id
            );
        }
    }
}

#[test]
fn the_union_has_27_members() {
    let zones = zones();
    assert_eq!(zones.zones["EU"].len(), 27);
    assert!(zones.zones.values().flatten().all(|code| is_country(code)));
}

#[test]
fn every_fact_says_where_it_comes_from() {
    for site in shipped() {
        assert_eq!(
            site.source.checked_on.to_string(),
            "2026-11-20",
            "{}",
            site.id
        );
        assert!(!site.source.from.is_empty(), "{}", site.id);
    }
}

#[test]
fn ids_are_unique_within_their_site() {
    for site in shipped() {
        let systems: BTreeSet<_> = site.systems.iter().map(|system| &system.id).collect();
        assert_eq!(systems.len(), site.systems.len(), "{}", site.id);
        for system in &site.systems {
            let ids: BTreeSet<_> = system.partitions.iter().map(|one| &one.id).collect();
            assert_eq!(ids.len(), system.partitions.len(), "{}", system.id);
            assert!(
                system
                    .integrated_in
                    .iter()
                    .all(|host| systems.contains(host))
            );
        }
    }
}

#[test]
fn each_partition_has_a_billing_rule_that_charges_its_own_or_one_that_is_assumed() {
    for site in shipped() {
        let own: BTreeSet<_> = { site.systems.iter().flat_map(|it| &it.partitions) }
            .filter(|it| it.billing.is_some())
            .map(|it| it.id.clone())
            .collect();
        let site = site.with_assumed_billing();
        for partition in site.systems.iter().flat_map(|system| &system.partitions) {
            let billing = partition.billing.as_ref().unwrap();
            let is_own = own.contains(&partition.id);
            assert_eq!(billing.assumed_since.is_none(), is_own, "{}", partition.id);
            let terms = &billing.terms;
            assert!(!terms.is_empty(), "{}/{}", site.id, partition.id);
            assert!(terms.iter().all(|term| term.per > 0 && term.milliunits > 0));
            let known = ["GPU-hour", "node-hour", "core-hour"];
            assert!(known.contains(&billing.unit.as_str()), "{}", partition.id);
        }
    }
}

/// Regulation (EU) 2021/1173 Art. 17(1) to (3).
#[test]
fn the_unions_share_stays_below_its_ceiling() {
    for system in shipped().iter().flat_map(|site| &site.systems) {
        let ceiling = match system.class.as_deref() {
            Some("high_end" | "ai_optimised" | "quantum") => 500,
            Some("mid_range") => 350,
            _ => 0,
        };
        let share = system.union_share_permille.unwrap_or(0);
        assert!(share <= ceiling, "{}: {share} of {ceiling}", system.id);
    }
}

#[test]
fn a_gcd_of_lumi_is_half_a_gpu() {
    let lumi = site("lumi");
    for id in ["standard-g", "small-g", "dev-g"] {
        let partition = partition(&lumi, id);
        assert_eq!(
            (partition.gpus_per_node, partition.scheduler_gpus_per_gpu),
            (4, 2),
            "{id}"
        );
    }
}

#[test]
fn hlrs_wants_a_person_to_confirm_each_job() {
    assert_eq!(site("hammerhai").automation, Automation::HumanConfirm);
    assert_eq!(site("lumi").automation, Automation::SiteAgentOnly);
}

#[test]
fn the_quantum_computer_hangs_on_its_host_system() {
    let meluxina = site("meluxina");
    let quantum = meluxina
        .systems
        .iter()
        .find(|s| s.id.as_str() == "meluxina-q")
        .unwrap();
    assert_eq!(quantum.accelerator_kind.as_deref(), Some("qpu"));
    assert_eq!(
        quantum.integrated_in.as_ref().map(SystemId::as_str),
        Some("meluxina")
    );
}

#[test]
fn what_is_not_known_is_absent() {
    assert_eq!(partition(&site("pharos"), "gpu").nodes, None);
    assert_eq!(partition(&site("cineca"), "lisa").gpu_memory_gib, None);
    assert!(
        site("bsc")
            .systems
            .iter()
            .any(|system| system.partitions.is_empty())
    );
    for (id, partitions) in [
        ("cineca", vec!["lisa"]),
        ("meluxina", vec!["gb200"]),
        ("mimer", vec!["main", "berzelius"]),
        ("pharos", vec!["gpu"]),
    ] {
        let site = site(id);
        let all = site.systems.iter().flat_map(|it| &it.partitions);
        let unknown: Vec<&str> = { all.filter(|it| it.billing.is_none()) }
            .map(|it| it.id.as_str())
            .collect();
        assert_eq!(unknown, partitions, "how {id} charges");
    }
}

#[test]
fn a_site_survives_its_json() {
    for site in shipped() {
        let json = serde_json::to_string(&site).unwrap();
        assert_eq!(serde_json::from_str::<Site>(&json).unwrap(), site);
    }
}
