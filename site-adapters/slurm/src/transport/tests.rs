use super::*;

/// A comma or a colon as it is makes 22.05 and 24.11 answer 400, and 26.05 500.
#[test]
fn commas_and_colons_of_a_query_go_encoded() {
    let query = [("step", "1,2"), ("submit_time", "2026-11-20T11:18:00")];
    let call = Client::new()
        .get("http://s/slurmdb/v0.0.38/jobs")
        .query(&query);
    let url = call.build().unwrap().url().to_string();
    assert!(
        url.ends_with("?step=1%2C2&submit_time=2026-11-20T11%3A18%3A00"),
        "{url}"
    );
}

#[test]
fn nothing_new_is_an_empty_answer_and_half_an_answer_is_text() {
    assert!(matches!(body(b"", false, 304), Body::Json(Value::Null)));
    assert!(matches!(body(b"{\"jobs\": [", true, 200), Body::Text(_)));
    assert!(
        matches!(body(b"{}", false, 200), Body::Text(_)),
        "a proxy's page"
    );
}

#[test]
fn a_call_gives_slurmctld_its_twenty_seconds_before_its_bytes_die() {
    for seconds in [26, 40, 600] {
        let timeout = Duration::from_secs(seconds);
        assert!(unacknowledged(timeout) > Duration::from_secs(20));
    }
}
