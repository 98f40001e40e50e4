//! What goes wrong with a server, and that no job is run twice or lost by it.

use std::time::{Duration, Instant};

use broker_model::OutcomeKind;
use site_adapter::{Activity, ErrorKind, LocalAccount, SiteAdapter as _};

use crate::rig::{Rig, reference};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_whose_answer_was_lost_is_found_and_not_repeated() {
    let rig = Rig::new();
    rig.pbs.switch("lose_answer", "1").unwrap();
    let submission = rig.submit_unanswered("echo ran").await;
    rig.pbs.clear("hang").unwrap();
    rig.adopted_and_run_once(&submission).await;
    assert_eq!(rig.pbs.jobs(&submission.marker()).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_acknowledged_and_lost_is_proven_absent_and_submitted_again() {
    let rig = Rig::new();
    rig.pbs.switch("lose_acknowledged", "1").unwrap();
    let submission = rig.submit_unanswered("echo ran").await;
    let again = rig.adapter.submit(&submission).await.unwrap();
    assert!(!again.adopted);
    rig.wait_until_ended(&reference(&submission, &again)).await;
    assert_eq!(rig.pbs.starts(&submission.marker()).unwrap(), 1);
}

/// No queue behind the route takes a job of two hours; qsub says nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_route_turned_away_is_not_taken_for_accepted() {
    let rig = Rig::new();
    let mut submission = rig.submission("exit 0");
    submission.work.partition = Rig::partition("route");
    submission.work.resources.walltime = broker_model::Walltime::from_seconds(7200).unwrap();
    let error = rig.adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unclear, "{error}");
    assert!(error.message.contains("route"), "{error}");
    let found = rig
        .adapter
        .find(&rig.account(), &submission.marker())
        .await
        .unwrap();
    assert_eq!(found, None);
}

/// Two agents with one attempt: PBS gets two jobs, and the code is started once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_jobs_with_one_marker_run_the_code_once() {
    let rig = Rig::new();
    let submission = rig.submission("echo ran");
    let first = rig.submit(&submission).await;
    let second = rig.submit(&submission).await;
    assert_ne!(first.remote_id, second.remote_id);
    let one = rig.wait_until_ended(&first).await;
    rig.wait_for("the second stands back", async || {
        rig.poll_one(&second).await.is_none().then_some(())
    })
    .await;
    assert_eq!(one.kind, OutcomeKind::Completed, "{one:?}");
    assert_eq!(rig.said(&first).await, "ran\n");
    let found = rig
        .adapter
        .find(&rig.account(), &submission.marker())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.remote_id, first.remote_id);
}

/// A node's daemon is started anew and runs the job again, although it may not be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_pbs_starts_again_does_not_run_its_code_again() {
    let rig = Rig::new();
    let submission = rig.submission("echo ran; sleep 600");
    let job = rig.submit(&submission).await;
    rig.said(&job).await;
    let qrerun = rig.pbs.bin_dir().join("qrerun");
    let done = std::process::Command::new(qrerun)
        .arg(&job.remote_id.0)
        .status()
        .unwrap();
    assert!(done.success());
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
    assert_eq!(rig.said(&job).await, "ran\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_may_be_started_again_is() {
    let rig = Rig::new();
    let mut submission = rig.submission(
        "echo ran; [ \"$(grep -c ran \"$PWD/alcyone-$ALCYONE_ATTEMPT.out\")\" = 2 ] || sleep 600",
    );
    submission.work.restartable = true;
    let job = rig.submit(&submission).await;
    rig.said(&job).await;
    let qrerun = rig.pbs.bin_dir().join("qrerun");
    std::process::Command::new(qrerun)
        .arg(&job.remote_id.0)
        .status()
        .unwrap();
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_eq!(rig.said(&job).await, "ran\nran\n");
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert_eq!(usage.nodes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_node_is_no_failure_of_the_job() {
    let rig = Rig::new();
    let job = rig.submit(&rig.submission("echo ran; sleep 600")).await;
    rig.said(&job).await;
    rig.pbs.lose_nodes_of(&job.marker).unwrap();
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
}

/// The other server is not asked; what the job writes down is read as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_moved_to_another_server_is_followed_by_its_record() {
    let rig = Rig::new();
    let gate = rig.work_dir().join("gate");
    let script = format!(
        "echo ran; while [ ! -e '{}' ]; do sleep 0.1; done; exit 3",
        gate.display()
    );
    let job = rig.submit(&rig.submission(&script)).await;
    rig.pbs.switch("moved", "").unwrap();
    rig.wait_until_running(&job).await;
    let found = rig.adapter.find(&rig.account(), &job.marker).await.unwrap();
    let found = found.unwrap().activity;
    assert!(matches!(found, Activity::Running { .. }), "{found:?}");
    assert_eq!(rig.adapter.usage(&job).await.unwrap(), None);
    std::fs::write(gate, "").unwrap();
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(
        (outcome.kind, outcome.exit_code),
        (OutcomeKind::Failed, Some(3)),
        "{outcome:?}"
    );
    assert!(rig.adapter.usage(&job).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_code_that_pbs_lost_is_known_all_the_same() {
    let rig = Rig::new();
    rig.pbs.switch("lose_exit_code", "").unwrap();
    let job = rig.submit(&rig.submission("exit 7")).await;
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(
        (outcome.kind, outcome.exit_code),
        (OutcomeKind::Failed, Some(7)),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_proves_nothing() {
    let rig = Rig::new();
    let job = rig.submit(&rig.submission("sleep 600")).await;
    rig.pbs.switch("server_down", "").unwrap();
    let submission = rig.submission("exit 0");
    let kind = |error: site_adapter::Error| error.kind;
    assert_eq!(
        kind(rig.adapter.submit(&submission).await.unwrap_err()),
        ErrorKind::Unavailable
    );
    let error = rig
        .adapter
        .find(&rig.account(), &submission.marker())
        .await
        .unwrap_err();
    assert_eq!(kind(error), ErrorKind::Unavailable);
    let error = rig
        .adapter
        .poll(std::slice::from_ref(&job))
        .await
        .unwrap_err();
    assert_eq!(kind(error), ErrorKind::Unavailable);
    assert!(rig.adapter.cancel(&job).await.is_err());
    rig.pbs.clear("server_down").unwrap();
    rig.wait_until_running(&job).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_given_up_in_bounded_time() {
    let rig = Rig::with(|settings, _| settings.command_seconds = 1);
    let job = rig.submit(&rig.submission("sleep 600")).await;
    rig.pbs.switch("hang", "").unwrap();
    let began = Instant::now();
    let error = rig
        .adapter
        .poll(std::slice::from_ref(&job))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    let error = rig
        .adapter
        .submit(&rig.submission("exit 0"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unclear, "{error}");
}

/// Ports ran out: qstat complains, exits 0 and tells of nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_beside_a_complaint_is_no_proof_of_absence() {
    let rig = Rig::new();
    let job = rig.submit(&rig.submission("sleep 600")).await;
    rig.pbs.switch("throttled", "").unwrap();
    let told = rig.poll_one(&job).await.unwrap();
    assert_eq!(told.activity, Activity::Unknown);
    let error = rig
        .adapter
        .find(&rig.account(), &job.marker)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    rig.pbs.clear("throttled").unwrap();
    rig.wait_until_running(&job).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_that_breaks_the_json_hides_no_job() {
    let rig = Rig::new();
    let job = rig.submit(&rig.submission("sleep 600")).await;
    for poison in ["nan", "-inf", "h\u{e9}", "005", "say \"hi\"", "C:\\dir"] {
        rig.pbs.switch("poison", poison).unwrap();
        let told = rig.poll_one(&job).await.unwrap();
        assert_ne!(told.activity, Activity::Unknown, "{poison}");
        let found = rig.adapter.find(&rig.account(), &job.marker).await.unwrap();
        assert!(found.is_some(), "{poison}");
    }
}

/// What the history was is seen at once when it is switched off under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_is_switched_off_hides_no_job() {
    let rig = Rig::new();
    let job = rig.submit(&rig.submission("echo ran; sleep 600")).await;
    let ended = rig.submit(&rig.submission("exit 3")).await;
    rig.wait_until_ended(&ended).await;
    rig.said(&job).await;
    rig.pbs.switch("history_off", "").unwrap();
    let told = rig.poll_one(&job).await.unwrap();
    assert!(
        matches!(told.activity, Activity::Running { .. }),
        "{told:?}"
    );
    let outcome = rig.wait_until_ended(&ended).await;
    assert_eq!(
        (outcome.kind, outcome.exit_code),
        (OutcomeKind::Failed, Some(3)),
        "{outcome:?}"
    );
    let usage = rig.adapter.usage(&ended).await.unwrap().unwrap();
    assert_eq!((usage.nodes, usage.cpus), (1, 1));
    let problem = rig
        .adapter
        .probe()
        .await
        .into_iter()
        .find(|probe| probe.subsystem == "history");
    assert!(
        problem
            .unwrap()
            .problem
            .unwrap()
            .contains("job_history_enable")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_history_the_accounting_log_tells_how_a_job_ended() {
    let rig = Rig::with(|settings, folder| {
        settings.accounting_dir = Some(folder.join("pbs/accounting"));
    });
    rig.pbs.switch("history_off", "").unwrap();
    let running = rig.submit(&rig.submission("echo ran; sleep 600")).await;
    rig.said(&running).await;
    rig.pbs.lose_nodes_of(&running.marker).unwrap();
    let outcome = rig.wait_until_ended(&running).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
    assert!(outcome.site_words.contains("-20"), "{outcome:?}");
    assert!(rig.adapter.usage(&running).await.unwrap().is_some());

    let mut waits = rig.submission("exit 0");
    waits.work.resources.cpus_per_node = Some(64);
    let waits = rig.submit(&waits).await;
    rig.adapter.cancel(&waits).await.unwrap();
    let found = rig
        .adapter
        .find(&rig.account(), &waits.marker)
        .await
        .unwrap()
        .unwrap();
    let Activity::Ended {
        outcome,
        started_at,
        ..
    } = found.activity
    else {
        panic!("{found:?}");
    };
    assert_eq!((outcome.kind, started_at), (OutcomeKind::Cancelled, None));
    let problems = rig
        .adapter
        .probe()
        .await
        .into_iter()
        .filter_map(|probe| probe.problem);
    assert_eq!(problems.collect::<Vec<_>>(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_may_pass_is_no_refusal_yet() {
    let rig = Rig::new();
    let submission = || {
        let mut submission = rig.submission("exit 0");
        submission.work.partition = Rig::partition("limited");
        submission
    };
    for _ in 0..2 {
        rig.submit(&submission()).await;
    }
    let error = rig.adapter.submit(&submission()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("per-user limit"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pbs_refuses_is_refused_in_its_words() {
    let rig = Rig::new();
    let mut submission = rig.submission("exit 0");
    submission.work.resources.walltime = broker_model::Walltime::from_seconds(7200).unwrap();
    let error = rig.adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    assert!(error.message.contains("resource limits"), "{error}");
    let found = rig
        .adapter
        .find(&rig.account(), &submission.marker())
        .await
        .unwrap();
    assert_eq!(found, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hook_of_the_site_refuses_is_refused_in_its_words() {
    let rig = Rig::new();
    let words = "jobs on gpu need `-A` of a GPU project";
    rig.pbs.switch("hook", words).unwrap();
    let submission = rig.submission("exit 0");
    let error = rig.adapter.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    assert!(error.message.contains(words), "{error}");
    assert_eq!(rig.pbs.jobs(&submission.marker()).unwrap(), 0);
}

/// sudo warns of the host's name, hands on the qsub, and qsub is ended before it has its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warning_before_a_submission_that_got_through_is_no_denial() {
    let rig = Rig::with(|settings, folder| {
        let sudo = folder.join("sudo");
        let script = "#!/bin/sh\necho 'sudo: unable to resolve host login1' >&2\nexec \"$@\"\n";
        std::fs::write(&sudo, script).unwrap();
        let warns = ["/bin/sh".to_owned(), sudo.display().to_string()];
        settings.run_as.splice(..0, warns);
    });
    rig.pbs.switch("lose_answer", "1").unwrap();
    let submission = rig.submit_unanswered("echo ran").await;
    rig.pbs.clear("hang").unwrap();
    rig.adopted_and_run_once(&submission).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_as_root_or_as_a_user_that_is_none() {
    let rig = Rig::new();
    for user in ["root", "a b", "-u", "", "x;id"] {
        let mut submission = rig.submission("exit 0");
        submission.account = LocalAccount {
            user: user.to_owned(),
            ..rig.account()
        };
        let error = rig.adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{user}: {error}");
    }
    assert!(
        rig.pbs
            .calls()
            .unwrap()
            .iter()
            .all(|call| !call.starts_with("qsub"))
    );
}
