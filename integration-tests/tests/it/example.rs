//! `config/broker.example.toml`: it loads, it has every key, and what is wrong in a copy is said.

use std::path::Path;
use std::process::Command;

use integration_tests::program;
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../../../config/broker.example.toml");

/// The example with the files it names beside it, as an operator would have them.
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
        ("agent-meluxina", "0123456789abcdef0123456789abcdef"),
    ] {
        std::fs::write(folder.path().join("secrets").join(name), secret).unwrap();
    }
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

/// What `config check` says of a text; `Err` if it finds a mistake.
fn check(folder: &Path, text: &str) -> Result<String, String> {
    let file = folder.join("broker.toml");
    std::fs::write(&file, text).unwrap();
    // From another folder: paths are taken from the file's own.
    let output = Command::new(program("alcyone-broker"))
        .args(["config", "check", "--config"])
        .arg(&file)
        .current_dir("/")
        .output()
        .unwrap();
    let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(said(output.stdout))
    } else {
        Err(said(output.stderr))
    }
}

#[test]
fn the_example_is_a_configuration() {
    let folder = installed();
    let said = check(folder.path(), EXAMPLE).unwrap();
    assert!(said.contains("no mistake found"), "{said}");
}

/// serde names what it expected in a table when it meets a key it does not know.
#[test]
fn the_example_has_every_key_there_is() {
    let folder = installed();
    let tables = EXAMPLE.lines().filter(|line| line.starts_with('['));
    let mut checked = 0;
    for table in tables {
        let line = format!("\n{table}\n");
        let wrong = EXAMPLE.replacen(&line, &format!("{line}no_such_key = 1\n"), 1);
        let said = check(folder.path(), &wrong).unwrap_err();
        assert!(
            said.contains("unknown field `no_such_key`"),
            "{table}: {said}"
        );
        assert!(said.contains("broker.toml"), "{said}");
        let expected = said.split("expected ").nth(1).unwrap();
        for key in expected
            .lines()
            .next()
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2)
        {
            assert!(is_there(table, key), "{table} has no `{key}`");
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} keys were found");
}

/// As a key of the table, commented out or not, or as a table below it.
fn is_there(table: &str, key: &str) -> bool {
    let name = table.trim_matches(['[', ']']);
    let below = format!("[{name}.{key}]");
    let section = EXAMPLE.split(&format!("\n{table}\n")).nth(1).unwrap();
    let own = section.lines().take_while(|line| !line.starts_with('['));
    let is_key = |line: &str| {
        line.trim_start_matches("# ")
            .starts_with(&format!("{key} = "))
    };
    own.into_iter().any(is_key) || EXAMPLE.contains(&below)
}

#[test]
fn a_mistake_is_told_with_file_key_and_reason() {
    let folder = installed();
    let cases = [
        (
            "listen = \"127.0.0.1:8443\"",
            "listen = \"here\"",
            &["line", "listen"][..],
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
            "secrets/agent-meluxina",
            "secrets/nowhere",
            &["agents.meluxina", "nowhere"],
        ),
        (
            "leeway_seconds = 30",
            "leeway_seconds = 3000",
            &["leeway_seconds", "at most"],
        ),
        ("\"RS256\"", "\"HS256\"", &["HS256", "RS256"]),
        (
            "secrets/ledger-key.pem\"\n\n",
            "secrets/no.pem\"\n\n",
            &["ledger.key_file", "ledger-key"],
        ),
    ];
    for (right, wrong, words) in cases {
        assert!(EXAMPLE.contains(right), "{right}");
        let said = check(folder.path(), &EXAMPLE.replacen(right, wrong, 1)).unwrap_err();
        assert!(said.contains("broker.toml"), "no file in: {said}");
        for word in words {
            assert!(said.contains(word), "no `{word}` in: {said}");
        }
    }
}
