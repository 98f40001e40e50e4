//! The example configurations: they load, they have every key, and what is wrong in a copy is said.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use integration_tests::program;
use tempfile::TempDir;

const BROKER: &str = include_str!("../../../config/broker.example.toml");
const AGENT: &str = include_str!("../../../config/agent.example.toml");

/// A folder with the files that the broker's example names, as an operator would have them.
fn installed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("secrets")).unwrap();
    for (name, secret) in [
        (
            "database-url",
            "postgres://broker:word@db.example.eu/alcyone",
        ),
        ("portal-client", "a client's secret"),
        ("introspection-client", "another client's secret"),
    ] {
        secret_file(&folder.path().join("secrets").join(name), secret);
    }
    std::fs::create_dir(folder.path().join("tls")).unwrap();
    let made = rcgen::generate_simple_self_signed(["broker.example.eu".to_owned()]).unwrap();
    std::fs::write(folder.path().join("tls/certificate.pem"), made.cert.pem()).unwrap();
    secret_file(
        &folder.path().join("tls/key.pem"),
        &made.signing_key.serialize_pem(),
    );
    let key = [
        "ledger-key",
        "--name",
        "broker.example.eu/ledger",
        "secrets/ledger-key.pem",
    ];
    let made = Command::new(program("alcyone-broker"))
        .args(key)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    folder
}

/// A file that only its owner may read.
fn secret_file(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Runs a program on a configuration, from another folder than the file's, and returns whether it
/// was content and all it said.
fn ask(name: &str, words: &[&str], folder: &Path, text: &str) -> (bool, String) {
    let file = folder.join("config.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(program(name));
    command
        .args(words)
        .env("ALCYONE_CONFIG", &file)
        .env("ALCYONE_AGENT_CONFIG", &file);
    let output = command.current_dir("/").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// `alcyone-broker config check`.
fn check(folder: &Path, text: &str) -> (bool, String) {
    ask("alcyone-broker", &["config", "check"], folder, text)
}

#[test]
fn the_brokers_example_is_a_configuration() {
    let folder = installed();
    let (content, said) = check(folder.path(), BROKER);
    assert!(content && said.contains("no mistake found"), "{said}");
}

#[test]
fn the_brokers_example_has_every_key_there_is() {
    let folder = installed();
    must_have_every_key(BROKER, 50, |text| check(folder.path(), text).1);
}

/// `agent.listen` and the rest: what the agent's own check reads before it asks anybody.
#[test]
fn the_agents_example_has_every_key_there_is() {
    let folder = tempfile::tempdir().unwrap();
    must_have_every_key(AGENT, 35, |text| {
        ask("alcyone-agent", &["check"], folder.path(), text).1
    });
}

/// serde names what it expected in a table when it meets a key it does not know; each of those must
/// be in the example, commented out or not.
fn must_have_every_key(example: &str, least: usize, ask: impl Fn(&str) -> String) {
    let mut seen = 0;
    for table in example.lines().filter(|line| line.starts_with('[')) {
        let line = format!("\n{table}\n");
        let wrong = example.replacen(&line, &format!("{line}no_such_key = 1\n"), 1);
        let said = ask(&wrong);
        assert!(
            said.contains("unknown field `no_such_key`"),
            "{table}: {said}"
        );
        let expected = said
            .split("unknown field `no_such_key`, expected ")
            .nth(1)
            .unwrap();
        for key in expected
            .lines()
            .next()
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2)
        {
            assert!(is_there(example, table, key), "{table} has no `{key}`");
            seen += 1;
        }
    }
    assert!(seen >= least, "only {seen} keys were found");
}

fn is_there(example: &str, table: &str, key: &str) -> bool {
    let name = table.trim_matches(['[', ']']);
    let below = format!("[{name}.{key}");
    // A table that may come several times may have its keys in any of them.
    let heading = format!("\n{table}\n");
    let sections = example.split(&heading).skip(1);
    let mut own = sections.flat_map(|text| text.lines().take_while(|line| !line.starts_with('[')));
    let is_key = |line: &str| {
        line.trim_start_matches("# ")
            .starts_with(&format!("{key} = "))
    };
    own.any(is_key) || example.contains(&below)
}

/// What is right in the example, what is written in its place, and what is said of it then.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    (
        "listen = \"127.0.0.1:8443\"",
        "listen = \"here\"",
        &["line", "listen"],
    ),
    (
        "lease_seconds = 60",
        "lease_seconds = \"60\"",
        &["lease_seconds", "invalid type"],
    ),
    (
        "public_url = \"https://",
        "public_url = \"http://",
        &["server.public_url", "https"],
    ),
    (
        "url_file = \"secrets/database-url\"",
        "",
        &["database", "`url_file`"],
    ),
    (
        "leeway_seconds = 30",
        "leeway_seconds = 3000",
        &["leeway_seconds", "at most"],
    ),
    ("\"RS256\"", "\"HS256\"", &["HS256", "RS256"]),
    (
        "ledger-key.pem\"\n\n",
        "no.pem\"\n\n",
        &["ledger.key_file", "`alcyone-broker ledger-key`"],
    ),
    (
        "lease_seconds = 60",
        "lease_seconds = 0",
        &["limits.lease_seconds", "allowed: 5 to 3600"],
    ),
    (
        "site_lost_after_seconds = 1800",
        "site_lost_after_seconds = 60",
        &["limits.site_lost_after_seconds", "a lease of 60 s"],
    ),
    (
        "filter = \"info\"",
        "filter = \"info,=loud=\"",
        &["log.filter", "loud"],
    ),
    (
        "tls/key.pem",
        "secrets/ledger-key.pem",
        &["server.tls", "do not go together"],
    ),
    (
        "tls/certificate.pem",
        "secrets/portal-client",
        &["server.tls.certificate_file", "no certificate"],
    ),
];

#[test]
fn a_mistake_is_told_with_file_key_and_reason() {
    let folder = installed();
    for (right, wrong, words) in MISTAKES {
        assert!(BROKER.contains(right), "{right}");
        let (content, said) = check(folder.path(), &BROKER.replacen(right, wrong, 1));
        assert!(!content, "`{wrong}` was taken: {said}");
        assert!(said.contains("config.toml"), "no file in: {said}");
        for word in *words {
            assert!(said.contains(word), "no `{word}` in: {said}");
        }
    }
}

#[test]
fn a_secret_that_is_missing_or_for_everybody_is_told_with_its_key() {
    for (name, key) in [
        ("tls/key.pem", "server.tls.key_file"),
        ("secrets/database-url", "database.url_file"),
        ("secrets/portal-client", "issuers.portal.client_secret_file"),
        (
            "secrets/introspection-client",
            "issuers.introspection.client_secret_file",
        ),
        ("secrets/ledger-key.pem", "ledger.key_file"),
    ] {
        let folder = installed();
        let file = folder.path().join(name);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (content, said) = check(folder.path(), BROKER);
        assert!(content && said.contains(key), "{key}: {said}");
        assert!(
            said.contains("careful: ") && said.contains("chmod o-rwx"),
            "{said}"
        );
        std::fs::remove_file(&file).unwrap();
        let (content, said) = check(folder.path(), BROKER);
        assert!(!content && said.contains(name), "{name}: {said}");
    }
}
