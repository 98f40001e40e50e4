use std::os::unix::fs::PermissionsExt as _;

use broker_model::SystemClock;

use super::*;

const GOOD: &str = r#"
[agent]
site = "meluxina"
broker = "https://broker.example.org"
data_dir = "/var/lib/alcyone-agent"
tick_seconds = 2

[adapter]
kind = "slurm"
[adapter.settings]
url = "http://127.0.0.1:6820"

[[accounts]]
project = "*"
user = "alice"
"#;

fn parse(text: &str) -> Result<Settings, SettingsError> {
    Settings::parse(text, Path::new("/etc/alcyone/agent.toml"))
}

fn fault(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_whole_file_becomes_a_configuration() {
    let settings = parse(GOOD).unwrap();
    let ids = broker_model::Ids::from_os();
    let (id, instance) = (ids.next(&SystemClock), ids.next(&SystemClock));
    let config = settings.agent_config(id, instance);
    assert_eq!(config.tick, Duration::from_secs(2));
    assert_eq!(config.lease_wait, Duration::from_secs(25));
    assert_eq!(config.site.as_str(), "meluxina");
}

#[test]
fn an_unknown_key_is_named_with_file_line_and_what_is_allowed() {
    let words = fault(&GOOD.replace("tick_seconds", "tick"));
    assert!(words.contains("/etc/alcyone/agent.toml"), "{words}");
    assert!(words.contains("line 6"), "{words}");
    assert!(words.contains("unknown field `tick`"), "{words}");
    assert!(words.contains("`tick_seconds`"), "{words}");
}

#[test]
fn jobs_never_run_as_root() {
    let words = fault(&GOOD.replace("alice", "root"));
    assert!(words.contains("`accounts[0].user`"), "{words}");
    assert!(words.contains("root"), "{words}");
}

#[test]
fn the_agents_own_account_is_refused_unless_it_is_allowed() {
    let own = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let own = String::from_utf8(own.stdout).unwrap();
    let own = GOOD.replace("alice", own.trim());
    assert!(fault(&own).contains("allow_own_account"));
    parse(&own.replace("tick_seconds", "allow_own_account = true\ntick_seconds")).unwrap();
}

#[test]
fn a_site_without_a_scheduler_must_say_that_jobs_may_run_as_the_agent() {
    let process = GOOD
        .replace("kind = \"slurm\"", "kind = \"process\"")
        .replace("[adapter.settings]\nurl = \"http://127.0.0.1:6820\"\n", "");
    let words = fault(&process);
    assert!(words.contains("`agent.allow_own_account`"), "{words}");
    parse(&process.replace("tick_seconds", "allow_own_account = true\ntick_seconds")).unwrap();
}

#[test]
fn a_subject_without_its_issuer_is_refused() {
    let words = fault(&GOOD.replace("user = ", "subject = \"ada\"\nuser = "));
    assert!(words.contains("`accounts[0].issuer`"), "{words}");
}

#[test]
fn a_program_or_a_directory_takes_the_place_of_the_table() {
    let (head, _) = GOOD.split_once("[[accounts]]").unwrap();
    for map in [
        "[account_map]\nkind = \"command\"\nargv = [\"/usr/local/sbin/accounts\", \"--json\"]",
        "[account_map]\nkind = \"http\"\nurl = \"https://id.example.org/accounts\"\n\
         token_file = \"/etc/alcyone/accounts-token\"\ntimeout_seconds = 5\ncache_seconds = 60",
    ] {
        parse(&format!("{head}{map}")).unwrap();
        let words = fault(&format!("{GOOD}{map}"));
        assert!(words.contains("`accounts`"), "{words}");
    }
    let relative = "[account_map]\nkind = \"command\"\nargv = [\"accounts\"]";
    let words = fault(&format!("{head}{relative}"));
    assert!(words.contains("`account_map.argv`"), "{words}");
    let plain = "[account_map]\nkind = \"http\"\nurl = \"http://id.example.org/\"";
    let words = fault(&format!("{head}{plain}"));
    assert!(words.contains("`account_map.url`"), "{words}");
}

#[test]
fn no_job_of_pbs_runs_as_root_either() {
    let pbs = GOOD.replace("\"slurm\"", "\"pbs\"");
    parse(&pbs).unwrap();
    let words = fault(&pbs.replace("alice", "root"));
    assert!(words.contains("jobs never run as"), "{words}");
}

#[test]
fn metrics_are_for_loopback_only() {
    let words = fault(&GOOD.replace("tick_seconds", "listen = \"0.0.0.0:9465\"\ntick_seconds"));
    assert!(words.contains("`agent.listen`"), "{words}");
}

#[test]
fn a_file_without_accounts_is_refused_with_the_remedy() {
    let words = fault(GOOD.split("[[accounts]]").next().unwrap());
    assert!(words.contains("`accounts`"), "{words}");
}

#[test]
fn a_name_that_a_shell_could_read_is_no_user() {
    for bad in ["a b", "$(id)", "-x", ""] {
        let words = fault(&GOOD.replace("alice", bad));
        assert!(words.contains("`accounts[0].user`"), "{words}");
    }
}

#[test]
fn a_proxys_password_has_a_file_of_its_own() {
    let with = |proxy: &str| GOOD.replace("tick_seconds", &format!("{proxy}\ntick_seconds"));
    parse(&with("proxy = \"http://proxy.example.org:3128\"")).unwrap();
    let words = fault(&with("proxy = \"http://a:b@proxy.example.org\""));
    assert!(words.contains("proxy_credentials_file"), "{words}");
    let words = fault(&with("proxy = \"socks5://proxy.example.org\""));
    assert!(words.contains("`agent.proxy`"), "{words}");
    let words = fault(&with("proxy_credentials_file = \"/etc/alcyone/proxy\""));
    assert!(words.contains("`agent.proxy_credentials_file`"), "{words}");
}

#[tokio::test]
async fn the_lock_of_the_data_folder_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = parse(GOOD).unwrap();
    folder.path().clone_into(&mut settings.agent.data_dir);
    let _held = DataLock::hold(&settings).await.unwrap();
    let lock = std::fs::metadata(folder.path().join("lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_snapshot_counts_for_as_long_as_the_timers_need_unless_the_file_says_longer() {
    let with = |keys: &str| GOOD.replace("tick_seconds", &format!("{keys}\ntick_seconds"));
    let ttl = |text: &str| {
        let settings = parse(text).unwrap();
        let instance = broker_model::Ids::from_os().next(&broker_model::SystemClock);
        let config = settings.agent_config(AgentId::NOBODY, instance);
        config.snapshot_ttl_seconds()
    };
    assert_eq!(ttl(GOOD), 120);
    assert_eq!(
        ttl(&with("snapshot_seconds = 300\nunreachable_seconds = 120")),
        720
    );
    assert_eq!(ttl(&with("snapshot_ttl_seconds = 600")), 600);
    let words = fault(&with("snapshot_ttl_seconds = 119"));
    assert!(words.contains("`agent.snapshot_ttl_seconds`"), "{words}");
    assert!(words.contains("at least 120"), "{words}");
}

#[test]
fn the_example_file_is_a_valid_one() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/agent.example.toml"
    );
    Settings::load(Path::new(path)).unwrap();
}

#[tokio::test]
async fn who_may_run_processes_is_asked_of_the_sites_own_map_too() {
    let (head, _) = GOOD.split_once("[adapter]").unwrap();
    let text = format!(
        r#"{head}allow_own_account = true
        [adapter]
        kind = "process"
        [account_map]
        kind = "command"
        argv = ["/usr/bin/printf", "%s", '{{"refused":"sign the terms first"}}']
        "#
    );
    let map = parse(&text).unwrap().account_map().unwrap();
    let question = crate::accounts::AccountQuestion {
        project: broker_model::Ids::from_os().next(&SystemClock),
        person: None,
        account_hint: None,
        partition: broker_model::PartitionRef {
            site: "meluxina".parse().unwrap(),
            system: "meluxina".parse().unwrap(),
            partition: "gpu".parse().unwrap(),
        },
    };
    let refused = map.account(&question).await.unwrap_err();
    let words = refused.to_string();
    assert!(words.contains("sign the terms first"), "{words}");
}
