use broker_model::{AfterWhen, ArraySpec, PartitionRef, RemoteId, Resources, Walltime};
use site_adapter::{LocalAccount, RemoteAfter, Submission, Work};

use super::pod::REQUIRED;
use super::*;
use crate::facts::MARKER;

const SETTINGS: &str = r#"
    system = "alpha"
    access = { kind = "in_cluster" }
    [partitions.gpu]
    gpu_resource = "amd.com/gpu"
    node_selector = { kind = "mi300" }
    tolerations = [{ key = "amd.com/gpu" }]
    runtime_class = "rocm"
    priority_class = "batch"
    shm_gib = 8
    [partitions.queued]
    queue = "gpu"
    queue_priority = "low"
    default_image = "docker://busybox:1"
"#;

fn submission(partition: &str) -> Submission {
    Submission {
        attempt: MARKER.parse().unwrap(),
        account: LocalAccount {
            user: "team-a".to_owned(),
            account: None,
            qos: None,
        },
        work: Work {
            name: "finetune".to_owned(),
            resources: Resources {
                nodes: 1,
                gpus_per_node: 0,
                gpu_memory_gib: None,
                cpus_per_node: Some(3),
                memory_gib_per_node: None,
                walltime: Walltime::from_seconds(3600).unwrap(),
            },
            image: Some("docker://example.org/train:1".to_owned()),
            script: "echo $(HOME)".to_owned(),
            partition: PartitionRef {
                site: "alpha".parse().unwrap(),
                system: "alpha".parse().unwrap(),
                partition: partition.parse().unwrap(),
            },
            scheduler_gpus_per_gpu: 2,
            exclusive: false,
            restartable: false,
            array: None,
            after: Vec::new(),
        },
        may_exist: false,
    }
}

fn job(submission: &Submission) -> Result<Value> {
    let settings: KubernetesSettings = toml::from_str(SETTINGS).unwrap();
    let partition = &settings.partitions[&submission.work.partition.partition];
    let plan = Plan {
        settings: &settings,
        partition,
        submission,
        namespace: "team-a",
        name: "alcyone-0192f0c1d2e37abc8def0123456789ab",
        has_kueue: true,
    };
    plan.job()
}

/// Every object that is sent must be one that Kubernetes knows: read back, nothing may be lost.
fn checked(submission: &Submission) -> Value {
    let made = job(submission).unwrap();
    let typed: k8s_openapi::api::batch::v1::Job = serde_json::from_value(made.clone()).unwrap();
    let back = serde_json::to_value(typed).unwrap();
    assert_eq!(back, made, "a field is not one of Kubernetes'");
    made
}

fn refusal(submission: &Submission) -> String {
    let error = job(submission).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    error.message
}

#[test]
fn the_users_code_starts_once() {
    let made = checked(&submission("gpu"));
    let spec = &made["spec"];
    assert_eq!(spec["backoffLimit"], 0);
    assert_eq!(spec["podReplacementPolicy"], "Failed");
    assert_eq!(spec["podFailurePolicy"]["rules"][0]["action"], "FailJob");
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    assert_eq!(spec["suspend"], false);
    let mut restartable = submission("gpu");
    restartable.work.restartable = true;
    let made = checked(&restartable);
    assert_eq!(
        made["spec"]["podFailurePolicy"]["rules"][0]["action"],
        "Ignore"
    );
}

/// It counts from when a node has the pod; the Job's own would count the wait.
#[test]
fn the_walltime_is_the_pods_deadline() {
    let made = checked(&submission("gpu"));
    assert_eq!(
        made["spec"]["template"]["spec"]["activeDeadlineSeconds"],
        3600
    );
    assert!(made["spec"].get("activeDeadlineSeconds").is_none());
    assert_eq!(made["spec"]["ttlSecondsAfterFinished"], 48 * 3600);
}

#[test]
fn the_marker_stands_on_job_and_pods() {
    let made = checked(&submission("gpu"));
    assert_eq!(made["metadata"]["labels"][names::ATTEMPT], MARKER);
    assert_eq!(
        made["spec"]["template"]["metadata"]["labels"][names::ATTEMPT],
        MARKER
    );
}

#[test]
fn accelerators_are_whole_limits_of_the_vendors_resource() {
    let mut wanted = submission("gpu");
    wanted.work.resources.gpus_per_node = 2;
    let made = checked(&wanted);
    let pod = &made["spec"]["template"]["spec"];
    let resources = &pod["containers"][0]["resources"];
    assert_eq!(resources["limits"]["amd.com/gpu"], "4");
    assert_eq!(resources["limits"], resources["requests"]);
    assert_eq!(resources["limits"]["cpu"], "3");
    assert_eq!(resources["limits"]["memory"], "4Gi");
    assert_eq!(pod["nodeSelector"]["kind"], "mi300");
    assert_eq!(pod["tolerations"][0]["operator"], "Exists");
    assert_eq!(pod["runtimeClassName"], "rocm");
    assert_eq!(pod["priorityClassName"], "batch");
    assert_eq!(pod["volumes"][1]["emptyDir"]["sizeLimit"], "8Gi");
    wanted.work.partition.partition = "queued".parse().unwrap();
    assert!(refusal(&wanted).contains("gpu_resource"));
}

#[test]
fn a_queue_gets_a_suspended_job_with_its_label() {
    let mut queued = submission("queued");
    let made = checked(&queued);
    assert_eq!(made["spec"]["suspend"], true);
    assert_eq!(made["metadata"]["labels"][names::QUEUE], "gpu");
    assert_eq!(made["metadata"]["labels"][names::QUEUE_PRIORITY], "low");
    queued.account.account = Some("lab".to_owned());
    queued.account.qos = Some("high".to_owned());
    let made = checked(&queued);
    assert_eq!(made["metadata"]["labels"][names::QUEUE], "lab");
    assert_eq!(made["metadata"]["labels"][names::QUEUE_PRIORITY], "high");
    queued.account.account = Some("Not a queue".to_owned());
    assert!(refusal(&queued).contains("`account`"));
}

/// Kueue would let it go as soon as there is quota.
#[test]
fn a_job_that_waits_for_another_is_held_and_gets_its_queue_later() {
    let mut after = submission("queued");
    after.work.after.push(RemoteAfter {
        marker: "att_1".to_owned(),
        remote: RemoteId("u-1".to_owned()),
        when: AfterWhen::Completed,
    });
    let made = checked(&after);
    assert_eq!(made["spec"]["suspend"], true);
    assert_eq!(made["metadata"]["labels"][names::QUEUE], names::NO_QUEUE);
    assert_eq!(made["metadata"]["annotations"][names::LATER_QUEUE], "gpu");
    let noted = made["metadata"]["annotations"][names::AFTER]
        .as_str()
        .unwrap();
    let noted: Vec<RemoteAfter> = serde_json::from_str(noted).unwrap();
    assert_eq!(noted, after.work.after);
}

/// Whole nodes: no other job of ours may be there, whatever its namespace; the label is on all of them.
#[test]
fn an_exclusive_job_is_apart_from_every_other_of_ours() {
    let mut alone = submission("gpu");
    alone.work.exclusive = true;
    let made = checked(&alone);
    let template = &made["spec"]["template"];
    let rules = &template["spec"]["affinity"]["podAntiAffinity"][REQUIRED];
    let rule = json!({
        "topologyKey": "kubernetes.io/hostname",
        "namespaceSelector": {},
        "labelSelector": { "matchLabels": { names::MANAGED_BY: names::OURS } },
    });
    assert_eq!(*rules, json!([rule]));
    assert_eq!(
        template["metadata"]["labels"][names::MANAGED_BY],
        names::OURS
    );
    let shared = checked(&submission("gpu"));
    assert!(shared["spec"]["template"]["spec"].get("affinity").is_none());
}

#[test]
fn several_nodes_are_an_indexed_job_apart_that_waits_for_its_service() {
    let mut wide = submission("gpu");
    wide.work.resources.nodes = 3;
    let made = checked(&wide);
    let spec = &made["spec"];
    assert_eq!(spec["completionMode"], "Indexed");
    assert_eq!(
        (&spec["completions"], &spec["parallelism"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(spec["backoffLimit"], 0);
    assert_eq!(spec["suspend"], true);
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["subdomain"], made["metadata"]["name"]);
    let apart = &pod["affinity"]["podAntiAffinity"][REQUIRED][0];
    assert_eq!(apart["topologyKey"], "kubernetes.io/hostname");
    let names: Vec<&str> = pod["containers"][0]["env"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|variable| variable["name"].as_str())
        .collect();
    for name in [
        "ALCYONE_NODES",
        "ALCYONE_NODE_RANK",
        "MASTER_ADDR",
        "MASTER_PORT",
    ] {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn each_task_of_an_array_ends_for_itself() {
    let mut array = submission("gpu");
    array.work.array = Some(ArraySpec {
        tasks: 10,
        at_once: Some(3),
    });
    let made = checked(&array);
    let spec = &made["spec"];
    assert_eq!(
        (&spec["completions"], &spec["parallelism"]),
        (&json!(10), &json!(3))
    );
    assert_eq!(spec["backoffLimitPerIndex"], 0);
    assert_eq!(spec["podFailurePolicy"]["rules"][0]["action"], "FailIndex");
    assert_eq!(spec["suspend"], false);
}

#[test]
fn nothing_runs_as_root_unless_the_site_says_so() {
    let made = checked(&submission("gpu"));
    let context = &made["spec"]["template"]["spec"]["securityContext"];
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["runAsUser"], 65_534);
}

#[test]
fn images_are_oci_or_refused_with_the_remedy() {
    let made = checked(&submission("gpu"));
    let image = &made["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "example.org/train:1");
    for image in ["oras://example.org/x", "/images/x.sif"] {
        let mut other = submission("gpu");
        other.work.image = Some(image.to_owned());
        assert!(refusal(&other).contains("docker://"), "{image}");
    }
    let mut plain = submission("gpu");
    plain.work.image = None;
    assert!(refusal(&plain).contains("default_image"));
}

#[test]
fn a_script_with_a_zero_byte_is_refused() {
    let mut odd = submission("gpu");
    odd.work.script = "echo \0".to_owned();
    assert!(refusal(&odd).contains("zero byte"));
}
