use std::net::Ipv4Addr;
use std::time::Duration;

use broker_model::StateName;
use integration_tests::{Books, ENGINEER, Installation, JobFile, People, Setup, alpha, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_told_to_end_answers_what_it_was_asked_and_jobs_go_on() {
    let Some(people) = People::arrive().await else {
        return;
    };
    let mut setup = Setup::new(people.issuer(), vec![alpha()]);
    setup.shutdown_grace_seconds = 20;
    let installation = Installation::set_up(setup).await;
    let mut broker = installation.serve(0).await;
    let site = installation.agent(&alpha(), &installation.url(0));
    let mut agent = site.start();
    let engineer = people.client(&installation.url(0), ENGINEER).await;

    let release = installation.path("release");
    let script = format!(
        "echo begun; until [ -e {} ]; do sleep 0.1; done; echo done",
        release.display()
    );
    let waiting = JobFile::new(installation.project(), "waiting", &script).0;
    let running = engineer.submit(&waiting, "waiting").await.unwrap().id;
    until("it runs", LIMIT, async || {
        (engineer.job(running).await.unwrap().state == StateName::Running).then_some(())
    })
    .await;

    let late = JobFile::new(installation.project(), "late", "echo late").0;
    let body = serde_json::to_vec(&late).unwrap();
    let token = people.token(ENGINEER).await;
    let mut half = half_sent(installation.port(0), &token, &body).await;
    broker.terminate();
    until("it takes no more connections", LIMIT, async || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, installation.port(0)))
            .await
            .err()
    })
    .await;
    assert!(broker.exited().is_none(), "a request is under way");
    half.write_all(&body[body.len() / 2..]).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(LIMIT, half.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert!(broker.ended(LIMIT).await.success(), "{}", broker.said());

    agent.terminate();
    assert!(agent.ended(LIMIT).await.success(), "{}", agent.said());
    std::fs::write(&release, "").unwrap();

    let _broker = installation.serve(0).await;
    let _agent = site.start();
    let books = until("both jobs are charged", LIMIT, async || {
        let books = Books::read(&engineer).await;
        (books.usage.len() == 2).then_some(books)
    })
    .await;
    assert!(
        books
            .jobs
            .iter()
            .all(|job| job.state == StateName::Completed),
        "{:?}",
        books.jobs
    );
    books.must_add_up();
    assert_eq!(log_of(&engineer, running).await, "begun\ndone\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_told_to_end_waits_for_nobody_who_only_listens() {
    let Some(people) = People::arrive().await else {
        return;
    };
    let mut setup = Setup::new(people.issuer(), vec![alpha()]);
    setup.shutdown_grace_seconds = 120;
    let installation = Installation::set_up(setup).await;
    let mut broker = installation.serve(0).await;
    let site = installation.agent(&alpha(), &installation.url(0));
    let _agent = site.start();
    let engineer = people.client(&installation.url(0), ENGINEER).await;
    let release = installation.path("release");
    let script = format!(
        "echo begun; until [ -e {} ]; do sleep 0.1; done; echo done",
        release.display()
    );
    let job = JobFile::new(installation.project(), "listened", &script).0;
    let job = engineer.submit(&job, "listened").await.unwrap().id;
    let mut log = engineer.logs(job, "stdout", true, None).await.unwrap();
    let begun = log.next().await.unwrap().unwrap();
    assert_eq!(begun.kind, "log");

    // The agent's long poll is open as well.
    broker.terminate();
    let ready = installation.url(0).join("/readyz").unwrap();
    until("it says that it is not ready", LIMIT, async || {
        let answer = reqwest::get(ready.clone())
            .await
            .expect("it is still there");
        (answer.status() == 503).then_some(())
    })
    .await;
    assert!(log.next().await.unwrap().is_none(), "the stream ends");
    assert!(
        broker.ended(Duration::from_secs(20)).await.success(),
        "{}",
        broker.said()
    );

    std::fs::write(&release, "").unwrap();
    let _broker = installation.serve(0).await;
    let mut text = String::new();
    let mut rest = engineer
        .logs(job, "stdout", true, begun.id.as_deref())
        .await
        .unwrap();
    while let Some(event) = rest.next().await.unwrap() {
        if event.kind == "log" {
            let piece: broker_client::wire::LogView = serde_json::from_str(&event.data).unwrap();
            text.push_str(&piece.text);
        }
    }
    assert_eq!(text, "done\n", "taken up again where it was");
}

/// A submission of which the broker has the head and half the body, so that it waits for the rest.
async fn half_sent(port: u16, token: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let head = format!(
        "POST /api/v1/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nidempotency-key: late\r\nexpect: 100-continue\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The broker reads the body only in the handler: its word that it goes on shows it is there.
    let mut word = [0; 25];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&body[..body.len() / 2]).await.unwrap();
    stream
}

async fn log_of(client: &broker_client::Client, job: broker_model::JobId) -> String {
    let mut events = client.logs(job, "stdout", false, None).await.unwrap();
    let mut text = String::new();
    while let Some(event) = events.next().await.unwrap() {
        if event.kind == "log" {
            let piece: broker_client::wire::LogView = serde_json::from_str(&event.data).unwrap();
            text.push_str(&piece.text);
        }
    }
    text
}
