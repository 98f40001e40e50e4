//! The emulated answers beside the recorded ones (kube-apiserver 1.36.2, Kueue 0.20-dev): the same status,
//! the same kind of body, the same reason, and the same words but for names.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its support too"
)]

use emulated_kubernetes::{Cluster, Fault, TOKEN};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const RECORDED: &str =
    include_str!("../../../../site-adapters/kubernetes/tests/fixtures/1.36.json");
const JOBS: &str = "/apis/batch/v1/namespaces/team-a/jobs";

struct Answer {
    status: u64,
    body: Value,
}

const MERGE: &str = "application/merge-patch+json";

async fn ask(cluster: &Cluster, token: Option<&str>, line: &str, body: &Value) -> Answer {
    send(cluster, token, line, body, "application/json").await
}

async fn send(
    cluster: &Cluster,
    token: Option<&str>,
    line: &str,
    body: &Value,
    content_type: &str,
) -> Answer {
    let url = cluster.url();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let credential = token
        .map(|t| format!("authorization: Bearer {t}\r\n"))
        .unwrap_or_default();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: x\r\n{credential}content-type: {content_type}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: serde_json::from_str(body).unwrap_or_else(|_| body.into()),
    }
}

fn job(name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": name },
        "spec": { "suspend": true, "template": { "metadata": {}, "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "main", "image": "busybox:1", "command": ["true"] }],
        } } },
    })
}

/// Words with everything in quotation marks and every number taken out, and cut where values begin.
fn shape(words: &str) -> String {
    let mut outside = String::new();
    for (place, part) in words.split('"').enumerate() {
        if place % 2 == 0 {
            outside += part;
        }
    }
    let letters = outside.chars().filter(|c| !c.is_ascii_digit());
    letters.take(60).collect()
}

fn compare(name: &str, answer: &Answer) {
    let all: Value = serde_json::from_str(RECORDED).unwrap();
    let recorded = &all[name];
    assert_eq!(recorded["status"], answer.status, "{name}: {}", answer.body);
    if let Some(text) = recorded["body"].as_str() {
        assert_eq!(answer.body.as_str(), Some(text), "{name}");
        return;
    }
    for field in ["kind", "status", "reason", "code"] {
        let (told, real) = (&answer.body[field], &recorded["body"][field]);
        if !real.is_null() {
            assert_eq!(told.is_object(), real.is_object(), "{name}: {field}");
            assert!(
                told.is_object() || told == real,
                "{name}: {field} is {told}, not {real}"
            );
        }
    }
    let words = |body: &Value| shape(body["message"].as_str().unwrap_or_default());
    assert_eq!(words(&answer.body), words(&recorded["body"]), "{name}");
    let field = |body: &Value| body["details"]["causes"][0]["field"].clone();
    assert_eq!(field(&answer.body), field(&recorded["body"]), "{name}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one recorded answer after the other")]
async fn refusals_are_worded_as_recorded() {
    let cluster = Cluster::start().await;
    let submit = Some(TOKEN);
    let post = format!("POST {JOBS}");
    let strict = format!("POST {JOBS}?fieldValidation=Strict");
    let null = Value::Null;
    assert_eq!(ask(&cluster, submit, &post, &job("j-1")).await.status, 201);
    compare(
        "already_exists_409",
        &ask(&cluster, submit, &post, &job("j-1")).await,
    );
    compare(
        "bad_name_422",
        &ask(&cluster, submit, &post, &job("Bad_Name")).await,
    );
    compare(
        "name_64_chars",
        &ask(&cluster, submit, &post, &job(&"x".repeat(64))).await,
    );
    let mut unknown = job("v-1");
    unknown["spec"]["activeDeadlineSecond"] = 1.into();
    compare(
        "unknown_field_strict_400",
        &ask(&cluster, submit, &strict, &unknown).await,
    );
    compare(
        "unknown_field_warn_201",
        &ask(&cluster, submit, &post, &unknown).await,
    );
    let mut gpus = job("v-2");
    gpus["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["nvidia.com/gpu"] =
        "1".into();
    compare(
        "gpu_request_without_limit_422",
        &ask(&cluster, submit, &post, &gpus).await,
    );
    let resources = &mut gpus["spec"]["template"]["spec"]["containers"][0]["resources"];
    *resources = json!({ "limits": { "nvidia.com/gpu": "500m" } });
    compare(
        "gpu_fraction_422",
        &ask(&cluster, submit, &post, &gpus).await,
    );
    let mut long = job("big-1");
    long["metadata"]["annotations"]["a"] = "x".repeat(300_000).into();
    compare(
        "annotations_too_long_422",
        &ask(&cluster, submit, &post, &long).await,
    );
    compare(
        "bad_token_401",
        &ask(&cluster, Some("x"), &format!("GET {JOBS}"), &null).await,
    );
    compare(
        "no_token_anonymous_403",
        &ask(&cluster, None, &format!("GET {JOBS}"), &null).await,
    );
    let other = "POST /apis/batch/v1/namespaces/team-b/jobs";
    compare(
        "forbidden_create_other_ns",
        &ask(&cluster, submit, other, &job("x")).await,
    );
    compare(
        "missing_job_404",
        &ask(&cluster, submit, &format!("GET {JOBS}/nope"), &null).await,
    );
    let kueue = "GET /apis/kueue.x-k8s.io/v1beta2/namespaces/team-a/workloads";
    compare(
        "missing_api_404",
        &ask(&cluster, submit, kueue, &null).await,
    );
    compare(
        "delete_delete_missing",
        &ask(&cluster, submit, &format!("DELETE {JOBS}/nope"), &null).await,
    );
    let wrong = json!({ "preconditions": { "uid": "11111111" } });
    let delete = format!("DELETE {JOBS}/j-1");
    compare(
        "delete_precondition_wrong_uid",
        &ask(&cluster, submit, &delete, &wrong).await,
    );
    cluster.set_quota("count/jobs.batch", 0);
    compare(
        "create_job_over_count_quota",
        &ask(&cluster, submit, &post, &job("q-1")).await,
    );
    cluster.fail_next("POST", "jobs", Fault::TooMany);
    compare(
        "throttled_429",
        &ask(&cluster, submit, &post, &job("t-1")).await,
    );
    cluster.fail_next("POST", "jobs", Fault::WebhookDown);
    compare(
        "webhook_down_queue_label",
        &ask(&cluster, submit, &post, &job("w-1")).await,
    );
}

#[tokio::test]
async fn a_job_is_validated_as_recorded() {
    let cluster = Cluster::start().await;
    let post = format!("POST {JOBS}");
    let mut cases: Vec<(&str, Value)> = Vec::new();
    let mut case = |name: &'static str, change: &dyn Fn(&mut Value)| {
        let mut odd = job("v-1");
        change(&mut odd);
        cases.push((name, odd));
    };
    case("restart_always_422", &|job| {
        job["spec"]["template"]["spec"]["restartPolicy"] = "Always".into();
    });
    case("no_containers_422", &|job| {
        job["spec"]["template"]["spec"]["containers"] = json!([]);
    });
    case("gpu_request_ne_limit_422", &|job| {
        let container = &mut job["spec"]["template"]["spec"]["containers"][0];
        container["resources"] = json!({
            "limits": { "nvidia.com/gpu": "2" }, "requests": { "nvidia.com/gpu": "1" },
        });
    });
    case("bad_label_422", &|job| {
        job["metadata"]["labels"] = json!({ "bad key!": "v" });
        job["spec"]["template"]["metadata"]["labels"] = json!({ "bad key!": "v" });
    });
    case("negative_deadline_422", &|job| {
        job["spec"]["activeDeadlineSeconds"] = (-1).into();
    });
    case("wrong_api_version_400", &|job| {
        job["apiVersion"] = "batch/v1beta1".into();
    });
    case("ns_mismatch_400", &|job| {
        job["metadata"]["namespace"] = "team-b".into();
    });
    for (name, odd) in &cases {
        compare(name, &ask(&cluster, Some(TOKEN), &post, odd).await);
    }
    assert!(cluster.all("jobs").is_empty());
    ask(&cluster, Some(TOKEN), &post, &job("imm-1")).await;
    let patch = format!("PATCH {JOBS}/imm-1");
    let change = json!({ "spec": {} });
    // Sent as `application/json`, which no patch is.
    compare(
        "patch_wrong_content_type_415",
        &ask(&cluster, Some(TOKEN), &patch, &change).await,
    );
    let change = json!({ "spec": { "completions": 3 } });
    let answer = send(&cluster, Some(TOKEN), &patch, &change, MERGE).await;
    compare("immutable_selector_422", &answer);
    let deadline = json!({ "spec": { "activeDeadlineSeconds": 1 } });
    let answer = send(&cluster, Some(TOKEN), &patch, &deadline, MERGE).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn lists_are_refused_as_recorded() {
    let cluster = Cluster::start().await;
    for (name, query) in [
        ("field_selector_bad", "fieldSelector=spec.suspend%3Dtrue"),
        ("list_too_new", "resourceVersion=101874"),
        ("bad_continue", "limit=2&continue=nope"),
    ] {
        let line = format!("GET {JOBS}?{query}");
        compare(name, &ask(&cluster, Some(TOKEN), &line, &Value::Null).await);
    }
}

/// Marked at once, gone with its pods.
#[tokio::test]
async fn a_foreground_delete_leaves_the_job_until_its_pods_have_gone() {
    let cluster = Cluster::start().await;
    let mut sleeper = job("fore");
    sleeper["spec"]["suspend"] = false.into();
    let container = &mut sleeper["spec"]["template"]["spec"]["containers"][0];
    container["command"] = json!(["sleep", "600"]);
    ask(&cluster, Some(TOKEN), &format!("POST {JOBS}"), &sleeper).await;
    until(|| !cluster.all("pods").is_empty()).await;
    let options = json!({ "propagationPolicy": "Foreground" });
    let delete = format!("DELETE {JOBS}/fore");
    let answer = ask(&cluster, Some(TOKEN), &delete, &options).await;
    assert_eq!(answer.status, 200);
    let all: Value = serde_json::from_str(RECORDED).unwrap();
    assert_eq!(
        answer.body["metadata"]["finalizers"],
        all["delete_foreground"]["body"]["metadata"]["finalizers"]
    );
    until(|| cluster.all("jobs").is_empty()).await;
    assert!(cluster.all("pods").is_empty());
    let odd = json!({ "propagationPolicy": "Sometimes" });
    ask(&cluster, Some(TOKEN), &format!("POST {JOBS}"), &job("odd")).await;
    let answer = ask(&cluster, Some(TOKEN), &format!("DELETE {JOBS}/odd"), &odd).await;
    assert_eq!(answer.status, 422);
}

async fn until(mut is: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    let happens = async {
        while !is() {
            ticks.tick().await;
        }
    };
    let patience = std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, happens).await.unwrap();
}

#[tokio::test]
async fn kueues_webhook_refuses_as_recorded() {
    let cluster = Cluster::start().await;
    cluster.install_kueue(4);
    let mut odd = job("k-1");
    odd["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "Bad_Queue".into();
    compare(
        "bad_queue_name",
        &ask(&cluster, Some(TOKEN), &format!("POST {JOBS}"), &odd).await,
    );
}

#[tokio::test]
async fn an_old_version_is_410_inside_the_stream_of_a_watch() {
    let cluster = Cluster::start().await;
    cluster.forget_versions();
    let line = format!("GET {JOBS}?watch=1&resourceVersion=1&timeoutSeconds=1");
    let answer = ask(&cluster, Some(TOKEN), &line, &Value::Null).await;
    assert_eq!(answer.status, 200);
    let text = answer.body.to_string();
    assert!(text.contains("too old resource version"), "{text}");
    assert!(text.contains("410"), "{text}");
}

/// Orphaned pods run on.
#[tokio::test]
async fn a_delete_without_a_propagation_policy_orphans_the_pods() {
    let cluster = Cluster::start().await;
    let mut sleeper = job("orphan");
    sleeper["spec"]["suspend"] = false.into();
    sleeper["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["sleep", "600"]);
    ask(&cluster, Some(TOKEN), &format!("POST {JOBS}"), &sleeper).await;
    let runs = |pod: &Value| pod["status"]["phase"] == "Running";
    until(|| cluster.all("pods").iter().any(runs)).await;
    let answer = ask(
        &cluster,
        Some(TOKEN),
        &format!("DELETE {JOBS}/orphan"),
        &Value::Null,
    )
    .await;
    assert_eq!(answer.status, 200);
    let pods = cluster.all("pods");
    assert_eq!(pods.len(), 1);
    assert!(pods[0]["metadata"].get("ownerReferences").is_none());
    assert_eq!(pods[0]["status"]["phase"], "Running");
}
