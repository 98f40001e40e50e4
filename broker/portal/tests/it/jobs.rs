use std::time::Duration;

use broker_store::conformance::usage_of_others;
use broker_store::{Change, Write};
use futures::StreamExt as _;
use reqwest::Response;
use tokio::time::timeout;

use crate::house::{ENGINEER, House, OPERATOR, STRANGER, job_file};

#[tokio::test]
async fn a_job_is_quoted_first_and_then_handed_in() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let form = browser.get("/jobs/new").await;
    assert!(
        form.text
            .contains(&broker_app::setup::project_id("sample").to_string())
    );
    let quote = browser
        .submit(
            &form,
            "/jobs/new",
            &[("job", &job_file()), ("action", "quote")],
        )
        .await;
    assert_eq!(quote.status, 200, "{}", quote.text);
    insta::assert_snapshot!(quote.main());
    let sent = browser
        .submit(
            &quote,
            "/jobs/new",
            &[("job", &job_file()), ("action", "submit")],
        )
        .await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = browser.follow(sent).await;
    assert_eq!((page.status, page.heading()), (200, "train-1"));
    let list = browser.get("/jobs").await;
    assert!(list.text.contains("meluxina/meluxina/gpu"), "{}", list.text);
    insta::assert_snapshot!(list.main());
}

#[tokio::test]
async fn two_clicks_make_one_job() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let form = browser.get("/jobs/new").await;
    let quote = browser
        .submit(
            &form,
            "/jobs/new",
            &[("job", &job_file()), ("action", "quote")],
        )
        .await;
    let fields = [("job", job_file()), ("action", "submit".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let first = browser.submit(&quote, "/jobs/new", &fields).await;
    let second = browser.submit(&quote, "/jobs/new", &fields).await;
    assert_eq!(first.status, 303, "{}", first.text);
    assert_eq!(first.location(), second.location());
}

#[tokio::test]
async fn a_file_that_changed_after_the_quote_is_quoted_again() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let form = browser.get("/jobs/new").await;
    let quote = browser
        .submit(
            &form,
            "/jobs/new",
            &[("job", &job_file()), ("action", "quote")],
        )
        .await;
    let other = job_file().replace("1h", "2h");
    let answer = browser
        .submit(
            &quote,
            "/jobs/new",
            &[("job", &other), ("action", "submit")],
        )
        .await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.text.contains("has changed since the last look"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_wrong_job_file_is_kept_and_its_faults_name_line_and_field() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let form = browser.get("/jobs/new").await;
    let wrong = job_file()
        .replace("gpus_per_node", "gpus")
        .replace("true", "</textarea><b>");
    let page = browser
        .submit(&form, "/jobs/new", &[("job", &wrong), ("action", "quote")])
        .await;
    assert_eq!(page.status, 400);
    for expected in [
        "Line 4",
        "<code>resources.gpus</code>",
        "unknown field `gpus`",
        "gpus_per_node",
    ] {
        assert!(page.text.contains(expected), "{expected}: {}", page.text);
    }
    assert!(page.text.contains("gpus = 4"), "{}", page.text);
    assert!(!page.text.contains("<script>alert(2)"), "{}", page.text);
}

#[tokio::test]
async fn a_job_that_no_partition_can_run_is_answered_with_every_clause() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let form = browser.get("/jobs/new").await;
    let file = job_file().replace("gpus_per_node = 4", "gpus_per_node = 999");
    let page = browser
        .submit(&form, "/jobs/new", &[("job", &file), ("action", "quote")])
        .await;
    assert!(page.text.contains("asks for 999"), "{}", page.text);
    assert!(!page.text.contains("value=\"submit\""), "{}", page.text);
}

#[tokio::test]
async fn a_job_file_of_a_foreign_project_is_refused_without_a_word_of_it() {
    let house = House::build().await;
    let mut browser = house.signed_in(STRANGER).await;
    let form = browser.get("/jobs/new").await;
    let page = browser
        .submit(
            &form,
            "/jobs/new",
            &[("job", &job_file()), ("action", "quote")],
        )
        .await;
    assert_eq!(page.status, 404);
    assert!(
        page.text.contains("You are not a member of the project"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn a_form_without_the_sessions_token_is_refused() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let path = house.hand_in(&mut browser).await;
    let cancel = format!("{path}/cancel");
    let mut stranger = house.signed_in(OPERATOR).await;
    let foreign = stranger.get("/").await.hidden("form_token").unwrap();
    for form in [
        vec![],
        vec![("form_token", "")],
        vec![("form_token", foreign.as_str())],
    ] {
        let answer = browser.post(&cancel, &form).await;
        assert_eq!(answer.status, 403, "{form:?}");
        assert!(
            answer
                .text
                .contains("does not come from a page of your present session")
        );
    }
    let jobs = browser.get("/jobs?state=cancelled").await;
    assert!(
        jobs.text.contains("No job is in this state"),
        "{}",
        jobs.text
    );
    let sent = browser
        .post("/jobs/new", &[("job", &job_file()), ("action", "submit")])
        .await;
    assert_eq!(sent.status, 403);
}

#[tokio::test]
async fn a_foreign_job_is_not_there_in_any_form() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let path = house.hand_in(&mut engineer).await;
    let mut stranger = house.signed_in(STRANGER).await;
    for page in [
        path.clone(),
        format!("{path}/logs"),
        format!("{path}/events"),
    ] {
        assert_eq!(stranger.get(&page).await.status, 404, "{page}");
        assert_eq!(
            stranger.stream(&page, None).await.status().as_u16(),
            404,
            "{page}"
        );
    }
    let token = stranger.get("/").await.hidden("form_token").unwrap();
    let answer = stranger
        .post(&format!("{path}/cancel"), &[("form_token", &token)])
        .await;
    assert_eq!(answer.status, 404);
    for nonsense in ["/jobs/x", "/jobs/job_0", "/jobs/%3Cscript%3E"] {
        assert_eq!(stranger.get(nonsense).await.status, 404, "{nonsense}");
    }
    assert_eq!(house.signed_in(OPERATOR).await.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_job_that_ran_shows_log_charge_placement_and_ledger_entries_escaped() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let path = house.hand_in(&mut browser).await;
    let leased = house.lease().await;
    house.start(&leased).await;
    house
        .log(
            &leased,
            0,
            b"step 1\n</pre><script>alert(3)</script>\n\xff\n",
        )
        .await;
    house.end(&leased, "COMPLETED<img src=x>").await;
    let page = browser.get(&path).await;
    assert_eq!(page.status, 200);
    for raw in ["<script>alert", "<img src=x>", "</pre><script"] {
        assert!(!page.text.contains(raw), "{raw}: {}", page.text);
    }
    assert!(
        page.text.contains("&#60;script&#62;alert(3)"),
        "{}",
        page.text
    );
    insta::assert_snapshot!(page.main());
    let whole = browser.get(&format!("{path}/logs")).await;
    assert_eq!(whole.header("content-type"), "text/plain; charset=utf-8");
    assert!(whole.text.contains("</pre><script>alert(3)</script>"));
}

#[tokio::test]
async fn cancelling_a_job_that_no_site_has_ends_it_at_once_and_only_once() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let path = house.hand_in(&mut browser).await;
    let cancel = format!("{path}/cancel");
    let page = browser.get(&path).await;
    let answer = browser.submit(&page, &cancel, &[]).await;
    let shown = browser.follow(answer).await;
    assert!(
        shown
            .text
            .contains("<span class=\"badge none\">Cancelled</span>"),
        "{}",
        shown.text
    );
    let again = browser.submit(&page, &cancel, &[]).await;
    assert_eq!(again.status, 409);
    assert!(
        again.text.contains("the job is cancelled already"),
        "{}",
        again.text
    );
}

#[tokio::test]
async fn the_log_comes_live_goes_on_after_a_reconnect_and_ends() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let path = house.hand_in(&mut browser).await;
    let leased = house.lease().await;
    house.start(&leased).await;
    house.log(&leased, 0, "a€".as_bytes()).await;
    let logs = format!("{path}/logs");
    let mut first = Sse::new(browser.stream(&logs, None).await);
    assert_eq!(
        first.next().await.unwrap(),
        event("4", "log", r#"{"text":"a€"}"#)
    );
    // Two thirds of a character, then the rest of it.
    house.log(&leased, 4, &[0xe2, 0x82]).await;
    house.log(&leased, 6, &[0xac, b'!']).await;
    drop(first);
    let mut second = Sse::new(browser.stream(&logs, Some("4")).await);
    assert_eq!(
        second.next().await.unwrap(),
        event("8", "log", r#"{"text":"€!"}"#)
    );
    house.end(&leased, "COMPLETED").await;
    assert_eq!(second.next().await.unwrap(), event("", "end", "end"));
    assert!(second.next().await.is_none());
}

#[tokio::test]
async fn events_go_on_after_the_last_one_that_was_seen() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let path = house.hand_in(&mut browser).await;
    let events = format!("{path}/events");
    let mut first = Sse::new(browser.stream(&events, None).await);
    let decided = first.next().await.unwrap();
    assert_eq!(decided.kind, "entry");
    drop(first);
    let mut second = Sse::new(browser.stream(&events, Some(&decided.id)).await);
    let next = second.next().await.unwrap();
    assert!(next.id.parse::<u64>().unwrap() > decided.id.parse().unwrap());
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    let path = house.hand_in(&mut browser).await;
    let leased = house.lease().await;
    house.start(&leased).await;
    let mut stream = Sse::new(browser.stream(&format!("{path}/logs"), None).await);
    let token = browser.cookie("alcyone").unwrap();
    house.broker.close_session(token).await.unwrap();
    assert_eq!(stream.next().await.unwrap(), event("", "session", "ended"));
    assert!(stream.next().await.is_none());
}

#[derive(Debug, PartialEq, Eq)]
struct SseEvent {
    id: String,
    kind: String,
    data: String,
}

fn event(id: &str, kind: &str, data: &str) -> SseEvent {
    SseEvent {
        id: id.to_owned(),
        kind: kind.to_owned(),
        data: data.to_owned(),
    }
}

/// Reads events of a response, each within a bounded time.
struct Sse {
    body: std::pin::Pin<Box<dyn futures::Stream<Item = Vec<u8>>>>,
    text: Vec<u8>,
}

impl Sse {
    fn new(response: Response) -> Self {
        assert_eq!(response.status().as_u16(), 200);
        let body = response
            .bytes_stream()
            .map(|bytes| bytes.unwrap().to_vec())
            .boxed_local();
        Self {
            body,
            text: Vec::new(),
        }
    }

    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            if let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                match parsed(std::str::from_utf8(&block).unwrap()) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let more = timeout(Duration::from_secs(20), self.body.next()).await;
            self.text.extend(more.expect("an event in time")?);
        }
    }
}

/// `None` for a comment that only keeps the connection alive.
fn parsed(block: &str) -> Option<SseEvent> {
    let field = |name: &str| {
        let lines = block
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
    };
    let kind = field("event");
    (!kind.is_empty()).then(|| SseEvent {
        id: field("id"),
        kind,
        data: field("data"),
    })
}

/// 35 % of the 800 GPUs of MeluXina in 365 days, used by somebody else.
async fn meluxina_is_used_up(house: &House) {
    let gpu = broker_model::PartitionRef {
        site: "meluxina".parse().unwrap(),
        system: "meluxina".parse().unwrap(),
        partition: "gpu".parse().unwrap(),
    };
    let used = usage_of_others(&*house.clock, gpu, 280 * 365 * 24);
    let change = Change {
        writes: vec![Write::InsertUsage(Box::new(used))],
        entries: Vec::new(),
    };
    house.broker.store().commit(change).await.unwrap();
}

#[tokio::test]
async fn where_the_share_is_used_up_the_form_says_so_before_and_after_a_job_is_handed_in() {
    let house = House::build().await;
    meluxina_is_used_up(&house).await;
    let mut browser = house.signed_in(ENGINEER).await;
    let file = job_file() + "[placement]\nrequire = [\"meluxina\"]\n";
    let form = browser.get("/jobs/new").await;
    let quoting = [("job", file.as_str()), ("action", "quote")];
    let quote = browser.submit(&form, "/jobs/new", &quoting).await;
    let words = "no hours at meluxina/meluxina: 35 % of the system";
    assert!(quote.text.contains(words), "{}", quote.text);
    assert!(!quote.text.contains("value=\"submit\""), "{}", quote.text);
    let home = browser.get("/").await;
    assert!(home.text.contains(words), "{}", home.text);
    let closed = "Systems closed to jobs under this allocation";
    assert!(home.text.contains(closed), "{}", home.text);
    let missing = "What is still missing";
    assert!(!home.text.contains(missing), "{}", home.text);
    browser.language = "fr";
    let sending = [("job", file.as_str()), ("action", "submit")];
    let sent = browser.submit(&quote, "/jobs/new", &sending).await;
    assert_eq!(sent.status, 409, "{}", sent.text);
    let told = "La part dont relèvent vos heures est épuisée";
    assert!(sent.text.contains(told), "{}", sent.text);
}
