use super::*;

const SETTINGS: &str = r#"
    system = "hummel"
    access = { kind = "token", server = "https://10.0.0.1:6443", token_file = "/run/token" }
    [partitions.gpu]
    gpu_resource = "nvidia.com/gpu"
    node_selector = { "gpu.example.org/kind" = "h100" }
    tolerations = [{ key = "nvidia.com/gpu", effect = "NoSchedule" }]
    queue = "gpu"
    [partitions.cpu]
    default_image = "docker://busybox:1"
"#;

fn read(text: &str) -> Result<KubernetesSettings, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn a_short_file_is_enough() {
    let settings = read(SETTINGS).unwrap();
    settings.validate().unwrap();
    assert_eq!(settings.namespace_of("team-a"), "team-a");
    let prefixed = read(&format!("namespace = \"prj-{{user}}\"\n{SETTINGS}")).unwrap();
    assert_eq!(prefixed.namespace_of("team-a"), "prj-team-a");
    for access in [
        "{ kind = \"in_cluster\" }",
        "{ kind = \"kubeconfig\", file = \"/etc/kube.conf\", context = \"c\" }",
    ] {
        let line = SETTINGS
            .lines()
            .find(|line| line.contains("access ="))
            .unwrap();
        let text = SETTINGS.replace(line, &format!("access = {access}"));
        read(&text).unwrap().validate().unwrap();
    }
}

#[test]
fn an_unknown_key_is_refused() {
    for (from, to) in [
        ("system", "sytem"),
        ("gpu_resource", "gpu"),
        ("token_file", "tokenfile"),
        ("effect", "efect"),
    ] {
        assert!(read(&SETTINGS.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn what_the_shape_cannot_say_is_checked_and_named() {
    for (from, to, key) in [
        ("https://10.0.0.1:6443", "ftp://x", "access.server"),
        ("\"/run/token\"", "\"token\"", "access.token_file"),
        (
            "nvidia.com/gpu\"\n",
            "gpu\"\n",
            "partitions.gpu.gpu_resource",
        ),
        (
            "gpu.example.org/kind",
            "bad key!",
            "partitions.gpu.node_selector",
        ),
        (
            "\"NoSchedule\"",
            "\"Never\"",
            "partitions.gpu.tolerations.effect",
        ),
        (
            "queue = \"gpu\"",
            "queue = \"Bad_Queue\"",
            "partitions.gpu.queue",
        ),
        ("queue = \"gpu\"", "shm_gib = 0", "partitions.gpu.shm_gib"),
    ] {
        let error = read(&SETTINGS.replace(from, to))
            .unwrap()
            .validate()
            .unwrap_err();
        assert_eq!(error.key, key);
    }
    for (line, key) in [
        ("namespace = \"{user}_x\"", "namespace"),
        ("run_as_user = 0", "run_as_user"),
        ("settle_seconds = 30", "settle_seconds"),
        ("timeout_seconds = 1", "timeout_seconds"),
        ("image_pull_policy = \"Sometimes\"", "image_pull_policy"),
        ("service_account = \"A B\"", "service_account"),
        ("keep_hours = 0", "keep_hours"),
    ] {
        let settings = read(&format!("{line}\n{SETTINGS}")).unwrap();
        assert_eq!(settings.validate().unwrap_err().key, key);
    }
}

/// The part of `config/agent.example.toml` that is about Kubernetes, without its comment signs.
fn example() -> String {
    let all = include_str!("../../../../config/agent.example.toml");
    let (_, own) = all.split_once("for a Kubernetes cluster").unwrap();
    let (_, own) = own.split_once("# [adapter.settings]\n").unwrap();
    let lines = own.lines().take_while(|line| line.starts_with('#'));
    let lines: Vec<&str> = lines
        .map(|line| line.trim_start_matches(['#', ' ']))
        .collect();
    lines.join("\n").replace("[adapter.settings.", "[")
}

#[test]
fn the_example_is_valid() {
    read(&example()).unwrap().validate().unwrap();
}

#[test]
fn the_example_has_every_key() {
    for table in ["", "[access]", "[partitions.gpu]"] {
        let text = example();
        let wrong = if table.is_empty() {
            format!("no_such_key = 1\n{text}")
        } else {
            let line = text.lines().find(|line| line.starts_with(table)).unwrap();
            text.replacen(line, &format!("{line}\nno_such_key = 1"), 1)
        };
        let told = read(&wrong).unwrap_err().to_string();
        let (_, keys) = told
            .split_once("unknown field `no_such_key`, expected ")
            .unwrap();
        for key in keys.lines().next().unwrap().split('`').skip(1).step_by(2) {
            let there = text.contains(&format!("\n{key} = "))
                || text.starts_with(&format!("{key} = "))
                || text.contains(&format!("[{key}"));
            assert!(there, "{table} has no `{key}`");
        }
    }
}
