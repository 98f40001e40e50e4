use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use broker_cli::FileTokens;
use broker_client::TokenSource as _;
use serde_json::Value;

use crate::stage::{Stage, mode};

/// Output that another task reads while it is written.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shown {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn login_file(stage: &Stage, person: &str) -> std::path::PathBuf {
    let port = stage.url.port().unwrap();
    stage
        .home(person)
        .join(format!("login-127.0.0.1-{port}.json"))
}

fn kept(stage: &Stage) -> Value {
    serde_json::from_str(&std::fs::read_to_string(login_file(stage, "ada")).unwrap()).unwrap()
}

#[tokio::test]
async fn login_shows_where_to_confirm_and_keeps_the_login_for_its_owner_only() {
    let stage = Stage::open().await;
    let shown = Shown::default();
    let mut out = shown.clone();
    let person = async {
        loop {
            if let Some((begun, _)) = shown.text().split_once('\n') {
                let begun: Value = serde_json::from_str(begun).unwrap();
                let code = begun["user_code"].as_str().unwrap();
                break stage
                    .world
                    .issuer
                    .approve_device(code, "ada")
                    .await
                    .unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    let cli = stage.cli("ada", &["login", "--json"]);
    let (code, ()) = tokio::join!(broker_cli::run(cli, &mut out), person);
    assert_eq!(code.unwrap(), 0);
    let text = shown.text();
    let me: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!((text.lines().count(), &me["subject"]), (2, &"ada".into()));
    assert_eq!(mode(&login_file(&stage, "ada")), 0o600);
    let token = kept(&stage)["tokens"]["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!text.contains(&token));
}

#[tokio::test]
async fn a_login_that_is_refused_is_said() {
    let stage = Stage::open().await;
    let device = broker_cli::start_login(&stage.url).await.unwrap();
    let form = [("user_code", device.user_code()), ("subject", "")];
    let page = format!("{}/device", stage.world.issuer.issuer());
    reqwest::Client::new()
        .post(page)
        .form(&form)
        .send()
        .await
        .unwrap();
    let refused = broker_cli::finish_login(&stage.url, &stage.home("ada"), &device).await;
    assert_eq!(
        format!("{:#}", refused.unwrap_err()),
        "the login was refused: access_denied"
    );
    assert!(!login_file(&stage, "ada").exists());
}

#[tokio::test]
async fn logout_forgets_the_login_and_verbs_then_ask_for_one() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    assert_eq!(
        stage.json("ada", &["logout"]).await,
        serde_json::json!({ "signed_out": true })
    );
    assert!(!login_file(&stage, "ada").exists());
    let ran = stage.run("ada", &["logout"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "Nobody was signed in\n"));
    let file = stage.file("job.toml", crate::stage::JOB);
    for words in [
        &["whoami"][..],
        &["jobs"],
        &["submit", &file],
        &["sites"],
        &["usage"],
    ] {
        let ran = stage.run("ada", words).await;
        assert_eq!(
            (ran.code, ran.error.as_str()),
            (3, "not signed in: run `alcyone login`")
        );
    }
}

#[tokio::test]
async fn an_expired_token_is_refreshed_and_kept() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let before = kept(&stage);
    stage.world.outlive_tokens().await;
    assert_eq!(stage.run("ada", &["whoami"]).await.code, 0);
    let after = kept(&stage);
    assert_ne!(
        before["tokens"]["access_token"],
        after["tokens"]["access_token"]
    );
    assert_ne!(
        before["tokens"]["refresh_token"],
        after["tokens"]["refresh_token"]
    );
    assert_eq!(mode(&login_file(&stage, "ada")), 0o600);
    stage.world.outlive_tokens().await;
    assert_eq!(stage.run("ada", &["whoami"]).await.code, 0);
}

#[tokio::test]
async fn two_processes_whose_token_ended_use_the_refresh_token_once() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let open = || FileTokens::at(&stage.url, &stage.home("ada")).unwrap();
    let (first, second) = (open(), open());
    let old = first.token(None).await.unwrap();
    stage.world.outlive_tokens().await;
    let (one, two) = tokio::join!(first.token(Some(&old)), second.token(Some(&old)));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two);
    assert_ne!(one, old);
    stage.world.outlive_tokens().await;
    assert!(
        second.token(Some(&two)).await.is_ok(),
        "the family of refresh tokens is alive"
    );
}

#[tokio::test]
async fn a_login_that_is_over_or_damaged_is_exit_code_3_with_the_way_out() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let mut over = kept(&stage);
    over["tokens"]["refresh_token"] = "used-up".into();
    std::fs::write(login_file(&stage, "ada"), over.to_string()).unwrap();
    stage.world.outlive_tokens().await;
    let ran = stage.run("ada", &["whoami"]).await;
    assert_eq!(
        (ran.code, ran.error.as_str()),
        (3, "not signed in: the login is over; run `alcyone login`")
    );
    std::fs::write(login_file(&stage, "ada"), "{").unwrap();
    let ran = stage.run("ada", &["whoami"]).await;
    assert_eq!(ran.code, 3);
    assert!(
        ran.error.contains("is damaged") && ran.error.ends_with("run `alcyone login`"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn a_login_that_ran_out_while_its_issuer_is_away_says_so_and_counts_again_later() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let signed_in = kept(&stage);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let mut moved = signed_in.clone();
    moved["login"]["issuer"] = away.as_str().into();
    std::fs::write(login_file(&stage, "ada"), moved.to_string()).unwrap();
    stage.world.outlive_tokens().await;
    let ran = stage.run("ada", &["whoami", "--json"]).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["code"], "not-signed-in");
    let words = format!("the login ran out and its issuer {away} cannot be reached");
    assert!(ran.error.contains(&words), "{}", ran.error);
    assert!(ran.error.contains("`alcyone login`"), "{}", ran.error);
    assert!(!ran.error.contains("the broker cannot"), "{}", ran.error);

    std::fs::write(login_file(&stage, "ada"), signed_in.to_string()).unwrap();
    assert_eq!(stage.run("ada", &["whoami"]).await.code, 0);
}

#[tokio::test]
async fn a_login_is_sent_in_clear_to_this_machine_only_unless_somebody_says_so() {
    let stage = Stage::open().await;
    let ran = |broker: &str, more: &[&str]| {
        let mut cli = stage.cli("ada", more);
        cli.broker = Some(broker.parse().unwrap());
        async move {
            let error = broker_cli::run(cli, &mut Vec::new()).await.unwrap_err();
            (broker_cli::exit_code(&error), format!("{error:#}"))
        }
    };
    for broker in [
        "http://192.0.2.1:8400",
        "http://127.0.0.1.example:1",
        "ftp://h",
    ] {
        for verb in ["login", "whoami", "sites"] {
            let (code, error) = ran(broker, &[verb]).await;
            assert_eq!(code, 2, "{broker} {verb}: {error}");
            assert!(error.contains("--allow-http"), "{error}");
        }
    }
    // Past that check nobody is signed in there.
    for (broker, more) in [
        ("http://192.0.2.1:8400", &["whoami", "--allow-http"][..]),
        ("http://localhost:1", &["whoami"]),
        ("http://[::1]:1", &["whoami"]),
        ("https://broker.example", &["whoami"]),
    ] {
        assert_eq!(ran(broker, more).await.0, 3, "{broker}");
    }
}
