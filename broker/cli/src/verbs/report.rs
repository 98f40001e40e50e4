//! `alcyone site report`: what became of a job that a person handed in at a site, read from a file.

use std::path::Path;

use broker_client::wire::JobView;
use broker_client::{Client, Error};
use broker_model::{HandoffRef, SiteId};
use serde_json::Value;

use crate::exit::Failure;

/// One of each kind, with every field that it must have; `usage` may stand in `ended`, too.
pub(crate) const REPORTS: &str = r#"A report is one JSON object, one of:
  {"event": "submitted", "remote_id": "4711", "submitted_at": "2026-11-21T10:00:00Z"}
  {"event": "started", "started_at": "2026-11-21T10:05:00Z"}
  {"event": "ended", "ended_at": "2026-11-21T11:05:00Z", "outcome": {"kind": "completed", "exit_code": 0, "site_words": "COMPLETED"}}
  {"event": "usage", "usage": {"started_at": "2026-11-21T10:05:00Z", "ended_at": "2026-11-21T11:05:00Z", "nodes": 1, "scheduler_gpus": 8, "cpus": 56}}
  {"event": "declined", "reason": "not this month"}
`ended` may hold the `usage`, too, and settles the job with it; `"usage": null` says that the site has no record.
`kind` is one of: completed failed cancelled timed_out out_of_memory node_failure preempted"#;

/// Sends what the file holds. A file that is no report is wrong use, whoever finds that out.
pub(super) async fn tell(
    client: &Client,
    site: &SiteId,
    job: HandoffRef,
    file: &Path,
) -> anyhow::Result<JobView> {
    let report = read(file)?;
    let told = client.report_handoff(site, job, &report).await;
    told.map_err(|error| match error {
        Error::Problem(problem) if problem.code == "invalid-body" => {
            no_report(file, &Error::Problem(problem).to_string()).into()
        }
        other => other.into(),
    })
}

fn read(file: &Path) -> Result<Value, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{name} cannot be read: {error}")))?;
    let report: Value = serde_json::from_str(&text)
        .map_err(|error| no_report(file, &format!("it is not JSON: {error}")))?;
    if report.get("event").is_none() {
        return Err(no_report(file, "it is no JSON object with an `event`"));
    }
    Ok(report)
}

fn no_report(file: &Path, reason: &str) -> Failure {
    let name = file.display();
    Failure::Usage(format!("{name} is not a report: {reason}\n{REPORTS}"))
}

#[cfg(test)]
mod tests {
    use broker_model::OutcomeKind;
    use site_adapter::HandoffReport;

    use super::*;

    #[test]
    fn each_report_that_is_shown_is_one_and_none_is_left_out() {
        let shown = REPORTS.lines().filter_map(|it| it.strip_prefix("  "));
        let events: Vec<&str> = { shown }
            .map(|it| serde_json::from_str::<HandoffReport>(it).unwrap().event())
            .collect();
        assert_eq!(
            events,
            ["submitted", "started", "ended", "usage", "declined"]
        );
        let (_, kinds) = REPORTS.split_once("one of: completed ").unwrap();
        for kind in kinds.split_whitespace() {
            assert!(serde_json::from_value::<OutcomeKind>(kind.into()).is_ok());
        }
    }

    #[test]
    fn what_the_readme_reports_is_a_report() {
        let readme = include_str!("../../../../README.md");
        let bodies = readme.split("$ cat ").skip(1);
        let bodies = bodies.filter_map(|it| it.split("$ alcyone").next()?.split_once(".json\n"));
        let events: Vec<&str> = bodies
            .map(|(_, body)| serde_json::from_str::<HandoffReport>(body).unwrap().event())
            .collect();
        assert_eq!(events, ["submitted", "ended"]);
    }

    #[test]
    fn a_file_that_is_no_report_is_wrong_use_and_shows_what_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told.json");
        assert!(
            read(&file)
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
        for text in ["", "event: ended", "[]", "{\"state\": \"ended\"}"] {
            std::fs::write(&file, text).unwrap();
            let words = read(&file).unwrap_err().to_string();
            assert!(words.starts_with(&*file.to_string_lossy()), "{words}");
            assert!(words.contains("{\"event\": \"submitted\""), "{words}");
        }
    }
}
