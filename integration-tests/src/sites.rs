use broker_model::Site;

/// A site that gives single GPUs and charges GPU-hours.
pub fn alpha() -> Site {
    site(
        "alpha",
        "FR",
        r#"
        id = "gpu"
        nodes = 8
        gpus_per_node = 4
        gpu_memory_gib = 64
        cpus_per_node = 32
        container_target = "x86_64+cuda"
        max_walltime = "2d"
        billing = { unit = "GPU-hour", terms = [{ of = "scheduler_gpus", milliunits = 1000 }] }
        "#,
    )
}

/// A site whose scheduler counts half GPUs, that gives whole nodes and charges node-hours.
pub fn beta() -> Site {
    site(
        "beta",
        "FI",
        r#"
        id = "gpu"
        nodes = 16
        gpus_per_node = 4
        scheduler_gpus_per_gpu = 2
        gpu_memory_gib = 128
        cpus_per_node = 64
        container_target = "x86_64+rocm"
        exclusive = true
        max_walltime = "1d"
        billing = { unit = "node-hour", terms = [{ of = "nodes", milliunits = 1000 }] }
        "#,
    )
}

/// The cluster that `SlurmSite` starts, as a site: two nodes of 8 CPUs and 4 GPUs.
pub fn site_of_slurm() -> Site {
    site_of("slurm", "main", 8)
}

/// A site of one system under its own name, with a partition of two nodes of four GPUs.
pub fn site_of(id: &str, partition: &str, cpus_per_node: u32) -> Site {
    site(
        id,
        "LU",
        &format!(
            r#"
            id = "{partition}"
            nodes = 2
            gpus_per_node = 4
            cpus_per_node = {cpus_per_node}
            container_target = "x86_64+cuda"
            billing = {{ unit = "GPU-hour", terms = [{{ of = "scheduler_gpus", milliunits = 1000 }}] }}
            "#
        ),
    )
}

fn site(id: &str, country: &str, partition: &str) -> Site {
    let text = format!(
        r#"
        id = "{id}"
        name = "Factory {id}"
        hosting_entity = "Test"
        city = "Test"
        country = "{country}"
        automation = "site_agent_only"
        source = {{ checked_on = "2026-11-20", from = ["made up for tests"] }}
        [[system]]
        id = "{id}"
        status = "operational"
        [[system.partition]]
        {partition}
        "#
    );
    toml::from_str(&text).expect("a site as the broker reads it")
}
