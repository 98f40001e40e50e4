use broker_model::OutcomeKind;
use serde_json::json;

use crate::stage::{JOB, Stage};
use crate::world::project;

async fn signed_in() -> Stage {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    stage
}

/// Ids are new each time.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("[0-9a-f]{32}", "[id]");
    settings.add_filter("http://127.0.0.1:[0-9]+", "[issuer]");
    settings.add_filter("sha256:[0-9a-f]{64}", "[digest]");
    settings.add_filter(" +\n", "\n");
    settings
}

#[tokio::test]
async fn whoami_shows_person_projects_and_hours() {
    let stage = signed_in().await;
    let ran = stage.run("ada", &["whoami"]).await;
    settings().bind(|| insta::assert_snapshot!(ran.out, @r"
    ada of the tests (per_[id])
    signed in by [issuer] as ada
    identity assurance medium, several factors
    lead of prj_[id] by grant
    member of prj_[id] by grant
    member of prj_[id] by grant
    member of prj_[id] by grant
    member of prj_[id] by grant

    prj_[id]  Fine-tuning  (Start-up)
    ALLOCATION                            SCOPE       SHARE  REMAINING            HELD    USED    UNTIL
    alc_[id]  federation  union  5000.0000 GPU-hours  0.0000  0.0000  2027-11-01

    prj_[id]  Few hours  (Start-up)
    ALLOCATION                            SCOPE       SHARE  REMAINING         HELD    USED    UNTIL
    alc_[id]  federation  union  5.0000 GPU-hours  0.0000  0.0000  2027-11-01

    prj_[id]  Not granted yet  (Start-up)
    ALLOCATION  SCOPE  SHARE  REMAINING  HELD  USED  UNTIL

    prj_[id]  Last year's  (Start-up)
    ALLOCATION                            SCOPE       SHARE  REMAINING            HELD    USED    UNTIL
    alc_[id]  federation  union  5000.0000 GPU-hours  0.0000  0.0000  2026-11-01

    prj_[id]  From elsewhere  (Outside)
    ALLOCATION                            SCOPE       SHARE  REMAINING            HELD    USED    UNTIL
    alc_[id]  federation  union  5000.0000 GPU-hours  0.0000  0.0000  2027-11-01
    "));
    let json = stage.json("ada", &["whoami"]).await;
    assert_eq!(json["projects"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn check_says_yes_with_0_and_no_with_1_and_every_rule() {
    let stage = signed_in().await;
    let main = project("main").to_string();
    let ran = stage.run("ada", &["check", "--project", &main]).await;
    assert_eq!(ran.code, 0);
    assert!(ran.out.starts_with("Start-up: eligible\n"), "{}", ran.out);
    let outside = project("outside").to_string();
    let ran = stage.run("ada", &["check", "--project", &outside]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("[refused]") && ran.out.contains("remedy:"),
        "{}",
        ran.out
    );
    let json = stage.json("ada", &["check", "--project", &main]).await;
    assert_eq!(json["decision"]["result"], "eligible");
    let ran = stage.run("ada", &["check"]).await;
    assert_eq!(ran.code, 2);
    assert!(
        ran.error.contains("which project") && ran.error.contains(&main),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn quote_shows_each_partition_with_the_reason_and_stores_nothing() {
    let stage = signed_in().await;
    let file = stage.file("job.toml", JOB);
    let ran = stage.run("ada", &["quote", &file]).await;
    assert_eq!(ran.code, 0);
    let chosen: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.contains("chosen"))
        .collect();
    assert!(
        chosen.len() == 1 && chosen[0].starts_with("meluxina/"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("the job requires meluxina"));
    let json = stage.json("ada", &["quote", &file]).await;
    assert_eq!(json["placement"]["chosen"]["site"], "meluxina");
    assert_eq!(stage.json("ada", &["jobs"]).await["items"], json!([]));
}

#[tokio::test]
async fn a_job_no_site_can_run_is_shown_with_the_clauses_of_every_partition() {
    let stage = signed_in().await;
    let file = stage.file(
        "job.toml",
        &JOB.replace("gpus_per_node = 2", "gpus_per_node = 1000"),
    );
    assert_eq!(stage.run("ada", &["quote", &file]).await.code, 1);
    let ran = stage.run("ada", &["submit", &file]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("asks for 1000 GPUs"), "{}", ran.out);
    assert!(
        ran.error
            .contains("no partition of the federation can run this job"),
        "{}",
        ran.error
    );
    let ran = stage.run("ada", &["submit", &file, "--json"]).await;
    let problem: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (ran.code, &problem["code"]),
        (1, &json!("no-feasible-partition"))
    );
}

#[tokio::test]
async fn a_job_is_submitted_listed_shown_and_cancelled() {
    let stage = signed_in().await;
    let file = stage.file("job.toml", JOB);
    let ran = stage.run("ada", &["submit", &file]).await;
    settings().bind(|| insta::assert_snapshot!(ran.out, @"job_[id] goes to meluxina/meluxina/gpu"));
    let ran = stage.run("ada", &["jobs"]).await;
    settings().bind(|| {
        insta::assert_snapshot!(ran.out, @r"
    JOB                                   NAME   STATE   PARTITION              CREATED
    job_[id]  train  placed  meluxina/meluxina/gpu  2026-11-20 12:00:00Z
    ");
    });
    let id = stage.json("ada", &["jobs"]).await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let ran = stage.run("ada", &["show", &id]).await;
    let facts = ran.out.split("\n\n").next().unwrap();
    settings().bind(|| {
        insta::assert_snapshot!(facts, @r"
    job             job_[id] (train)
    state           placed
    project         prj_[id]
    rules found     dec_[id]
    partition       meluxina/meluxina/gpu
    ");
    });
    let json = stage.json("ada", &["show", &id]).await;
    assert_eq!(
        (&json["job"]["id"], &json["placement"]["chosen"]["site"]),
        (&json!(id), &json!("meluxina"))
    );
    let ran = stage.run("ada", &["cancel", &id]).await;
    settings().bind(|| insta::assert_snapshot!(ran.out, @"job_[id] is cancelled"));
    let ran = stage.run("ada", &["cancel", &id]).await;
    assert_eq!(
        (ran.code, ran.error.as_str()),
        (1, "the job is cancelled already")
    );
}

#[tokio::test]
async fn a_running_job_is_cancelled_by_its_site() {
    let stage = signed_in().await;
    let id = stage.submitted("ada").await;
    stage.started().await;
    let ran = stage.run("ada", &["cancel", &id]).await;
    settings().bind(|| insta::assert_snapshot!(ran.out, @"job_[id] will be cancelled once its site has confirmed"));
    let json = stage.json("ada", &["cancel", &id]).await;
    assert_eq!(json["state"], "running");
}

#[tokio::test]
async fn jobs_are_paged_and_filtered() {
    let stage = signed_in().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stage.submitted("ada").await);
        stage.world.advance(1);
    }
    let ran = stage.run("ada", &["jobs", "--limit", "2"]).await;
    assert!(ran.out.contains(&ids[2]) && ran.out.contains(&ids[1]) && !ran.out.contains(&ids[0]));
    let cursor = ran.out.lines().last().unwrap().rsplit(' ').next().unwrap();
    assert!(ran.out.contains("There are more: add --cursor "));
    let ran = stage
        .run("ada", &["jobs", "--limit", "2", "--cursor", cursor])
        .await;
    assert!(ran.out.contains(&ids[0]) && !ran.out.contains("more"));
    let none = stage
        .json("ada", &["jobs", "--state", "running,queued"])
        .await;
    assert_eq!(none, json!({ "items": [] }));
    let ran = stage.run("ada", &["jobs", "--state", "sleeping"]).await;
    assert_eq!(ran.code, 2, "wrong use, though the broker says so");
    assert!(
        ran.error.contains("allowed: pending, held"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn sites_are_shown_with_their_partitions() {
    let stage = signed_in().await;
    let ran = stage.run("ada", &["sites", "meluxina"]).await;
    settings().bind(|| {
        insta::assert_snapshot!(ran.out, @r"
    SITE      STATE  PARTITION          TARGET         GPUS A NODE  NODES FREE  QUEUED
    meluxina  ready  meluxina/gpu       x86_64+cuda    4            200 of 200  0
    meluxina  ready  meluxina/cpu       x86_64         0            573 of 573  0
    meluxina  ready  meluxina/fpga      x86_64         0            20 of 20    0
    meluxina  ready  meluxina/largemem  x86_64         0            20 of 20    0
    meluxina  ready  meluxina-ai/gb200  aarch64+cuda?  4?           252 of 252  0
    meluxina: heard at 2026-11-20T12:00:00Z; that counts until 2026-11-20T12:02:00Z
    meluxina: meluxina-q (qpu) hangs on meluxina
    meluxina: uncertain: languages, antennas, contact.status_page, factory.programmes, factory.identity
    meluxina: uncertain of meluxina: storage.area[scratch].total_tb, storage.area[project].total_tb, storage.area[ceph].total_tb, storage.area[backup].name, storage.area[archive].name
    meluxina: uncertain of meluxina/gpu: cpus_per_node, memory_gib_per_node, exclusive, billing.unit, billing.terms
    meluxina: uncertain of meluxina/cpu: cpus_per_node, exclusive, billing.unit, billing.terms
    meluxina: uncertain of meluxina/fpga: exclusive, billing.unit, billing.terms
    meluxina: uncertain of meluxina/largemem: exclusive, billing.unit, billing.terms
    meluxina: uncertain of meluxina-ai: status, location, funding.budget_eur
    meluxina: uncertain of meluxina-ai/gb200: nodes, gpus_per_node, gpu_model, container_target
    meluxina: uncertain of meluxina-q: status
    `?` and `uncertain` stand by what was not read with certainty; ask the site itself before you count on it
    ");
    });
    let json = stage.json("ada", &["sites"]).await;
    assert_eq!(json.as_array().unwrap().len(), 7);
    let mimer = json.as_array().unwrap().iter();
    let mimer = mimer.map(|it| &it["site"]).find(|it| it["id"] == "mimer");
    let gpu = &mimer.unwrap()["system"][0]["partition"][0];
    assert_eq!(gpu["uncertain"], json!(["nodes", "gpu_memory_gib"]));
    let all = stage.run("ada", &["sites"]).await.out;
    assert!(all.contains("leonardo/dcgp_usr_prod?  x86_64? "), "{all}");
    assert!(
        all.contains("leonardo/boost_usr_prod  x86_64+cuda  "),
        "{all}"
    );
    let words = "`?` and `uncertain` stand by what was not read with certainty; ask the site itself \
                 before you count on it\n";
    assert!(all.ends_with(words), "{all}");
    assert_eq!(all.matches("uncertain").count(), 1, "{all}");
    let french = ["--language", "fr", "sites", "meluxina"];
    let french = stage.run("ada", &french).await.out;
    for text in [
        "meluxina : incertain : languages, antennas, contact.status_page",
        "meluxina : incertain pour meluxina/gpu : cpus_per_node, memory_gib_per_node, exclusive",
        "demandez au site lui-même avant d'y compter\n",
    ] {
        assert!(french.contains(text), "{text}: {french}");
    }
    stage.world.advance(600);
    stage.sign_in("ada").await;
    let ran = stage.run("ada", &["sites", "lumi"]).await;
    assert!(
        ran.out
            .contains("lumi: its agent was last heard at 2026-11-20T12:00:00Z"),
        "{}",
        ran.out
    );
    let ran = stage.run("ada", &["sites", "atlantis"]).await;
    let words = "there is no such site: atlantis\n  remedy: `alcyone sites` (`GET /api/v1/sites`) lists them";
    assert_eq!((ran.code, ran.error.as_str()), (1, words));
}

#[tokio::test]
async fn usage_lists_records_and_adds_them_up() {
    let stage = signed_in().await;
    for _ in 0..2 {
        stage.submitted("ada").await;
        stage.ran().await;
    }
    let ran = stage.run("ada", &["usage", "--month", "2026-11"]).await;
    settings().bind(|| insta::assert_snapshot!(ran.out, @r"
    MONTH    JOB                                   PARTITION              SHARE  MODE            SITE UNITS         GPU-HOURS  CHARGED
    2026-11  job_[id]  meluxina/meluxina/gpu  union  aif_playground  0.5000 node-hours  2.0000     2.0000
    2026-11  job_[id]  meluxina/meluxina/gpu  union  aif_playground  0.5000 node-hours  2.0000     2.0000
    total of 2 records: 4.0000 physical GPU-hours; in units of the sites: 1.0000 node-hours
    "));
    let json = stage.json("ada", &["usage"]).await;
    assert_eq!(json.as_array().unwrap().len(), 2);
    assert_eq!(
        stage.json("ada", &["usage", "--month", "2026-10"]).await,
        json!([])
    );
    let empty = stage.run("ada", &["usage", "--month", "2026-10"]).await;
    assert!(
        empty.out.ends_with("units of the sites: none\n"),
        "{}",
        empty.out
    );
}

#[tokio::test]
async fn logs_print_what_the_job_wrote_byte_for_byte() {
    let stage = signed_in().await;
    let id = stage.submitted("ada").await;
    let attempt = stage.started().await;
    stage.wrote(attempt, 0, b"one\ntw").await;
    let ran = stage.run("ada", &["logs", &id]).await;
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "one\ntw"),
        "what is stored now"
    );
    stage.wrote(attempt, 6, b"o\n").await;
    stage.ended(attempt, OutcomeKind::Completed).await;
    let ran = stage.run("ada", &["logs", "-f", &id]).await;
    assert_eq!(ran.out, "one\ntwo\n");
    let json = stage.run("ada", &["logs", &id, "--json"]).await;
    let pieces: Vec<serde_json::Value> = json
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(pieces[0]["text"], "one\ntwo\n");
    assert_eq!(stage.run("ada", &["logs", &id, "--stderr"]).await.out, "");
    let other = id.replace('0', "1");
    let ran = stage.run("ada", &["logs", &other]).await;
    let words = format!("there is no such job: {other}\n  remedy: `alcyone jobs` ");
    assert_eq!(ran.code, 1);
    assert!(ran.error.starts_with(&words), "{}", ran.error);
}

#[tokio::test]
async fn submit_and_wait_shows_the_log_and_ends_as_the_job_does() {
    let stage = signed_in().await;
    for (kind, code, state) in [
        (OutcomeKind::Completed, 0, "completed"),
        (OutcomeKind::Failed, 1, "failed"),
    ] {
        let file = stage.file("job.toml", JOB);
        let words = ["submit", &*file, "--wait"];
        let site = async {
            let attempt = stage.started().await;
            stage.wrote(attempt, 0, b"hello\n").await;
            stage.ended(attempt, kind).await;
        };
        let (ran, ()) = tokio::join!(stage.run("ada", &words), site);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(
            ran.out.contains("goes to meluxina/") && ran.out.contains("\nhello\n"),
            "{}",
            ran.out
        );
        assert!(ran.out.trim_end().ends_with(state), "{}", ran.out);
    }
    let file = stage.file("job.toml", JOB);
    let words = ["submit", &*file, "--wait"];
    let (job, ()) = tokio::join!(stage.json("ada", &words), stage.ran());
    assert_eq!(job["state"], "completed");
}
