use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use broker_model::{Ids, PersonId, SystemClock};
use site_adapter::PersonRef;
use url::Url;

use super::*;

mod cache;
mod guard;

const ISSUER: &str = "https://login.example.eu";

fn project() -> ProjectId {
    Ids::from_os().next(&SystemClock)
}

fn question(project: ProjectId) -> AccountQuestion {
    let person: PersonId = Ids::from_os().next(&SystemClock);
    AccountQuestion {
        project,
        person: Some(PersonRef {
            id: person,
            issuer: ISSUER.to_owned(),
            subject: "ada@uni.lu".to_owned(),
        }),
        account_hint: None,
        partition: PartitionRef {
            site: "meluxina".parse().unwrap(),
            system: "meluxina".parse().unwrap(),
            partition: "gpu".parse().unwrap(),
        },
    }
}

fn rule(words: &str) -> AccountRule {
    toml::from_str(words).unwrap()
}

async fn user(table: &AccountTable, question: &AccountQuestion) -> String {
    table.account(question).await.unwrap().account.user
}

#[tokio::test]
async fn the_line_that_fits_most_closely_counts() {
    let mine = project();
    let asked = question(mine);
    let table = AccountTable::new(vec![
        rule("project = '*'\nuser = 'anybody'"),
        rule(&format!(
            "project = '*'\nissuer = '{ISSUER}'\nsubject = '*@uni.lu'\nuser = 'uni'"
        )),
        rule(&format!("project = '{mine}'\nuser = 'project'")),
        rule(&format!(
            "project = '{mine}'\nissuer = '{ISSUER}'\nsubject = 'ada@*'\nuser = 'ada'"
        )),
    ]);
    assert_eq!(user(&table, &asked).await, "ada");
    let mut other = question(mine);
    other.person.as_mut().unwrap().subject = "eve@else.eu".into();
    assert_eq!(user(&table, &other).await, "project");
    assert_eq!(user(&table, &question(project())).await, "uni");
    other.project = project();
    assert_eq!(user(&table, &other).await, "anybody");
    other.person = None;
    assert_eq!(user(&table, &other).await, "anybody");
}

#[tokio::test]
async fn a_subject_of_another_issuer_is_another_person() {
    let words = format!("project = '*'\nissuer = '{ISSUER}'\nsubject = 'ada@uni.lu'\nuser = 'ada'");
    let table = AccountTable::new(vec![rule(&words)]);
    let mut asked = question(project());
    assert_eq!(user(&table, &asked).await, "ada");
    asked.person.as_mut().unwrap().issuer = "https://evil.example".into();
    let refused = table.account(&asked).await.unwrap_err();
    assert!(matches!(refused, AccountError::NoAccount(_)), "{refused}");
}

#[tokio::test]
async fn a_pattern_fits_what_its_stars_leave() {
    for (pattern, text, expected) in [
        ("ada", "ada", true),
        ("ada", "adam", false),
        ("*@uni.lu", "ada@uni.lu", true),
        ("*@uni.lu", "ada@uni.lu.evil.eu", false),
        ("a*a", "a", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c", false),
        ("*", "", true),
    ] {
        let words =
            format!("project = '*'\nissuer = '{ISSUER}'\nsubject = '{pattern}'\nuser = 'x'");
        let table = AccountTable::new(vec![rule(&words)]);
        let mut asked = question(project());
        text.clone_into(&mut asked.person.as_mut().unwrap().subject);
        let fits = table.account(&asked).await.is_ok();
        assert_eq!(fits, expected, "{pattern} {text}");
    }
}

#[tokio::test]
async fn a_project_without_a_line_is_told_what_to_do() {
    let asked = question(project());
    let error = AccountTable::default().account(&asked).await.unwrap_err();
    let words = error.to_string();
    assert!(words.contains("[[accounts]]"), "{words}");
    // The random digits of an id may spell a name.
    let beside_ids = words.replace(&asked.project.to_string(), "");
    assert!(!beside_ids.contains("ada"), "the person is named: {words}");
}

#[tokio::test]
async fn an_account_named_by_the_broker_is_taken_only_if_the_site_lets_it_and_it_is_a_name() {
    let table = AccountTable::new(vec![rule(
        "project = '*'\nuser = 'shared'\naccount_from_allocation = true",
    )]);
    let mut asked = question(project());
    asked.account_hint = Some("p200123".to_owned());
    let mapped = table.account(&asked).await.unwrap();
    assert_eq!(mapped.account.account.as_deref(), Some("p200123"));
    let other = AccountTable::everyone("shared");
    assert_eq!(other.account(&asked).await.unwrap().account.account, None);
    for bad in ["a b", "$(id)", "a\nb", "--qos=x", ""] {
        asked.account_hint = Some(bad.to_owned());
        let answer = table.account(&asked).await;
        assert!(matches!(answer, Err(AccountError::BadHint(_))), "{bad:?}");
    }
}

fn program(folder: &Path, script: &str) -> AccountCommand {
    let path = folder.join("accounts");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    AccountCommand::new(
        vec![path.display().to_string(), "a b; $(id)".to_owned()],
        Duration::from_secs(20),
    )
}

#[tokio::test]
async fn a_program_gets_the_question_and_its_answer_counts() {
    let folder = tempfile::tempdir().unwrap();
    let asked_file = folder.path().join("asked");
    let script = format!(
        "cat > {}\nprintf '%s' \"$1\" > {}.argument\nenv > {}.environment\n\
         echo '{{\"user\":\"ada\",\"account\":\"p1\",\"qos\":\"low\",\"partition\":\"gpu-ai\"}}'",
        asked_file.display(),
        asked_file.display(),
        asked_file.display()
    );
    let asked = question(project());
    let mapped = program(folder.path(), &script)
        .account(&asked)
        .await
        .unwrap();
    assert_eq!(mapped.account.user, "ada");
    assert_eq!(mapped.account.account.as_deref(), Some("p1"));
    assert_eq!(mapped.account.qos.as_deref(), Some("low"));
    assert_eq!(mapped.partition, Some("gpu-ai".parse().unwrap()));
    let got: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&asked_file).unwrap()).unwrap();
    assert_eq!(got["project"], asked.project.to_string());
    assert_eq!(got["person"]["subject"], "ada@uni.lu");
    assert_eq!(got["partition"]["partition"], "gpu");
    let argument = std::fs::read_to_string(folder.path().join("asked.argument")).unwrap();
    assert_eq!(argument, "a b; $(id)", "no shell in between");
    let environment = std::fs::read_to_string(folder.path().join("asked.environment")).unwrap();
    assert!(!environment.contains("CARGO"), "{environment}");
}

#[tokio::test]
async fn a_programs_refusal_is_told_in_the_sites_words_and_its_failure_waits() {
    let folder = tempfile::tempdir().unwrap();
    let asked = question(project());
    let refusal = "echo '{\"refused\":\"sign the terms at https://id.example first\"}'";
    let refused = program(folder.path(), refusal).account(&asked).await;
    assert_eq!(
        refused,
        Err(AccountError::NoAccount(
            "sign the terms at https://id.example first".to_owned()
        ))
    );
    let later = "echo '{\"later\":\"LDAP is down\"}'";
    let later = program(folder.path(), later).account(&asked).await;
    assert_eq!(
        later,
        Err(AccountError::Unavailable("LDAP is down".to_owned()))
    );
    for (script, words) in [
        ("echo oops >&2; exit 3", "oops"),
        ("echo '{\"user\":\"a b\"}'", "not a name"),
        ("echo '{\"user\":\"a\",\"refused\":\"b\"}'", "one of"),
        ("echo '{\"user\":\"a\",\"shell\":\"b\"}'", "unknown field"),
        ("head -c 100000 /dev/zero; exit 0", "longer than"),
        ("", "EOF"),
    ] {
        let later = program(folder.path(), script).account(&asked).await;
        let Err(AccountError::Unusable(said)) = later else {
            panic!("`{script}`: {later:?}");
        };
        assert!(said.contains(words), "`{script}`: {said}");
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
    let mut command = program(folder.path(), &script);
    command.limit(Duration::from_secs(1));
    let later = command.account(&question(project())).await;
    assert!(matches!(later, Err(AccountError::Unavailable(words)) if words.contains("1 s")));
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    let started = std::time::Instant::now();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    while state().is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(started.elapsed() < Duration::from_secs(20), "it still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A directory on loopback that answers what it is told to, to whoever has the token.
async fn directory(answers: &'static [(u16, &'static str)]) -> Url {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let next = std::sync::Arc::new(next);
    let app = axum::Router::new().fallback(
        move |headers: axum::http::HeaderMap, body: axum::Json<serde_json::Value>| {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move {
                let (status, words) = answers[at];
                let known = headers
                    .get("authorization")
                    .is_some_and(|it| it == "Bearer secret");
                if !known || body["version"] != 1 || body["person"]["issuer"] != ISSUER {
                    return (axum::http::StatusCode::UNAUTHORIZED, "who?".to_owned());
                }
                let status = axum::http::StatusCode::from_u16(status).unwrap();
                (status, words.to_owned())
            }
        },
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/accounts", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url.parse().unwrap()
}

fn service(url: Url, token_file: &Path) -> AccountService {
    let timeout = Duration::from_secs(20);
    AccountService::new(url, Some(token_file.to_owned()), None, timeout).unwrap()
}

#[tokio::test]
async fn a_directory_is_asked_with_the_token_and_answers_the_three_ways() {
    let url = directory(&[
        (200, r#"{"user":"ada","account":"p1"}"#),
        (
            200,
            r#"{"refused":"no account; write to help@example.org"}"#,
        ),
        (200, r#"{"later":"moving"}"#),
        (503, "starting"),
        (429, "slowly"),
        (404, "nothing here"),
        (200, "<html>login</html>"),
        (302, ""),
    ])
    .await;
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "secret\n").unwrap();
    let service = service(url, token.path());
    let asked = question(project());
    let mapped = service.account(&asked).await.unwrap();
    assert_eq!(mapped.account.user, "ada");
    let refused = service.account(&asked).await.unwrap_err();
    assert_eq!(refused.to_string(), "no account; write to help@example.org");
    for words in ["moving", "503", "429"] {
        let later = service.account(&asked).await.unwrap_err();
        assert!(matches!(later, AccountError::Unavailable(_)), "{later}");
        assert!(later.to_string().contains(words), "{words}: {later}");
    }
    for words in ["404", "not understood", "302"] {
        let odd = service.account(&asked).await.unwrap_err();
        assert!(matches!(odd, AccountError::Unusable(_)), "{odd}");
        assert!(odd.to_string().contains(words), "{words}: {odd}");
    }
}

#[tokio::test]
async fn a_directory_that_is_away_or_does_not_know_the_agent_makes_the_job_wait() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "wrong").unwrap();
    let asked = question(project());
    let url = directory(&[(200, r#"{"user":"ada"}"#)]).await;
    let unknown = service(url, token.path()).account(&asked).await;
    assert!(
        matches!(unknown, Err(AccountError::Unusable(_))),
        "{unknown:?}"
    );
    let nobody = service("http://127.0.0.1:9/".parse().unwrap(), token.path());
    let away = nobody.account(&asked).await;
    assert!(
        matches!(away, Err(AccountError::Unavailable(_))),
        "{away:?}"
    );
    let missing = service(
        "http://127.0.0.1:9/".parse().unwrap(),
        Path::new("/no/token"),
    );
    let words = missing.account(&asked).await.unwrap_err().to_string();
    assert!(words.contains("/no/token"), "{words}");
}

#[test]
fn a_directory_is_never_asked_in_the_clear() {
    let url: Url = "http://id.example.org/".parse().unwrap();
    let error = AccountService::new(url, None, None, Duration::from_secs(1)).unwrap_err();
    assert!(matches!(error, AccountServiceError::Insecure(_)), "{error}");
}
