use super::*;

const SETTINGS: &str = r#"
    url = "http://127.0.0.1:6820"
    system = "leonardo"
    reader = "alcyone"
    work_dir = "/scratch/{user}"
    token = { kind = "signed", key_file = "/etc/slurm/jwt.key" }
    [partitions.booster]
    slurm = "boost_usr_prod"
    gpu_type = "a100"
    [partitions.cpu]
"#;

fn read(text: &str) -> Result<SlurmSettings, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn a_short_file_is_enough() {
    let settings = read(SETTINGS).unwrap();
    settings.validate().unwrap();
    let booster = settings.partition(&"booster".parse().unwrap()).unwrap();
    assert_eq!(booster.0, "boost_usr_prod");
    let cpu = settings.partition(&"cpu".parse().unwrap()).unwrap();
    assert_eq!(cpu.0, "cpu");
    assert_eq!(settings.work_dir_of("alice"), "/scratch/alice");
    assert_eq!(settings.api_version, ApiChoice::Auto);
}

#[test]
fn an_unknown_key_is_refused() {
    let error = read(&SETTINGS.replace("reader", "readr")).unwrap_err();
    assert!(error.to_string().contains("readr"), "{error}");
    assert!(read(&SETTINGS.replace("key_file", "keyfile")).is_err());
    assert!(read(&SETTINGS.replace("gpu_type", "gputype")).is_err());
}

#[test]
fn what_the_shape_cannot_say_is_checked_and_named() {
    for (from, to, key) in [
        ("http://127.0.0.1:6820", "ftp://x", "url"),
        ("\"alcyone\"", "\"Root; rm\"", "reader"),
        ("\"alcyone\"", "\"root\"", "reader"),
        ("\"alcyone\"", "\"slurm\"", "reader"),
        (
            "\"alcyone\"",
            "\"slurmadm\"\nslurm_user = \"slurmadm\"",
            "reader",
        ),
        ("\"alcyone\"", "\"a\"\nslurm_user = \"0\"", "slurm_user"),
        ("/scratch/{user}", "/scratch/%u", "work_dir"),
        ("/scratch/{user}", "scratch", "work_dir"),
        (
            "\"/etc/slurm/jwt.key\"",
            "\"/k\", lifetime_seconds = 1",
            "token.lifetime_seconds",
        ),
        (
            "kind = \"signed\", key_file = \"/etc/slurm/jwt.key\"",
            "kind = \"command\", argv = [\"sh\"]",
            "token.argv",
        ),
    ] {
        let error = read(&SETTINGS.replace(from, to))
            .unwrap()
            .validate()
            .unwrap_err();
        assert_eq!(error.key, key);
    }
    assert!(read(&format!("api_version = \"v0.0.9\"\n{SETTINGS}")).is_err());
    let short = read(&format!("timeout_seconds = 25\n{SETTINGS}")).unwrap();
    assert_eq!(short.validate().unwrap_err().key, "timeout_seconds");
}

/// Begun 10 s after the lease, the whole time-out on its way, told to the accounting 5 s late.
#[test]
fn absence_is_not_proven_while_a_submission_may_be_on_its_way() {
    let with = |times: &str| read(&format!("{times}\n{SETTINGS}")).unwrap().validate();
    for short in [
        "settle_seconds = 54",
        "timeout_seconds = 41",
        "timeout_seconds = 26\nsettle_seconds = 40",
    ] {
        assert_eq!(with(short).unwrap_err().key, "settle_seconds", "{short}");
    }
    with("timeout_seconds = 26\nsettle_seconds = 41").unwrap();
}
