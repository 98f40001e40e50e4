//! What sites' people are asked, and what they say of jobs that are carried to them.

use serde_json::{Value, json};

use crate::ask::job;
use crate::world::{World, agent_of};

/// A job that goes to this site only, with a variant for what stands there.
fn at(site: &str) -> Value {
    let mut job = job();
    job["placement"] = json!({ "require": [site] });
    job["variants"]["x86_64+rocm"] =
        json!({ "script": "echo rocm", "image": "docker://x.example/y:1" });
    job
}

impl World {
    pub(crate) async fn handed_to(&self, token: &str, site: &str) -> String {
        let answer = self
            .post("/api/v1/jobs", &at(site))
            .token(token)
            .send()
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let job = answer.json();
        assert_eq!(job["state"], "held");
        assert_eq!(job["partition"]["site"], site);
        assert_eq!(job["waits_since"], crate::world::NOW);
        job["id"].as_str().unwrap().to_owned()
    }

    /// The token of an administrator of both sites, two jobs that wait for HLRS, and one that is
    /// carried to LUMI.
    pub(crate) async fn by_people(&self) -> (String, [String; 2], String) {
        let token = self.token("ada").await;
        let held = [
            self.handed_to(&token, "hammerhai").await,
            self.handed_to(&token, "hammerhai").await,
        ];
        let carried = self.handed_to(&token, "lumi").await;
        (self.token("hela").await, held, carried)
    }
}

#[tokio::test]
async fn a_sites_administrator_sees_what_waits_and_lets_it_in() {
    let world = World::start().await;
    let (admin, held, _) = world.by_people().await;
    let list = "/api/v1/sites/hammerhai/confirmations";
    let waiting = world.get(list).token(&admin).send().await.json();
    let [first, second] = &waiting["items"].as_array().unwrap()[..] else {
        panic!("{waiting}")
    };
    assert_eq!(
        (&first["job"], &second["job"]),
        (&json!(held[0]), &json!(held[1]))
    );
    assert_eq!(first["organisation_name"], "Start-up");
    assert_eq!(first["call_reference"], "EHPC-AIF-2026PG01-128");
    assert_eq!(first["image"], "docker://x.example/y:1");
    assert_eq!(first["expires_at"], "2026-11-27T12:00:00Z");
    assert!(!waiting.to_string().contains("people.example"), "{waiting}");
    let page = format!("{list}?cursor={}", held[0]);
    let rest = world.get(page).token(&admin).send().await.json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);

    let answer = format!("{list}/{}", held[0]);
    let yes = json!({ "decision": "confirm" });
    let placed = world.post(&answer, &yes).token(&admin).send().await;
    assert_eq!(placed.json()["state"], "placed");
    let again = world.post(&answer, &yes).token(&admin).send().await;
    again.problem(409, "not-waiting");
}

#[tokio::test]
async fn to_decline_takes_a_reason_which_the_user_reads() {
    let world = World::start().await;
    let (admin, held, _) = world.by_people().await;
    let answer = format!("/api/v1/sites/hammerhai/confirmations/{}", held[0]);
    let silent = json!({ "decision": "decline" });
    let refused = world.post(&answer, &silent).token(&admin).send().await;
    refused.problem(400, "invalid-job");
    let no = json!({ "decision": "decline", "reason": "not before December" });
    let back = world.post(&answer, &no).token(&admin).send().await;
    assert_eq!(back.json()["state"], "pending");
    let ada = world.token("ada").await;
    let said = format!("/api/v1/jobs/{}/confirmations", held[0]);
    let said = world.get(said).token(&ada).send().await.json();
    assert_eq!(said["items"][0]["verdict"], "declined");
    assert_eq!(said["items"][0]["reason"], "not before December");
}

#[tokio::test]
async fn others_are_refused_and_what_is_not_asked_is_not_there() {
    let world = World::start().await;
    let (admin, held, carried) = world.by_people().await;
    let list = "/api/v1/sites/hammerhai/confirmations";
    let yes = json!({ "decision": "confirm" });
    let answer = format!("{list}/{}", held[0]);
    for who in ["ada", "auditor"] {
        let token = world.token(who).await;
        world
            .get(list)
            .token(&token)
            .send()
            .await
            .problem(403, "forbidden");
        let refused = world.post(&answer, &yes).token(&token).send().await;
        refused.problem(403, "forbidden");
    }
    let operator = world.token("operator").await;
    let looked = world.get(list).token(&operator).send().await;
    assert_eq!(looked.status, 200);
    let refused = world.post(&answer, &yes).token(&operator).send().await;
    refused.problem(403, "forbidden");
    for path in [
        format!("{list}/{carried}"),
        format!("/api/v1/sites/lumi/confirmations/{}", held[0]),
        format!("{list}/none"),
        "/api/v1/sites/nowhere/confirmations/none".to_owned(),
    ] {
        let nothing = world.post(&path, &yes).token(&admin).send().await;
        nothing.problem(404, "not-found");
    }
}

#[tokio::test]
async fn an_agent_answers_for_a_person_of_its_own_site() {
    let world = World::start().await;
    let (_, held, _) = world.by_people().await;
    let ask = |site: &str| json!({ "agent": agent_of("hammerhai"), "site": site });
    let path = "/agent/v1/confirmations";
    let waiting = world
        .post(path, &ask("hammerhai"))
        .agent("hammerhai")
        .send()
        .await;
    assert_eq!(waiting.json()["waiting"][0]["job"], json!(held[0]));
    let foreign = world
        .post(path, &ask("lumi"))
        .agent("hammerhai")
        .send()
        .await;
    foreign.problem(403, "another-site");
    let says = |job: &str, user: &str| json!({ "agent": agent_of("hammerhai"), "site": "hammerhai", "job": job, "local_user": user });
    let path = "/agent/v1/confirmations/answer";
    let nobody = world
        .post(path, &says(&held[0], " "))
        .agent("hammerhai")
        .send()
        .await;
    nobody.problem(400, "invalid-request");
    let yes = world
        .post(path, &says(&held[0], "maia"))
        .agent("hammerhai")
        .send()
        .await;
    assert_eq!(yes.json()["state"], "placed");
    let again = world
        .post(path, &says(&held[0], "maia"))
        .agent("hammerhai")
        .send()
        .await;
    again.problem(409, "not-waiting");
    let mut no = says(&held[1], "maia");
    no["decline"] = json!("full");
    let back = world.post(path, &no).agent("hammerhai").send().await;
    assert_eq!(back.json()["state"], "pending");
}

#[tokio::test]
async fn a_carried_job_is_fetched_and_told_of_until_it_is_charged() {
    let world = World::start().await;
    let (admin, _, carried) = world.by_people().await;
    let ada = world.token("ada").await;
    let path = |what: &str| format!("/api/v1/jobs/{carried}/handoff/{what}");
    let script = world.get(path("script")).token(&ada).send().await;
    assert_eq!(script.status, 200);
    assert!(
        script
            .text()
            .starts_with("#!/bin/sh\n#SBATCH --job-name=att_")
    );
    let name = script.header("content-disposition").to_owned();
    assert!(name.starts_with("attachment; filename=\"att_"), "{name}");
    let again = world.get(path("script")).token(&admin).send().await;
    assert_eq!(again.text(), script.text());
    let names = path("lexis?project=sample&template=generic");
    let lexis = world.get(names).token(&ada).send().await;
    assert!(lexis.text().contains("project_shortname: \"sample\""));
    let bad = world
        .get(path("lexis?project=a%20b&template=x"))
        .token(&ada);
    bad.send().await.problem(400, "invalid-job");
    let missing = world.get(path("lexis")).token(&ada).send().await;
    missing.problem(400, "invalid-request");

    let claim = json!({ "remote_id": "4711" });
    let claimed = world.post(path("reports"), &claim).token(&ada).send().await;
    assert_eq!(claimed.json()["state"], "held");
    let tell = async |body: Value| {
        let to = format!("/api/v1/sites/lumi/handoffs/{carried}/reports");
        world.post(to, &body).token(&admin).send().await
    };
    let early = json!({ "event": "started", "started_at": crate::world::NOW });
    tell(early.clone()).await.problem(409, "not-waiting");
    tell(json!({ "event": "vanished" }))
        .await
        .problem(400, "invalid-body");
    for (body, state) in [
        (
            json!({ "event": "submitted", "remote_id": "4711", "submitted_at": crate::world::NOW }),
            "queued",
        ),
        (early, "running"),
        (
            json!({ "event": "ended", "ended_at": "2026-11-20T12:30:00Z",
            "outcome": { "kind": "completed", "exit_code": 0, "site_words": "COMPLETED" } }),
            "completed",
        ),
        (
            json!({ "event": "usage", "usage": { "started_at": crate::world::NOW,
            "ended_at": "2026-11-20T12:30:00Z", "nodes": 1, "scheduler_gpus": 8, "cpus": 56,
            "memory_gib": 480 } }),
            "completed",
        ),
    ] {
        let answer = tell(body).await;
        assert_eq!(answer.json()["state"], state, "{answer:?}");
    }
    let usage = format!("/api/v1/jobs/{carried}/usage");
    let usage = world.get(usage).token(&ada).send().await.json();
    assert_eq!(usage["items"].as_array().unwrap().len(), 1);
    let list = "/api/v1/sites/lumi/handoffs";
    let left = world.get(list).token(&admin).send().await.json();
    assert_eq!(left["items"], json!([]), "it is settled");
    let other = json!({ "event": "usage", "usage": null });
    let refused = tell(other).await;
    refused.problem(409, "not-waiting");
    assert!(
        refused.text().contains("were charged for it"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_agent_fetches_and_tells_for_a_person_of_its_own_site() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let carried = world.handed_to(&token, "lumi").await;
    let say = async |what: &str, more: Value| {
        let mut body = json!({ "agent": agent_of("lumi"), "site": "lumi" });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let path = format!("/agent/v1/handoffs{what}");
        world.post(path, &body).agent("lumi").send().await
    };
    let listed = say("", json!({})).await.json();
    assert_eq!(listed["carried"][0]["job"], json!(carried));
    assert!(
        !listed.to_string().contains("ada of the tests"),
        "by pseudonym: {listed}"
    );
    let marker = listed["carried"][0]["attempt"].as_str().unwrap();
    let by = |job: &str| json!({ "job": job, "local_user": "maia" });
    let script = say("/script", by(marker)).await.json();
    assert_eq!(script["file_name"], format!("{marker}.sh"));
    let again = say("/script", by(&carried)).await.json();
    assert_eq!(again, script);
    let mut told = by(marker);
    told["report"] =
        json!({ "event": "submitted", "remote_id": "4711", "submitted_at": crate::world::NOW });
    for _ in 0..2 {
        assert_eq!(say("/report", told.clone()).await.json()["state"], "queued");
    }
    told["report"]["remote_id"] = json!("4712");
    say("/report", told.clone())
        .await
        .problem(409, "not-waiting");
    told["local_user"] = json!("\u{7}");
    say("/report", told.clone())
        .await
        .problem(400, "invalid-request");
    let mut silent = by(marker);
    silent["report"] = json!({ "event": "usage" });
    say("/report", silent).await.problem(400, "invalid-body");
    told["local_user"] = json!("maia");
    told["site"] = json!("hammerhai");
    say("/report", told).await.problem(403, "another-site");
}

#[tokio::test]
async fn a_site_lists_what_is_carried_to_it() {
    let world = World::start().await;
    let (admin, _, carried) = world.by_people().await;
    let list = "/api/v1/sites/lumi/handoffs";
    let page = world.get(list).token(&admin).send().await.json();
    assert_eq!(page["items"][0]["job"], json!(carried));
    assert_eq!(page["items"][0]["fetched"], false);
    let ada = world.token("ada").await;
    world
        .get(list)
        .token(&ada)
        .send()
        .await
        .problem(403, "forbidden");
}
