use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

async fn get(demo: &Demo, path: &str) -> String {
    let port = demo.portal().port().unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_reports_the_job_and_shows_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start((Ipv4Addr::LOCALHOST, 0).into(), folder.path())
        .await
        .unwrap();
    let report = journey::travel(&demo, false, &mut std::io::sink())
        .await
        .unwrap();
    let keys: BTreeSet<&str> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let wanted = [
        "job",
        "placement",
        "usage",
        "checkpoint",
        "sites",
        "verified",
    ];
    assert_eq!(keys, BTreeSet::from(wanted));
    assert_eq!(
        (&report["sites"], &report["verified"]),
        (&7.into(), &true.into())
    );
    let (proof, job) = (&report["checkpoint"]["inclusion"], &report["job"]["id"]);
    let entry = proof["entry"].as_str().unwrap();
    assert!(entry.contains(job.as_str().unwrap()), "{entry}");

    let page = get(&demo, "/").await;
    assert!(page.contains("x-request-id: "), "{page}");
    let site = report["usage"]["partition"]["site"].as_str().unwrap();
    let text = get(&demo, "/metrics").await;
    for wanted in [
        "alcyone_request_seconds_count{method=\"GET\",route=\"/\",status=\"200\"} 1",
        "alcyone_request_seconds_count{method=\"POST\",route=\"/api/v1/jobs\",status=\"202\"} 1",
        "alcyone_commits{what=\"groups\"}",
        "alcyone_store_up 1",
        &format!("alcyone_leased_attempts_total{{site=\"{site}\"}} 1"),
        &format!("alcyone_reports_total{{site=\"{site}\"}}"),
        &format!("operation=\"submit\",result=\"ok\",site=\"{site}\"}} 1"),
    ] {
        assert!(text.contains(wanted), "no `{wanted}` in:\n{text}");
    }
    demo.stop().await;
}

/// The data folder is kept between two demos, and with it all that a visitor has set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_in_which_a_site_was_drained_and_one_added_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let demo = Demo::start(address, folder.path()).await.unwrap();
    let broker = demo.broker();
    let issuer = demo.issuer().issuer();
    let operator = broker_model::Principal::stranger(issuer, "operator");
    let operator = broker.caller(operator.into()).await.unwrap();
    let drain = serde_json::from_value(serde_json::json!({ "reason": "new pumps" })).unwrap();
    let lumi = "lumi".parse().unwrap();
    broker.drain_site(&operator, &lumi, &drain).await.unwrap();
    let mut antenna = broker.site(&lumi).unwrap().site;
    antenna.id = "antenna".parse().unwrap();
    antenna.systems.clear();
    let filed = broker.file_site(&operator, antenna, None, false).await;
    filed.unwrap();
    demo.stop().await;

    let again = Demo::start(address, folder.path()).await.unwrap();
    let out = &mut std::io::sink();
    let report = journey::travel(&again, false, out).await.unwrap();
    assert_eq!(report["sites"], 7);
    again.stop().await;
}
