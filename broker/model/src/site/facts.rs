//! The shipped files hold the facts that were gathered, and nothing in place of what is not known.

use super::Site;

/// Gathered on 2026-11-20 with their sources, which the files carry; `-` is not known.
const FACTS: &str = "
    site bsc ES unknown experimental=true selected=2024-12-10
    system marenostrum5 operational high_end union=500
    partition acc x86_64+cuda nodes=1120 gpus=4 gpu_gib=64 cpus=80 hours=-
    partition gpp x86_64 nodes=6408 gpus=0 gpu_gib=- cpus=112 hours=-
    system marenostrum5-ai installing ai_optimised union=500
    site cineca IT unknown experimental=false selected=2024-12-10
    system leonardo operational high_end union=500
    partition boost_usr_prod x86_64+cuda nodes=3456 gpus=4 gpu_gib=64 cpus=32 hours=-
    partition dcgp_usr_prod x86_64 nodes=1536 gpus=0 gpu_gib=- cpus=- hours=-
    system lisa operational ai_optimised union=-
    partition lisa x86_64+cuda nodes=166 gpus=8 gpu_gib=- cpus=- hours=-
    system it4lia-new contracted ai_optimised union=500
    system gaia operational cloud union=-
    system megaride operational cluster union=-
    site lumi FI site_agent_only experimental=true selected=2024-12-10
    system lumi operational high_end union=500
    partition standard-g x86_64+rocm nodes=2978 gpus=4 gpu_gib=128 cpus=64 hours=48
    partition small-g x86_64+rocm nodes=- gpus=4 gpu_gib=- cpus=- hours=72
    partition dev-g x86_64+rocm nodes=- gpus=4 gpu_gib=- cpus=- hours=3
    partition standard x86_64 nodes=2048 gpus=0 gpu_gib=- cpus=128 hours=48
    system lumi-k operational cloud union=-
    system lumi-ai contracted ai_optimised union=500
    site meluxina LU unknown experimental=false selected=2024-12-10
    system meluxina operational mid_range union=350
    partition gpu x86_64+cuda nodes=200 gpus=4 gpu_gib=40 cpus=64 hours=-
    partition cpu x86_64 nodes=573 gpus=0 gpu_gib=- cpus=128 hours=-
    partition fpga x86_64 nodes=20 gpus=0 gpu_gib=- cpus=- hours=-
    partition largemem x86_64 nodes=20 gpus=0 gpu_gib=- cpus=- hours=-
    system meluxina-ai contracted ai_optimised union=500
    partition gb200 aarch64+cuda nodes=252 gpus=4 gpu_gib=- cpus=- hours=-
    system meluxina-q planned quantum union=-
    site mimer SE unknown experimental=false selected=2024-12-10
    system arrhenius operational mid_range union=350
    partition gpu aarch64+cuda nodes=382 gpus=4 gpu_gib=96 cpus=- hours=-
    partition main x86_64 nodes=424 gpus=0 gpu_gib=- cpus=- hours=-
    system mimer contracted ai_optimised union=500
    system berzelius operational national union=-
    partition berzelius x86_64+cuda nodes=60 gpus=8 gpu_gib=- cpus=- hours=-
    site hammerhai DE human_confirm experimental=false selected=2024-12-10
    system hunter operational national union=-
    partition mi300a x86_64+rocm nodes=188 gpus=4 gpu_gib=128 cpus=96 hours=24
    partition genoa x86_64 nodes=256 gpus=0 gpu_gib=- cpus=64 hours=-
    system hammerhai contracted ai_optimised union=500
    system herder planned national union=-
    site pharos GR unknown experimental=false selected=2024-12-10
    system daedalus installing mid_range union=350
    partition gpu aarch64+cuda nodes=- gpus=4 gpu_gib=- cpus=- hours=-
    system aris operational national union=-
";

const FILES: [&str; 7] = [
    include_str!("../../../../config/sites/bsc.toml"),
    include_str!("../../../../config/sites/cineca.toml"),
    include_str!("../../../../config/sites/lumi.toml"),
    include_str!("../../../../config/sites/meluxina.toml"),
    include_str!("../../../../config/sites/mimer.toml"),
    include_str!("../../../../config/sites/hammerhai.toml"),
    include_str!("../../../../config/sites/pharos.toml"),
];

fn sites() -> Vec<Site> {
    FILES.map(|text| toml::from_str(text).unwrap()).to_vec()
}

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap();
    value.as_str().unwrap().to_owned()
}

/// The files in the same form.
fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    for site in sites() {
        lines.push(format!(
            "site {} {} {} experimental={} selected={}",
            site.id,
            site.country,
            word(&site.automation),
            site.experimental_platform,
            known(site.factory.selected_on)
        ));
        for system in &site.systems {
            lines.push(format!(
                "system {} {} {} union={}",
                system.id,
                word(&system.status),
                known(system.class.as_ref()),
                known(system.union_share_permille)
            ));
            for partition in &system.partitions {
                let hours = partition.max_walltime.map(|it| it.seconds() / 3600);
                lines.push(format!(
                    "partition {} {} nodes={} gpus={} gpu_gib={} cpus={} hours={}",
                    partition.id,
                    partition.container_target,
                    known(partition.nodes),
                    partition.gpus_per_node,
                    known(partition.gpu_memory_gib),
                    known(partition.cpus_per_node),
                    known(hours)
                ));
            }
        }
    }
    lines
}

/// Whether a line of the files says all that is known; it may say more, which was found since.
fn says(line: &str, fact: &str) -> bool {
    let unknown = |word: &str| word == "-" || word.ends_with("=-");
    let (line, fact): (Vec<&str>, Vec<&str>) =
        (line.split(' ').collect(), fact.split(' ').collect());
    line.len() == fact.len() && { line.iter().zip(&fact) }.all(|(l, f)| l == f || unknown(f))
}

#[test]
fn each_file_says_what_was_found_of_its_site_its_systems_and_partitions() {
    let mut lines = lines().into_iter();
    for fact in FACTS.trim().lines().map(str::trim) {
        // What lies between was found since.
        let found = lines.any(|line| says(&line, fact));
        assert!(found, "`{fact}` is not in the files, or not there");
    }
}

#[test]
fn each_file_says_where_its_facts_come_from_and_is_a_valid_document() {
    for site in sites() {
        assert_eq!(site.validate(), Ok(()), "{}", site.id);
        assert!(
            site.source.checked_on.to_string().as_str() >= "2026-11-20",
            "{}",
            site.id
        );
        assert!(!site.source.from.is_empty(), "{}", site.id);
    }
}
