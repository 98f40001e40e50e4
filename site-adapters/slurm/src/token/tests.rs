use broker_model::ManualClock;

use super::*;

fn tokens(source: TokenSource) -> (Tokens, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_000_000).unwrap()));
    let mut settings: SlurmSettings = serde_json::from_value(json!({
        "url": "http://127.0.0.1:6820", "system": "s", "reader": "bob",
        "work_dir": "/home/{user}", "partitions": {}, "slurm_user": "slurmadm",
        "token": {"kind": "command", "argv": []},
    }))
    .unwrap();
    settings.token = source;
    (Tokens::new(settings, clock.clone()), clock)
}

fn claims(claims: &str) -> String {
    URL_SAFE_NO_PAD.encode(claims)
}

#[test]
fn a_signature_is_the_one_of_rfc_7515() {
    // RFC 7515, appendix A.1: the same key and a token that verifies with it.
    let key = URL_SAFE_NO_PAD
        .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .unwrap();
    let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    assert_eq!(signature, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

#[tokio::test]
async fn a_token_is_kept_for_three_quarters_of_its_life_and_per_user() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), [7u8; 32]).unwrap();
    let (tokens, clock) = tokens(TokenSource::Signed {
        key_file: key.path().to_owned(),
        lifetime_seconds: 100,
    });
    let first = tokens.token("alice").await.unwrap();
    clock.advance(SignedDuration::from_secs(74));
    assert_eq!(tokens.token("alice").await.unwrap().0, first.0);
    assert_ne!(tokens.token("bob").await.unwrap().0, first.0);
    clock.advance(SignedDuration::from_secs(1));
    let next = tokens.token("alice").await.unwrap();
    assert_ne!(next.0, first.0);
    assert_eq!(expiry(&next).unwrap().as_second(), 1_000_175);
    assert_eq!(format!("{next:?}"), "Token(…)");
}

#[tokio::test]
async fn a_command_gets_the_user_as_an_argument_and_no_shell_reads_it() {
    let (tokens, _) = tokens(TokenSource::Command {
        argv: vec![
            "/bin/echo".to_owned(),
            "-n".to_owned(),
            "SLURM_JWT=a.b.c-for:$HOME:".to_owned(),
        ],
        lifetime_seconds: 100,
    });
    // Two words: refused as a token, so the user did arrive as an argument of its own.
    let error = tokens.token("alice").await.unwrap_err();
    assert!(error.message.contains("printed no token"), "{error}");
    for bad in ["../etc", "a b", "$(id)", "Alice", "", "-x"] {
        let error = tokens.token(bad).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized, "{bad:?}");
    }
}

#[tokio::test]
async fn a_commands_token_is_kept_until_it_is_nearly_spent() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let program = folder.path().join("slurm-token");
    let script = format!(
        "#!/bin/sh\necho \"$1\" >>'{}'\n[ $1 = bob ] && echo e30.{}.x || echo e30.{}.x\n",
        trace.display(),
        claims(r#"{"exp":1000100,"sun":"bob"}"#),
        claims(r#"{"exp":1000100,"sun":"alice"}"#),
    );
    std::fs::write(&program, script).unwrap();
    let argv = vec!["/bin/sh".to_owned(), program.display().to_string()];
    let (tokens, clock) = tokens(TokenSource::Command {
        argv,
        lifetime_seconds: 9999,
    });
    for (second, asked) in [(0, 1), (74, 1), (1, 2)] {
        clock.advance(SignedDuration::from_secs(second));
        tokens.token("alice").await.unwrap();
        let calls = std::fs::read_to_string(&trace).unwrap();
        assert_eq!(calls.lines().count(), asked, "after {second} s more");
    }
    tokens.token("bob").await.unwrap();
    let calls = std::fs::read_to_string(&trace).unwrap();
    assert_eq!(calls, "alice\nalice\nbob\n");
}

/// What a program prints whose tokens have these claims.
fn printed(claimed: &str) -> Tokens {
    let word = format!("printf %s e30.{}.x #", claims(claimed));
    let argv = ["/bin/sh", "-c", &word, "sh"].map(str::to_owned).to_vec();
    let lifetime_seconds = 100;
    tokens(TokenSource::Command {
        argv,
        lifetime_seconds,
    })
    .0
}

#[tokio::test]
async fn nothing_is_done_as_root_or_as_slurms_own_user() {
    for master in ["root", "slurmadm"] {
        let claimed = format!(r#"{{"sun":"{master}"}}"#);
        let error = printed(&claimed).token(master).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
        let error = printed(&claimed).token("alice").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Local, "{error}");
    }
}

#[tokio::test]
async fn a_commands_token_of_another_user_is_not_used() {
    for other in [r#"{"sun":"bob"}"#, r#"{"sun":"Alice"}"#, r#"{"sun":7}"#] {
        let error = printed(other).token("alice").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Local, "{other}");
        assert!(error.message.contains("another user's"), "{error}");
    }
    for good in [r#"{"sun":"alice"}"#, "{}", "not to be read"] {
        printed(good).token("alice").await.unwrap();
    }
}

#[tokio::test]
async fn a_command_that_fails_is_named_without_its_output() {
    let (tokens, _) = tokens(TokenSource::Command {
        argv: vec!["/bin/false".to_owned()],
        lifetime_seconds: 100,
    });
    let error = tokens.token("alice").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Local);
    assert!(error.message.contains("/bin/false"), "{error}");
}
