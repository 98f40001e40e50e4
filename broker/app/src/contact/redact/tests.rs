use proptest::prelude::*;

use super::*;

#[track_caller]
fn assert_hidden(line: &str, secret: &str) {
    let redacted = redact(line);
    assert!(!redacted.contains(secret), "{redacted}");
    assert!(redacted.contains(MARK), "{redacted}");
}

#[test]
fn passwords_and_tokens_are_taken_out_wherever_they_are_named() {
    for (line, secret) in [
        ("password=hunter2", "hunter2"),
        ("DB_PASSWORD: 'correct horse battery'", "horse"),
        (r#"{"api_key": "abc-def-1"}"#, "abc-def-1"),
        ("api_key=7&Qw8xY2", "Qw8xY2"),
        ("api_token: &Xy7Qw8", "Xy7Qw8"),
        ("export WANDB_API_KEY=0a1b2c", "0a1b2c"),
        ("train.py --hf-token s3cret-value", "s3cret-value"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("curl -H 'X-Auth-Token: zzz yyy'", "yyy"),
        ("got Bearer abc.def.ghi back", "abc.def.ghi"),
        ("Set-Cookie: sid=31d4; Path=/", "31d4"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "wJalrXUtnFEMI"),
        ("passwd = 12345", "12345"),
    ] {
        assert_hidden(line, secret);
    }
}

#[test]
fn a_password_goes_to_the_end_of_its_line_in_the_languages_of_europe() {
    for (line, left) in [
        ("password hunter4", "password [redacted]"),
        ("the password is hunter4", "the password [redacted]"),
        (
            "passwd: correct horse battery staple\nloss 2",
            "passwd: [redacted]\nloss 2",
        ),
        ("DB_PASSWORD = correct horse", "DB_PASSWORD = [redacted]"),
        ("password: \"correct horse", "password: [redacted]"),
        ("mot de passe: secret123", "mot de passe: [redacted]"),
        (
            "Mot de passe\u{a0}: secret 123",
            "Mot de passe\u{a0}: [redacted]",
        ),
        ("mot de passe secret123", "mot de passe [redacted]"),
        ("mdp=secret123", "mdp=[redacted]"),
        ("MDP : secret 123", "MDP : [redacted]"),
        ("Passwort: geheim 1", "Passwort: [redacted]"),
        ("kennwort geheim1", "kennwort [redacted]"),
        ("contraseña: secreta1", "contraseña: [redacted]"),
        ("CONTRASEÑA secreta1", "CONTRASEÑA [redacted]"),
        ("contrasen\u{303}a=secreta1", "contrasen\u{303}a=[redacted]"),
        ("wachtwoord: geheim1", "wachtwoord: [redacted]"),
        ("lösenord: hemligt1", "lösenord: [redacted]"),
        (
            r#"{"password": "a\"b c", "loss": 2}"#,
            r#"{"password": "[redacted]", "loss": 2}"#,
        ),
        (
            "train.py --password hunter4 --lr 0.1",
            "train.py --password [redacted] --lr 0.1",
        ),
    ] {
        assert_eq!(redact(line), left);
    }
}

#[test]
fn whoever_reads_an_address_is_not_let_in_by_it() {
    for (line, left) in [
        ("X-Amz-Signature=deadbeef", "X-Amz-Signature=[redacted]"),
        (
            "GET https://s3.eu/x?X-Amz-Signature=dead&part=2",
            "GET https://s3.eu/x?X-Amz-Signature=[redacted]&part=2",
        ),
        (
            "https://b.eu/c?sv=2026&sig=a%2Fb%3D&se=1",
            "https://b.eu/c?sv=2026&sig=[redacted]&se=1",
        ),
        ("sig=abc1 ok", "sig=[redacted] ok"),
        (
            "https://b.eu/c?token=1234&n=2",
            "https://b.eu/c?token=[redacted]",
        ),
        (
            "https://b.eu/c?n=2&upload_token=99",
            "https://b.eu/c?n=2&upload_token=[redacted]",
        ),
        (
            "/callback?code=77&state=x",
            "/callback?code=[redacted]&state=x",
        ),
    ] {
        assert_eq!(redact(line), left);
    }
}

#[test]
fn logins_behind_numbers_and_telephones_are_taken_out() {
    for (line, left) in [
        (
            "uid=1001(maia) gid=100(maia) groups=100(maia),27(p 1)",
            "uid=[redacted] gid=[redacted] groups=[redacted]",
        ),
        ("euid=0(root)", "euid=[redacted]"),
        (
            "slurmstepd: uid=1001 ended",
            "slurmstepd: uid=[redacted] ended",
        ),
        ("call +352 621 123 456 now", "call [redacted] now"),
        ("(+352) 621-123-456", "([redacted]"),
        ("+352621123456", "[redacted]"),
        (
            "+33\u{a0}6\u{202f}12\u{202f}34\u{202f}56\u{202f}78",
            "[redacted]",
        ),
        ("tel. 621 123 456", "tel. [redacted]"),
        ("téléphone : 0612345678", "téléphone : [redacted]"),
    ] {
        assert_eq!(redact(line), left);
    }
}

#[test]
fn tokens_are_known_by_their_form() {
    for secret in [
        "hf_abcdefghijklmnop",
        "ghp_0123456789abcdef0123",
        "glpat-abcdefghij0123456789",
        "sk-proj-abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJI.eyJzdWIi.c2ln",
        "9f86d081884c7d659a2feaa0c55ad015",
        "AAAAC3NzaC1lZDI1NTE5AAAAIJ/dO2k+pE8vYq1xNwz7Rj0hUuTtKqWc",
    ] {
        assert_hidden(&format!("saw {secret} here"), secret);
    }
}

#[test]
fn a_private_key_goes_whole_even_where_its_end_is_missing() {
    let key = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\nZXk\n";
    assert_eq!(redact(key), "a\n[redacted]");
    let whole = format!("{key}-----END OPENSSH PRIVATE KEY-----\nnext");
    assert_eq!(redact(&whole), "a\n[redacted]\nnext");
}

#[test]
fn people_and_machines_are_not_to_be_found() {
    for (line, secret) in [
        ("mail to ada.l+hpc@example.eu, please", "ada"),
        ("ada@login1:~$ ls", "ada"),
        ("https://ada:pw@git.example.eu/x", "ada"),
        ("connect to 10.12.0.7:6820 refused", "10.12.0.7"),
        ("listening on [2001:db8::8a2e:370:7334]:80", "2001"),
        ("route fe80::1 up", "fe80"),
        ("hw 00:1b:44:11:3a:b7", "1b:44"),
        ("open /home/ada/run/train.py", "ada"),
        ("cd /leonardo/home/userexternal/ada0001/x", "ada0001"),
        ("/users/ada/venv/lib", "ada"),
        (r"C:\Users\Ada\x", "Ada"),
        ("ls ~ada/data", "ada"),
        ("USER=ada", "ada"),
        ("SLURM_JOB_USER=ada", "ada"),
    ] {
        assert_hidden(line, secret);
    }
}

#[test]
fn who_works_where_is_taken_out_and_the_name_of_the_file_stays() {
    for (line, left) in [
        (
            "/scratch/project_465000001/maia/out.log",
            "/scratch/[redacted]/out.log",
        ),
        (
            "cd /scratch/project_465000001/maia",
            "cd /scratch/[redacted]",
        ),
        (
            "open '/leonardo_work/EUHPC_D01/maia/run/a.py'",
            "open '/leonardo_work/[redacted]/a.py'",
        ),
        (
            "/mnt/tier2/project/p200001/maia/: no space",
            "/mnt/tier2/project/[redacted]: no space",
        ),
        (
            "file:/gpfs/projects/ehpc01/maia01/x.json, line 3",
            "file:/gpfs/projects/[redacted]/x.json, line 3",
        ),
        (
            "cp /scratch/p1/a.log /scratch/p1/v1.2/maia.b",
            "cp /scratch/[redacted]/a.log /scratch/[redacted]",
        ),
        (
            "/flash/project_1/out.log\n/scratch/project_1/maia",
            "/flash/[redacted]/out.log\n/scratch/[redacted]",
        ),
    ] {
        assert_eq!(redact(line), left);
    }
}

#[test]
fn accounts_at_banks_are_taken_out() {
    for account in [
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "NO9386011117947",
        "GB29 NWBK 6016 1331 9268 19",
        "MT84MALT011000012345MTLCAST001S",
    ] {
        assert_hidden(&format!("pay to {account}, please"), account);
    }
}

#[test]
fn what_a_helper_has_to_read_stays() {
    for line in [
        "step 4000 loss 2.17 tokens: 4096 tokens/s: 18.2k",
        "--max-tokens 512 --tokenizer-path llama",
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0)",
        "terminate called after throwing an instance of 'c10::Error'",
        "slurmstepd: error: *** JOB 4711 ON nid001234 CANCELLED AT 2026-11-20T12:00:00 ***",
        "File \"train.py\", line 31, in std::vector::at",
        "========================================",
        "torch==2.5.1 python 3.12",
        "https://pypi.org/project/torch/2.5.1/ is needed",
        "/opt/scratchpad/a/b.py and /workspace/train.py",
        "loss = 0.123, tokens/s 1234, lr 1e+10, +0.123",
        "2026-11-20T12:00:00+01:00 step +12345678 of 90000000",
        "https://hub.eu/generate?max_tokens=512&country_code=DE&sigma=0.5",
        "sigma=0.12 sig=0.05 design=3 assignments=4",
        "MDP solver took 12 steps, gid=3 grid=(8,1,1)",
        "Permission denied (publickey,password).",
        "mobilenet_v2 at 224 224 3, telemetry 1234567",
        "NCCL_IB_GID_INDEX=3 numactl --membind 0",
        "EPOCH 12 STEP 4000 OF 9000 LOSS NAN A100-SXM4-80GB",
    ] {
        assert_eq!(redact(line), line);
    }
}

#[test]
fn a_mark_that_somebody_wrote_hides_nothing() {
    let tricky = "password=[redacted]hunter2 [redac[redacted]ted] pass";
    let redacted = redact(tricky);
    assert!(!redacted.contains("hunter2"), "{redacted}");
    assert_eq!(redact(&redacted), redacted);
}

/// Pieces that secrets are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("password=".to_owned()),
        Just("token: ".to_owned()),
        Just("Bearer ".to_owned()),
        Just("[redacted]".to_owned()),
        Just("redacted]".to_owned()),
        Just("[redac".to_owned()),
        Just("/home/".to_owned()),
        Just(" /scratch/".to_owned()),
        Just("DE89 3704 0044 0532 0130 00".to_owned()),
        Just("://".to_owned()),
        Just("@".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("::1".to_owned()),
        Just("10.0.0.1".to_owned()),
        Just("\n".to_owned()),
        Just("\"".to_owned()),
        "[a-f0-9:.]{1,12}",
        "[A-Za-z0-9+/=_-]{1,48}",
        "\\PC{0,8}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn redacting_again_changes_nothing(text in pieces()) {
        let once = redact(&text);
        prop_assert_eq!(redact(&once), once);
    }

    #[test]
    fn nothing_that_can_be_read_makes_it_panic(text in any::<String>()) {
        redact(&text);
    }

    #[test]
    fn a_password_never_stays(secret in "[A-Za-z0-9]{8,20}", before in "[a-z ]{0,10}") {
        let line = format!("{before}\npassword={secret}\n");
        prop_assert!(!redact(&line).contains(&secret));
    }
}
