//! The operations over a transport that plays a server, and counts what it is asked.

#![expect(
    clippy::unnecessary_wraps,
    reason = "what plays a server may also leave a command without an answer"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use broker_model::SystemClock;
use site_adapter::{
    Activity, Error, ErrorKind, LocalAccount, RemoteRef, Result, SiteAdapter as _, Submission,
};

use crate::PbsAdapter;
use crate::calls::queues::Queue;
use crate::calls::tests::{MARKER, submission};
use crate::flows::snapshot::Seen;
use crate::transport::{Command, DeniedLogin, Ran, Transport};

/// Answers a command by its operation and its arguments.
type Answers = fn(user: &str, command: &Command) -> Result<Ran>;

#[derive(Debug)]
struct Played {
    answers: Answers,
    most_argument_bytes: usize,
    asked: Arc<Mutex<Vec<Vec<String>>>>,
}

#[async_trait]
impl Transport for Played {
    async fn run(&self, user: &str, command: &Command) -> Result<Ran> {
        let words = [command.operation.to_owned()].into_iter();
        let words = words.chain(command.args.iter().cloned()).collect();
        self.asked.lock().unwrap().push(words);
        (self.answers)(user, command)
    }

    fn is_remote(&self) -> bool {
        false
    }

    fn most_argument_bytes(&self) -> usize {
        self.most_argument_bytes
    }
}

struct Stage {
    adapter: PbsAdapter,
    asked: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Stage {
    fn of(answers: Answers) -> Self {
        Self::with(answers, 1024 * 1024, "")
    }

    fn with(answers: Answers, most_argument_bytes: usize, transport: &str) -> Self {
        let text = format!("{}{transport}", crate::config::tests::SETTINGS);
        let settings = toml::from_str(&text).unwrap();
        let asked = Arc::<Mutex<Vec<Vec<String>>>>::default();
        let mut adapter = PbsAdapter::new(settings, Arc::new(SystemClock)).unwrap();
        adapter.transport = Arc::new(Played {
            answers,
            most_argument_bytes,
            asked: Arc::clone(&asked),
        });
        Self { adapter, asked }
    }

    /// The commands that had this option.
    fn with_option(&self, option: &str) -> Vec<Vec<String>> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.retain(|words| words.iter().any(|word| word == option));
        asked
    }
}

fn said(code: i32, stdout: String, stderr: &str) -> Ran {
    Ran {
        operation: "qstat",
        code,
        stdout: stdout.into_bytes(),
        stderr: stderr.to_owned(),
    }
}

fn has(command: &Command, option: &str) -> bool {
    command.args.iter().any(|arg| arg == option)
}

fn server() -> Ran {
    let told = r#"{"Server":{"pbshead":{"server_state":"Active","scheduling":"True",
        "query_other_jobs":"True","job_history_enable":"True","job_history_duration":"336:00:00"}}}"#;
    said(0, told.to_owned(), "")
}

fn reference(id: String) -> RemoteRef {
    RemoteRef {
        marker: MARKER.to_owned(),
        remote_id: broker_model::RemoteId(id),
        submitted_at: "2026-11-20T10:06:07Z".parse().unwrap(),
        account: submission().account,
    }
}

const QUEUED: &str = "\"Job_Name\":\"att_0192f0c1d2e37abc8def0123456789ab\",\"job_state\":\"Q\",\
                      \"queue\":\"gpu\",\"ctime\":\"Fri Nov 20 10:06:07 2026\"";

/// Every id that is asked for waits.
fn all_wait(_: &str, command: &Command) -> Result<Ran> {
    if has(command, "-B") {
        return Ok(server());
    }
    let ids = command.args.iter();
    let ids = ids.filter(|arg| arg.starts_with(|c: char| c.is_ascii_digit()));
    let jobs = ids.map(|id| {
        let number = id.split('.').next().unwrap();
        format!("\"{number}.pbshead\":{{{QUEUED}}}")
    });
    let jobs: Vec<String> = jobs.collect();
    let told = format!("{{\"Jobs\":{{{}}}}}", jobs.join(","));
    Ok(said(0, told, ""))
}

#[tokio::test]
async fn ten_thousand_jobs_are_one_command_a_tick() {
    let jobs = (1_000_000..1_010_000).map(|number| reference(format!("{number}.pbshead")));
    let jobs: Vec<RemoteRef> = jobs.collect();
    for most_argument_bytes in [1024 * 1024, 120 * 1024] {
        let stage = Stage::with(all_wait, most_argument_bytes, "");
        let told = stage.adapter.poll(&jobs).await.unwrap();
        assert_eq!(told.len(), jobs.len());
        let is_waiting = |told: &site_adapter::RemoteJob| {
            matches!(told.activity, Activity::Queued { .. }) && told.marker == MARKER
        };
        assert!(told.iter().all(is_waiting));
        assert_eq!(stage.with_option("-E").len(), 1);
        assert_eq!(stage.asked.lock().unwrap().len(), 2, "and the server once");
    }
}

/// Ports ran out between the question about the array and the one about its tasks.
fn silent_of_tasks(_: &str, command: &Command) -> Result<Ran> {
    if has(command, "-B") {
        return Ok(server());
    }
    if has(command, "-t") {
        let complaint = "pbs_iff: all reserved ports in use\n";
        return Ok(said(0, "{\"timestamp\":1}".to_owned(), complaint));
    }
    Ok(array(command))
}

/// The server tells of the array, and of no task of it.
fn without_tasks(_: &str, command: &Command) -> Result<Ran> {
    if has(command, "-B") {
        return Ok(server());
    }
    Ok(array(command))
}

fn array(command: &Command) -> Ran {
    if command.operation == "read records" {
        return said(1, String::new(), "");
    }
    let ended = QUEUED.replace("\"Q\"", "\"F\"");
    said(
        0,
        format!(
            "{{\"Jobs\":{{\"7[].pbshead\":{{{ended},\"array\":\"True\",\"array_state_count\":\
             \"Queued:0 Running:0 Exiting:0 Expired:3 \",\"Exit_status\":1,\
             \"stime\":\"Fri Nov 20 10:06:08 2026\",\"obittime\":\"Fri Nov 20 10:06:38 2026\"}}}}}}"
        ),
        "",
    )
}

#[tokio::test]
async fn an_array_whose_tasks_are_not_told_of_is_neither_charged_nor_over() {
    let job = reference("7[].pbshead".to_owned());
    let jobs = std::slice::from_ref(&job);
    for answers in [silent_of_tasks as Answers, without_tasks] {
        let stage = Stage::of(answers);
        let told = stage.adapter.poll(jobs).await.unwrap();
        assert_eq!(told[0].activity, Activity::Unknown, "{told:?}");
    }
    let silent = Stage::of(silent_of_tasks).adapter.usage(&job).await;
    let error = silent.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("reserved ports"), "{error}");
    let none = Stage::of(without_tasks).adapter.usage(&job).await.unwrap();
    assert_eq!(none, None);
}

/// It ended well long ago by PBS's word, and sudo lets nobody read what its wrapper wrote.
fn sudo_lets_nobody_read(_: &str, command: &Command) -> Result<Ran> {
    if has(command, "-B") {
        return Ok(server());
    }
    if command.operation == "read records" {
        return Ok(said(1, String::new(), "sudo: a password is required\n"));
    }
    if command.operation == "qselect" {
        return Ok(said(0, "25.pbshead\n".to_owned(), ""));
    }
    let ended = QUEUED.replace("\"Q\"", "\"F\"");
    let times = "\"stime\":\"Fri Nov 20 10:06:08 2026\",\"obittime\":\"Fri Nov 20 10:06:38 2026\"";
    let told = format!("{{\"Jobs\":{{\"25.pbshead\":{{{ended},\"Exit_status\":0,{times}}}}}}}");
    Ok(said(0, told, ""))
}

/// An exit code of PBS's alone may be invented.
#[tokio::test]
async fn a_record_that_sudo_lets_nobody_read_is_not_a_record_that_is_missing() {
    let stage = Stage::of(sudo_lets_nobody_read);
    let job = reference("25.pbshead".to_owned());
    let told = stage
        .adapter
        .poll(std::slice::from_ref(&job))
        .await
        .unwrap();
    assert_eq!(told[0].activity, Activity::Unknown);
    let error = stage.adapter.find(&job.account, MARKER).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
}

fn of(user: &str) -> Submission {
    let mut submission = submission();
    submission.account = LocalAccount {
        user: user.to_owned(),
        ..submission.account
    };
    submission
}

fn nobody_of_that_name(_: &str, command: &Command) -> Result<Ran> {
    if command.operation == "qsub" {
        return Ok(said(1, String::new(), "sudo: unknown user: bob\n"));
    }
    Ok(server())
}

/// The agent takes the whole site out for anything but a refusal.
#[tokio::test]
async fn one_persons_wrong_account_is_refused_and_is_no_fault_of_the_site() {
    let stage = Stage::of(nobody_of_that_name);
    for user in ["bob", "root", "a b", "Bob"] {
        let error = stage.adapter.submit(&of(user)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{user}: {error}");
        assert!(error.message.contains("account table"), "{user}: {error}");
    }
    let qsubs = stage.with_option("-N");
    assert_eq!(qsubs.len(), 1, "{qsubs:?}");
    for user in ["root", "a b"] {
        let account = of(user).account;
        let error = stage.adapter.find(&account, MARKER).await.unwrap_err();
        assert_ne!(error.kind, ErrorKind::Refused, "no proof: {error}");
    }
}

fn not_let_in(user: &str, command: &Command) -> Result<Ran> {
    let message = format!("ssh: {user}@login1 is not let in");
    let error = Error::new(ErrorKind::Unauthorized, command.operation, message);
    Err(error.caused_by(DeniedLogin))
}

fn of_another_host(_: &str, command: &Command) -> Result<Ran> {
    let message = "ssh: login1: Permission denied (by nobody that could be the login's host)";
    Err(Error::new(
        ErrorKind::Unauthorized,
        command.operation,
        message,
    ))
}

#[tokio::test]
async fn a_login_that_is_refused_is_one_persons_unless_the_agent_reads_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let kind = async |answers: Answers, login: &str, user: &str| {
        let transport = format!(
            "\n[transport]\nkind = \"ssh\"\nhost = \"login1\"\nlogin = \"{login}\"\n\
             known_hosts_file = \"/etc/hosts\"\ncontrol_dir = \"{}/s\"\n",
            folder.path().display()
        );
        let stage = Stage::with(answers, 120 * 1024, &transport);
        stage.adapter.submit(&of(user)).await.unwrap_err().kind
    };
    let each = "{user}";
    assert_eq!(kind(not_let_in, each, "bob").await, ErrorKind::Refused);
    for (answers, login, user) in [
        (not_let_in as Answers, each, "alcyone"),
        (not_let_in, "alcyone", "bob"),
        (of_another_host, each, "bob"),
    ] {
        let kind = kind(answers, login, user).await;
        assert_eq!(kind, ErrorKind::Unauthorized, "{login} {user}");
    }
}

#[test]
fn what_keeps_a_partition_closed_is_told_of_the_site_too() {
    let disabled = Queue {
        started: true,
        ..Queue::default()
    };
    let seen = Seen {
        nodes: Vec::new(),
        queues: BTreeMap::from([("gpu".to_owned(), disabled)]),
        backlog: None,
    };
    let told = Stage::of(all_wait).adapter.offers(&seen);
    assert_eq!(
        told.reason.as_deref(),
        Some("takes no jobs: cpu (there is no such queue), gpu (the queue is not enabled)")
    );
}
