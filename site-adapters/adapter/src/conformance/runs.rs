use std::collections::BTreeSet;

use broker_model::OutcomeKind;

use super::Site;
use crate::{Activity, LogStream};

pub async fn a_job_runs_to_its_end(site: &Site<'_>) {
    let job = site.complete("echo one; echo two").await;
    site.expect_log(&job, LogStream::Stdout, b"one\ntwo\n")
        .await;
    let told = site.poll_one(&job).await.unwrap();
    let Activity::Ended {
        started_at,
        ended_at,
        ..
    } = told.activity
    else {
        panic!("an ended job is told as {:?}", told.activity);
    };
    assert!(started_at.unwrap() <= ended_at);
    assert_eq!(told.marker, job.marker);
    assert_eq!(told.remote_id, job.remote_id);
    assert_eq!(told.submitted_at, job.submitted_at);
}

/// The job prints its own file, so whatever was quoted, expanded or cut on the way shows.
pub async fn a_script_arrives_as_it_was_written(site: &Site<'_>) {
    let script = "cat \"$0\"\nexit 0\n\
        '; echo \"$HOME\" `id` $(id) | & > < * ? [a] {b} ~ ! # %j \\n \\\\ \" '\n\
        \t  Žluťoučký kůň, ναι, 日本語, 🛰\n\
        #SBATCH --no-such-option\n#PBS -q no_such_queue\nEOF\n";
    let submission = site.submission(script);
    let expected = submission.work.script_with_interpreter();
    let (job, outcome) = site.run(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    site.expect_log(&job, LogStream::Stdout, expected.as_bytes())
        .await;
}

pub async fn a_name_with_every_allowed_kind_of_character_is_taken(site: &Site<'_>) {
    for name in [
        "7B-fine_tune.v2",
        "x",
        &format!("A{}.-_", "long-".repeat(12)),
    ] {
        let mut submission = site.submission("exit 0");
        submission.work.name = name.to_owned();
        let (_, outcome) = site.run(&submission).await;
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{name}: {outcome:?}");
    }
}

pub async fn many_jobs_are_polled_at_once(site: &Site<'_>) {
    let mut jobs = Vec::new();
    for number in 0..20 {
        let script = format!("echo {number}; exit {}", number % 2);
        jobs.push(site.submit(&site.submission(&script)).await);
    }
    let asked: BTreeSet<_> = jobs.iter().map(|job| job.marker.clone()).collect();
    let told = site
        .wait_for("twenty jobs end", async || {
            let told = site.adapter.poll(&jobs).await.unwrap();
            let all_ended = told
                .iter()
                .all(|job| matches!(job.activity, Activity::Ended { .. }));
            (told.len() == jobs.len() && all_ended).then_some(told)
        })
        .await;
    let markers: BTreeSet<_> = told.iter().map(|job| job.marker.clone()).collect();
    assert_eq!(markers, asked);
    for (number, job) in jobs.iter().enumerate() {
        site.expect_log(job, LogStream::Stdout, format!("{number}\n").as_bytes())
            .await;
        let outcome = site.wait_until_ended(job).await;
        assert_eq!(outcome.exit_code, Some(i32::from(number % 2 == 1)));
    }
}
