//! The shipped files hold the facts that were gathered, and nothing in place of what is not known.

use super::{Partition, Site, System};

/// Gathered on 2026-11-20 with their sources, which the files carry. `-` is not known, and then a file
/// says nothing. `+` is no gathered fact: it was found or derived since, as the file says beside it.
const FACTS: &str = "
    site bsc ES unknown experimental=true selected=2024-12-10 budget=+198000000
    system marenostrum5 operational high_end union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    partition acc x86_64+cuda nodes=1120 gpus=4 model=NVIDIA_H100_64GB_(Hopper,_custom) gpu_gib=64 cpus=80 memory=- hours=+72 most_nodes=+100 bills=core-hour
    partition gpp x86_64 nodes=6408 gpus=0 model=- gpu_gib=- cpus=112 memory=- hours=- most_nodes=- bills=core-hour
    system marenostrum5-ai installing ai_optimised union=500 budget=129000000 model=- target=- gpus=- cpus=- rmax=- peak=-
    site cineca IT unknown experimental=false selected=2024-12-10 budget=-
    system leonardo operational high_end union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    partition boost_usr_prod x86_64+cuda nodes=3456 gpus=4 model=NVIDIA_A100_custom_64GB gpu_gib=64 cpus=32 memory=- hours=+24 most_nodes=- bills=core-hour
    partition dcgp_usr_prod x86_64 nodes=1536 gpus=0 model=- gpu_gib=- cpus=- memory=- hours=- most_nodes=- bills=core-hour
    system lisa operational ai_optimised union=- budget=28200000 model=- target=- gpus=- cpus=- rmax=- peak=-
    partition lisa x86_64+cuda nodes=166 gpus=8 model=- gpu_gib=- cpus=- memory=- hours=- most_nodes=- bills=-
    system it4lia-new contracted ai_optimised union=500 budget=290000000 model=NVIDIA_GB200_NVL4 target=aarch64+cuda gpus=- cpus=- rmax=- peak=-
    system gaia operational cloud union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    system megaride operational cluster union=- budget=- model=- target=- gpus=340 cpus=28000 rmax=- peak=-
    site lumi FI site_agent_only experimental=true selected=2024-12-10 budget=-
    system lumi operational high_end union=500 budget=- model=- target=- gpus=11912 cpus=- rmax=- peak=-
    partition standard-g x86_64+rocm nodes=2978 gpus=4 model=AMD_MI250X_128GB_(2_GCD_x_64GB) gpu_gib=128 cpus=64 memory=512 hours=48 most_nodes=1024 bills=GPU-hour
    partition small-g x86_64+rocm nodes=- gpus=4 model=AMD_MI250X_128GB_(2_GCD_x_64GB) gpu_gib=+128 cpus=+64 memory=+512 hours=72 most_nodes=4 bills=GPU-hour
    partition dev-g x86_64+rocm nodes=- gpus=4 model=AMD_MI250X_128GB_(2_GCD_x_64GB) gpu_gib=+128 cpus=+64 memory=+512 hours=3 most_nodes=32 bills=GPU-hour
    partition standard x86_64 nodes=2048 gpus=0 model=- gpu_gib=- cpus=128 memory=- hours=48 most_nodes=512 bills=core-hour
    system lumi-k operational cloud union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    system lumi-ai contracted ai_optimised union=500 budget=387800000 model=AMD_MI430X target=x86_64+rocm gpus=- cpus=- rmax=- peak=-
    site meluxina LU unknown experimental=false selected=2024-12-10 budget=-
    system meluxina operational mid_range union=350 budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    partition gpu x86_64+cuda nodes=200 gpus=4 model=NVIDIA_A100_40GB gpu_gib=40 cpus=64 memory=512 hours=- most_nodes=- bills=node-hour
    partition cpu x86_64 nodes=573 gpus=0 model=- gpu_gib=- cpus=128 memory=- hours=- most_nodes=- bills=node-hour
    partition fpga x86_64 nodes=20 gpus=0 model=- gpu_gib=- cpus=- memory=- hours=- most_nodes=- bills=node-hour
    partition largemem x86_64 nodes=20 gpus=0 model=- gpu_gib=- cpus=- memory=+4096 hours=- most_nodes=- bills=node-hour
    system meluxina-ai contracted ai_optimised union=500 budget=80000000 model=- target=- gpus=- cpus=- rmax=- peak=-
    partition gb200 aarch64+cuda nodes=252 gpus=4 model=NVIDIA_GB200_NVL4 gpu_gib=- cpus=- memory=- hours=- most_nodes=- bills=-
    system meluxina-q planned quantum union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    site mimer SE unknown experimental=false selected=2024-12-10 budget=-
    system arrhenius operational mid_range union=350 budget=68500000 model=- target=- gpus=- cpus=- rmax=- peak=-
    partition gpu aarch64+cuda nodes=382 gpus=4 model=NVIDIA_GH200 gpu_gib=96 cpus=- memory=- hours=- most_nodes=- bills=GPU-hour
    partition main x86_64 nodes=424 gpus=0 model=- gpu_gib=- cpus=- memory=- hours=- most_nodes=- bills=-
    system mimer contracted ai_optimised union=500 budget=29760000 model=- target=- gpus=- cpus=- rmax=- peak=-
    system berzelius operational national union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    partition berzelius x86_64+cuda nodes=60 gpus=8 model=NVIDIA_A100_40GB gpu_gib=+40 cpus=- memory=- hours=- most_nodes=- bills=-
    site hammerhai DE human_confirm experimental=false selected=2024-12-10 budget=85000000
    system hunter operational national union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    partition mi300a x86_64+rocm nodes=188 gpus=4 model=AMD_MI300A_APU_128GB gpu_gib=128 cpus=96 memory=512 hours=24 most_nodes=- bills=node-hour
    partition genoa x86_64 nodes=256 gpus=0 model=- gpu_gib=- cpus=64 memory=- hours=- most_nodes=- bills=node-hour
    system hammerhai contracted ai_optimised union=500 budget=55000000 model=- target=- gpus=- cpus=- rmax=- peak=-
    system herder planned national union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
    site pharos GR unknown experimental=false selected=2024-12-10 budget=30000000
    system daedalus installing mid_range union=350 budget=36000000 model=- target=- gpus=- cpus=- rmax=85690 peak=89000
    partition gpu aarch64+cuda nodes=- gpus=4 model=NVIDIA_GH200 gpu_gib=- cpus=- memory=- hours=- most_nodes=- bills=-
    system aris operational national union=- budget=- model=- target=- gpus=- cpus=- rmax=- peak=-
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

fn one_word(text: Option<&String>) -> String {
    known(text).replace(' ', "_")
}

fn of_site(site: &Site) -> String {
    format!(
        "site {} {} {} experimental={} selected={} budget={}",
        site.id,
        site.country,
        word(&site.automation),
        site.experimental_platform,
        known(site.factory.selected_on),
        known(site.factory.budget_eur)
    )
}

fn of_system(system: &System) -> String {
    format!(
        "system {} {} {} union={} budget={} model={} target={} gpus={} cpus={} rmax={} peak={}",
        system.id,
        word(&system.status),
        known(system.class.as_ref()),
        known(system.union_share_permille),
        known(system.funding.budget_eur),
        one_word(system.gpu_model.as_ref()),
        known(system.container_target.as_ref()),
        known(system.gpus_total),
        known(system.cpus_total),
        known(system.rmax_tflops),
        known(system.peak_tflops)
    )
}

fn of_partition(partition: &Partition) -> String {
    format!(
        "partition {} {} nodes={} gpus={} model={} gpu_gib={} cpus={} memory={} hours={} \
         most_nodes={} bills={}",
        partition.id,
        partition.container_target,
        known(partition.nodes),
        partition.gpus_per_node,
        one_word(partition.gpu_model.as_ref()),
        known(partition.gpu_memory_gib),
        known(partition.cpus_per_node),
        known(partition.memory_gib_per_node),
        known(partition.max_walltime.map(|it| it.seconds() / 3600)),
        known(partition.max_nodes_per_job),
        known(partition.billing.as_ref().map(|it| &it.unit))
    )
}

/// The files in the same form.
fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    for site in sites() {
        lines.push(of_site(&site));
        for system in &site.systems {
            lines.push(of_system(system));
            lines.extend(system.partitions.iter().map(of_partition));
        }
    }
    lines
}

#[test]
fn each_file_says_what_was_found_and_nothing_in_place_of_what_was_not() {
    let facts: Vec<String> = { FACTS.trim().lines() }
        .map(|fact| fact.trim().replace('+', ""))
        .collect();
    // Targets have a `+` of their own.
    let lines: Vec<String> = lines().iter().map(|line| line.replace('+', "")).collect();
    assert_eq!(lines, facts);
}

#[test]
fn what_is_beyond_the_gathered_facts_says_beside_it_where_it_comes_from() {
    let added = FACTS
        .split_whitespace()
        .filter_map(|it| it.split_once("=+"));
    let mut count = 0;
    for (field, value) in added {
        let mut all = FILES.iter().flat_map(|file| file.lines());
        let source = all.find(|line| {
            let marks = ["found", "derived", "recalled"];
            let (said, comment) = line.split_once('#').unwrap_or((line, ""));
            said.replace('_', "").contains(value) && marks.iter().any(|it| comment.contains(it))
        });
        assert!(source.is_some(), "{field}={value}");
        count += 1;
    }
    assert_eq!(count, 12);
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
