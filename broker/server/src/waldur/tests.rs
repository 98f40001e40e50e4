use super::emulated::{EmulatedWaldur, Failure, TOKEN, customer, resource};
use super::*;

pub(crate) fn map() -> WaldurMap {
    toml::from_str(
        "[offerings.0ff1]\nsystem = 'lumi/lumi'\nshare = 'union'\nunit = 'GPU-hour'\ncomponent = 'gpu_hours'\n",
    )
    .unwrap()
}

fn waldur(emulated: &EmulatedWaldur) -> Waldur {
    let mut waldur = Waldur::new(&emulated.url, TOKEN).unwrap();
    waldur.pause = Duration::ZERO;
    waldur
}

/// With so many resources, and one customer.
async fn with(count: usize) -> EmulatedWaldur {
    let emulated = EmulatedWaldur::start().await;
    emulated.change(|it| {
        it.resources = (0..count)
            .map(|n| resource(&format!("r{n}"), 1.5))
            .collect();
        it.customers = vec![customer()];
    });
    emulated
}

async fn batch(waldur: &Waldur) -> anyhow::Result<ImportBatch> {
    waldur.batch("waldur", &[], &map()).await
}

async fn refusal(emulated: &EmulatedWaldur) -> String {
    let error = batch(&waldur(emulated)).await.unwrap_err();
    format!("{error:#}")
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_whole_with_links_or_by_its_count() {
    for without_links in [false, true] {
        let emulated = with(250).await;
        emulated.change(|it| it.without_links = without_links);
        let batch = batch(&waldur(&emulated)).await.unwrap();
        assert_eq!(batch.lines.len(), 250);
        assert_eq!(batch.lines[249].reference, "r249");
        assert_eq!(batch.lines[0].country, "FI");
        assert!(batch.whole);
        assert_eq!(emulated.asked().len(), 4, "three pages, and the customers");
    }
}

#[tokio::test]
async fn only_the_offerings_that_are_named_are_asked_for_and_nothing_counts_as_vanished() {
    let emulated = with(2).await;
    emulated.change(|it| it.resources[1]["offering_uuid"] = "0ff2".into());
    let offerings = ["0ff2".to_owned(), "0ff3".to_owned()];
    let read = waldur(&emulated).batch("waldur", &offerings, &map()).await;
    let read = read.unwrap();
    assert!(!read.whole);
    assert_eq!((read.lines.len(), read.passed_over.len()), (0, 1));
    assert!(
        read.remarks[0].contains("r1 is of the offering 0ff2"),
        "{:?}",
        read.remarks
    );
}

#[tokio::test]
async fn what_passes_by_itself_is_asked_again_and_only_so_often() {
    let emulated = with(1).await;
    let busy = [429, 503, 500].map(Failure::Status).to_vec();
    emulated.fail("marketplace-resources", 1, busy);
    assert_eq!(batch(&waldur(&emulated)).await.unwrap().lines.len(), 1);
    let before = emulated.asked().len();
    emulated.fail("marketplace-resources", 1, vec![Failure::Status(503); 9]);
    assert!(refusal(&emulated).await.contains("503"));
    assert_eq!(emulated.asked().len() - before, 4);
}

#[tokio::test]
async fn a_failure_in_the_middle_gives_no_batch_at_all() {
    for failure in [Failure::Status(400), Failure::Broken] {
        let emulated = with(250).await;
        emulated.fail("marketplace-resources", 2, vec![failure]);
        let said = refusal(&emulated).await;
        assert!(
            said.starts_with("marketplace-resources, page 2: "),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_is_noticed() {
    let emulated = with(3).await;
    emulated.change(|it| it.miscounts = true);
    assert!(refusal(&emulated).await.contains("3 of 4 came"));
    let emulated = with(101).await;
    emulated.change(|it| it.resources[100] = resource("r7", 1.0));
    assert!(refusal(&emulated).await.contains("r7 came twice"));
}

#[tokio::test]
async fn a_list_that_counts_more_than_it_has_ends_at_the_page_that_has_nothing() {
    for empty_behind in [false, true] {
        let emulated = with(100).await;
        emulated.change(|it| {
            it.miscounts = true;
            it.without_links = true;
            it.empty_behind = empty_behind;
        });
        let said = refusal(&emulated).await;
        assert!(said.contains("100 of 101 came"), "{said}");
        assert_eq!(
            emulated.asked().len(),
            2,
            "the page that has nothing is the last"
        );
    }
}

#[tokio::test]
async fn the_token_goes_nowhere_else() {
    let (emulated, other) = (with(1).await, with(1).await);
    let elsewhere = other.url.join("api/marketplace-resources/").unwrap();
    emulated.fail(
        "marketplace-resources",
        1,
        vec![Failure::Redirect(elsewhere.to_string())],
    );
    let said = refusal(&emulated).await;
    assert!(said.contains(elsewhere.as_str()), "{said}");
    assert_eq!(other.asked(), Vec::<String>::new());
    for url in ["http://waldur.example/", "ftp://127.0.0.1/"] {
        let url = url.parse().unwrap();
        let error = Waldur::new(&url, TOKEN).err().unwrap().to_string();
        assert!(error.contains("https"), "{error}");
        assert!(!error.contains(TOKEN), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_known_is_said_and_not_tried_again() {
    let emulated = with(1).await;
    let mut stranger = Waldur::new(&emulated.url, "0123").unwrap();
    stranger.pause = Duration::ZERO;
    let error = format!("{:#}", batch(&stranger).await.unwrap_err());
    assert!(error.contains("401") && error.contains("token"), "{error}");
    assert_eq!(emulated.asked().len(), 1);
}

#[tokio::test]
async fn customers_that_cannot_be_read_are_a_remark() {
    let emulated = with(1).await;
    emulated.fail("customers", 1, vec![Failure::Status(403)]);
    let batch = batch(&waldur(&emulated)).await.unwrap();
    assert!(
        batch.remarks[0].contains("customers cannot be read"),
        "{:?}",
        batch.remarks
    );
    assert_eq!(batch.lines[0].country, "");
}

#[test]
fn an_address_with_or_without_its_api_is_one_and_names_its_source() {
    for url in [
        "https://Puhuri.example",
        "https://puhuri.example/api/",
        "https://puhuri.example/api?x=1",
    ] {
        let waldur = Waldur::new(&url.parse().unwrap(), TOKEN).unwrap();
        assert_eq!(waldur.base.as_str(), "https://puhuri.example/");
        assert_eq!(waldur.name(), "puhuri.example");
    }
    let below = Waldur::new(&"https://[::1]:8443/w/api".parse().unwrap(), TOKEN).unwrap();
    assert_eq!(below.base.as_str(), "https://[::1]:8443/w/");
    assert_eq!(below.name(), "___1__8443");
}

#[test]
fn a_token_file_holds_a_token_and_nothing_else() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (text, is_one) in [("abc\n", true), ("", false), ("two words", false)] {
        std::fs::write(file.path(), text).unwrap();
        assert_eq!(token(file.path()).is_ok(), is_one, "{text:?}");
    }
}

/// The environment is the process's, so another one is asked: this very program, with one test to run.
#[test]
fn a_waldur_on_this_machine_is_asked_without_the_proxy_of_the_environment() {
    let one = "waldur::tests::a_list_of_several_pages_is_read_whole_with_links_or_by_its_count";
    let nobody = "http://127.0.0.1:9";
    let mut run = std::process::Command::new(std::env::current_exe().unwrap());
    run.args(["--exact", one])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        run.env(name, nobody);
    }
    let ran = run.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}
