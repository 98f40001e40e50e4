//! Jobs that wait for a person of their site, and jobs that a person carries there.

use broker_model::{PartitionSnapshot, SiteReadiness, SiteSnapshot};
use site_adapter::Report;

use crate::browser::{Browser, Shown};
use crate::house::{ADMIN, ENGINEER, House, NAMER, OPERATOR, job_file};

pub(crate) const LIST: &str = "/sites/hammerhai/confirmations";

/// A job for what stands at this site.
pub(crate) fn job_at(site: &str) -> String {
    let file = job_file().replace("x86_64+cuda", "x86_64+rocm");
    format!("{file}[placement]\nrequire = [\"{site}\"]\n")
}

impl House {
    /// HLRS says that its nodes are free.
    pub(crate) async fn hlrs_is_there(&self) {
        let partition = PartitionSnapshot {
            system: "hunter".parse().unwrap(),
            partition: "mi300a".parse().unwrap(),
            accepting: true,
            nodes_total: 188,
            nodes_free: 188,
            nodes_drained: 0,
            gpus: Vec::new(),
            gpus_total: 0,
            gpus_free: 0,
            max_walltime_seconds: None,
            max_nodes_per_job: None,
            jobs_running: 0,
            jobs_queued: 0,
            backlog_node_seconds: None,
            reason: None,
            expected_start: None,
        };
        let report = Report {
            snapshot_ttl_seconds: None,
            agent: "agt_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            instance: None,
            site: "hammerhai".parse().unwrap(),
            snapshot: Some(SiteSnapshot {
                observed_at: "2026-11-20T12:00:00Z".parse().unwrap(),
                readiness: SiteReadiness::Ready,
                reason: None,
                partitions: vec![partition],
            }),
            attempts: Vec::new(),
            logs: Vec::new(),
            working_on: Vec::new(),
        };
        self.broker.report(report).await.unwrap();
    }
}

async fn handed_in(browser: &mut Browser, site: &str) -> Shown {
    let file = job_at(site);
    let form = browser.get("/jobs/new").await;
    let quote = [("job", &file[..]), ("action", "quote")];
    let quote = browser.submit(&form, "/jobs/new", &quote).await;
    let submit = [("job", &file[..]), ("action", "submit")];
    let sent = browser.submit(&quote, "/jobs/new", &submit).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    browser.follow(sent).await
}

#[tokio::test]
async fn a_site_lets_a_job_in_from_a_page_with_what_it_needs_to_judge() {
    let house = House::build().await;
    house.hlrs_is_there().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let job = handed_in(&mut engineer, "hammerhai").await;
    assert!(
        job.text.contains("hammerhai&#39;s confirmation"),
        "{}",
        job.text
    );

    let mut admin = house.signed_in(ADMIN).await;
    let sites = admin.get("/sites").await;
    assert!(sites.text.contains(LIST), "{}", sites.text);
    let page = admin.get(LIST).await;
    for shown in [
        "train-1",
        "EHPC-AIF-2026PG01-128",
        "hammerhai/hunter/mi300a",
        "2021/1173",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    for hidden in ["Lovelace", "engineer@", "<script>alert"] {
        assert!(!page.text.contains(hidden), "{hidden}: {}", page.text);
    }
    let id = page.text.split("<code>job_").nth(1).unwrap();
    let id = format!("job_{}", &id[..32]);
    let action = format!("{LIST}/{id}");
    let answered = admin
        .submit(&page, &action, &[("decision", "confirm")])
        .await;
    assert_eq!(answered.status, 303, "{}", answered.text);
    let after = admin.follow(answered).await;
    assert!(after.text.contains("Nothing waits"), "{}", after.text);
    let again = admin
        .submit(&page, &action, &[("decision", "confirm")])
        .await;
    assert_eq!(again.status, 409, "{}", again.text);
}

#[tokio::test]
async fn a_declined_job_shows_its_user_the_sites_words_as_text() {
    let house = House::build().await;
    house.hlrs_is_there().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    handed_in(&mut engineer, "hammerhai").await;
    let mut admin = house.signed_in(ADMIN).await;
    let page = admin.get(LIST).await;
    let id = page.text.split("<code>job_").nth(1).unwrap();
    let id = format!("job_{}", &id[..32]);
    let no = [("decision", "decline"), ("reason", "<b>not</b> this month")];
    let answered = admin.submit(&page, &format!("{LIST}/{id}"), &no).await;
    assert_eq!(answered.status, 303, "{}", answered.text);
    let job = engineer.get(&format!("/jobs/{id}")).await;
    let words = "hammerhai declined this job: &#60;b&#62;not&#60;/b&#62; this month";
    assert!(job.text.contains(words), "{}", job.text);
}

#[tokio::test]
async fn others_see_no_such_page_and_an_operator_sees_no_buttons() {
    let house = House::build().await;
    house.hlrs_is_there().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    handed_in(&mut engineer, "hammerhai").await;
    assert_eq!(engineer.get(LIST).await.status, 403);
    assert!(!engineer.get("/sites").await.text.contains(LIST));
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get(LIST).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("value=\"confirm\""), "{}", page.text);
    let nowhere = operator.get("/sites/nowhere/confirmations").await;
    assert_eq!(nowhere.status, 404);
}

#[tokio::test]
async fn a_carried_job_has_its_script_on_its_page() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let job = handed_in(&mut engineer, "lumi").await;
    let link = job
        .text
        .split("href=\"/jobs/")
        .find(|it| it.contains("handoff/script"));
    let link = format!("/jobs/{}", link.unwrap().split('"').next().unwrap());
    let script = engineer.get(&link).await;
    assert!(
        script
            .text
            .starts_with("#!/bin/sh\n#SBATCH --job-name=att_"),
        "{}",
        script.text
    );
    let lexis = link.replace("script", "lexis?project=sample&template=generic");
    let lexis = engineer.get(&lexis).await;
    assert!(
        lexis.text.contains("project_shortname: \"sample\""),
        "{}",
        lexis.text
    );
    let stranger = house.signed_in("nobody").await.get(&link).await;
    assert_eq!(stranger.status, 404);
}

#[tokio::test]
async fn whose_job_waits_is_named_to_those_alone_who_may_see_names() {
    let house = House::build().await;
    house.hlrs_is_there().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    handed_in(&mut engineer, "hammerhai").await;
    let blind = house.signed_in(ADMIN).await.get(LIST).await;
    assert!(blind.text.contains("<code>per_"), "{}", blind.text);
    assert!(!blind.text.contains("Lovelace"), "{}", blind.text);
    let seeing = house.signed_in(NAMER).await.get(LIST).await;
    let name = "Ada &#60;i&#62;Lovelace&#60;/i&#62;";
    assert!(seeing.text.contains(name), "{}", seeing.text);
    assert!(!seeing.text.contains("<code>per_"), "{}", seeing.text);
    let looking = house.signed_in(OPERATOR).await.get(LIST).await;
    assert!(!looking.text.contains("Lovelace"), "{}", looking.text);
}

pub(crate) const CARRIED: &str = "/sites/lumi/handoffs";

/// The marker on the page, and where its forms go.
fn marked(page: &Shown) -> (String, String) {
    let marker = page.text.split("<code>att_").nth(1).unwrap();
    let marker = format!("att_{}", &marker[..32]);
    let action = format!("{CARRIED}/{marker}");
    (marker, action)
}

#[tokio::test]
async fn a_site_tells_by_forms_what_becomes_of_a_carried_job_until_it_is_charged() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let job = handed_in(&mut engineer, "lumi").await;
    let mut admin = house.signed_in(ADMIN).await;
    let sites = admin.get("/sites").await;
    assert!(sites.text.contains(CARRIED), "{}", sites.text);
    let page = admin.get(CARRIED).await;
    assert!(page.text.contains("train-1"), "{}", page.text);
    assert!(
        page.text.contains("Nobody has fetched it yet."),
        "{}",
        page.text
    );
    assert!(!page.text.contains("Lovelace"), "{}", page.text);
    let (_, action) = marked(&page);
    assert!(
        !page.text.contains("value=\"started\""),
        "what is next is offered"
    );

    let now = "2026-11-20T12:00:00";
    let submitted = [("event", "submitted"), ("remote_id", "4711"), ("at", "")];
    let told = admin.submit(&page, &action, &submitted).await;
    assert_eq!(told.status, 303, "{}", told.text);
    let page = admin.follow(told).await;
    assert!(page.text.contains("4711"), "{}", page.text);
    let again = admin.submit(&page, &action, &submitted).await;
    assert_eq!(again.status, 303, "the same again is as it was");
    let other = [("event", "submitted"), ("remote_id", "4712"), ("at", "")];
    let refused = admin.submit(&page, &action, &other).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(
        refused.text.contains("contradicts what was told before"),
        "{}",
        refused.text
    );

    let started = [("event", "started"), ("at", now)];
    let told = admin.submit(&page, &action, &started).await;
    let page = admin.follow(told).await;
    let ended = |nodes: &'static str| {
        [
            ("event", "ended"),
            ("outcome", "completed"),
            ("exit_code", "0"),
            ("at", "2026-11-20T12:30:00"),
            ("ran_from", now),
            ("nodes", nodes),
            ("gpus", "8"),
            ("cpus", "56"),
        ]
    };
    let refused = admin.submit(&page, &action, &ended("many")).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("role=\"alert\""), "{}", refused.text);
    let told = admin.submit(&page, &action, &ended("1")).await;
    assert_eq!(told.status, 303, "{}", told.text);
    let running = page;
    let page = admin.follow(told).await;
    assert!(
        page.text.contains("Nothing is carried here."),
        "{}",
        page.text
    );
    let shown = engineer.get(job.url.path()).await;
    assert!(shown.text.contains("4711"), "{}", shown.text);
    let late = admin.submit(&running, &action, &ended("1")).await;
    assert_eq!(late.status, 303, "and so is the end");
}

#[tokio::test]
async fn a_carried_job_that_never_came_goes_back_and_others_see_no_such_page() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    handed_in(&mut engineer, "lumi").await;
    assert_eq!(engineer.get(CARRIED).await.status, 403);
    assert!(!engineer.get("/sites").await.text.contains(CARRIED));
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get(CARRIED).await;
    assert_eq!(page.status, 200);
    assert!(
        !page.text.contains("name=\"event\""),
        "may look and not tell"
    );
    let mut admin = house.signed_in(ADMIN).await;
    let page = admin.get(CARRIED).await;
    let (marker, action) = marked(&page);
    let silent = [("event", "declined"), ("reason", " ")];
    let refused = admin.submit(&page, &action, &silent).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let no = [("event", "declined"), ("reason", "it never came")];
    let told = admin.submit(&page, &action, &no).await;
    assert_eq!(told.status, 303, "{}", told.text);
    let page = admin.follow(told).await;
    assert!(!page.text.contains(&marker), "{}", page.text);
    let forged = admin.post(&action, &no).await;
    assert_eq!(forged.status, 403);
    admin.language = "fr";
    let page = admin.get(CARRIED).await;
    assert!(page.text.contains("Travaux portés à"), "{}", page.text);
}
