//! Many jobs in one request, in either format, and what may stand in it.

use site_adapter::ErrorKind;

use super::{NAMES, jobs, one, recorded};
use crate::calls::states::Format;
use crate::calls::{is_job_id, states};
use crate::record::JobRecord;
use crate::states::Phase;

#[test]
fn many_jobs_are_one_request_that_leaves_out_what_is_unknown() {
    let command = states::command(&["1.s", "2.s"], true, Format::Json);
    assert_eq!(command.args.join(" "), "-E -x -f -F json 1.s 2.s");
    assert_eq!(
        jobs("02_query/qstat_E_f_json_three_ids_one_unknown").len(),
        2
    );
    assert!(
        states::parse(&recorded("02_query/qstat_f_json_no_jobs"), Format::Json)
            .unwrap()
            .unwrap()
            .is_empty()
    );
    // `-u` puts a table before the JSON; it is never asked so, and would not be read.
    assert_eq!(
        states::parse(&recorded("02_query/qstat_u_f_json"), Format::Json).unwrap(),
        None
    );
    let down = states::parse(&recorded("07_failures/A_down_qstat_f_json"), Format::Json);
    assert_eq!(down.unwrap_err().kind, ErrorKind::Unavailable);
}

/// What `qstat -E` is given: whole ids where they fit, or as many numbers as do.
#[test]
fn ten_thousand_jobs_are_as_few_commands_as_their_bytes_allow() {
    let ids: Vec<String> = (1_000_000..1_010_000)
        .map(|number: u64| format!("{number}.pbs-head.cluster.example.org"))
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let whole = states::batches(&ids, 1024 * 1024);
    assert_eq!((whole.len(), &whole[0]), (1, &ids));
    let numbers = states::batches(&ids, 120 * 1024);
    assert_eq!((numbers.len(), numbers[0][0]), (1, "1000000"));
    let arrays: Vec<String> = ids.iter().map(|id| id.replacen('.', "[].", 1)).collect();
    let arrays: Vec<&str> = arrays.iter().map(String::as_str).collect();
    let several = states::batches(&arrays, 120 * 1024);
    assert_eq!((several.len(), several[0][0]), (2, "1000000[]"));
    assert_eq!(several.concat().len(), ids.len());
    // A server answers to the number alone.
    let told = one("08_pitfalls/job_id_form_number_only");
    assert_eq!(told.id, "106.pbshead");
}

#[test]
fn the_text_format_tells_the_same_as_json() {
    let text = recorded("02_query/qstat_f_w_text_running");
    let told = states::parse(&text, Format::Text).unwrap().unwrap();
    let job = JobRecord::from_qstat("25.pbshead", &told["25.pbshead"], NAMES).unwrap();
    assert_eq!(
        (job.name.as_str(), job.phase()),
        ("train-run", Phase::Running)
    );
    assert_eq!(job.submitted_at.to_string(), "2026-11-20T10:06:14Z");
}

#[test]
fn only_ids_of_pbs_become_arguments() {
    for id in ["25", "25.pbshead", "7[].pbshead", "1.a-b.example.org"] {
        assert!(is_job_id(id), "{id}");
    }
    for id in [
        "", "gpu", "-x", "12x", "1.", "7[1].s", "1.s;rm", "1 2", "@s", "1.s@t",
    ] {
        assert!(!is_job_id(id), "{id}");
    }
}
