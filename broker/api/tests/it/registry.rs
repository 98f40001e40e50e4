//! Site administrators over HTTP, and sites of new kinds that are added by data alone.

use broker_model::{Site, SiteReadiness};
use serde_json::{Value, json};

use crate::ask::{Answer, job};
use crate::world::World;

/// A site's document of one system and partition, for containers with CUDA.
pub(crate) fn new_site(id: &str) -> Value {
    json!({
        "id": id, "name": "A new factory", "hosting_entity": "A host", "city": "Turku",
        "country": "FI", "automation": "allowed",
        "source": { "checked_on": "2026-11-20", "from": ["made for a test"] },
        "system": [{ "id": "m", "status": "operational", "partition": [partition("p", "x86_64+cuda")] }],
    })
}

fn partition(id: &str, target: &str) -> Value {
    json!({
        "id": id, "nodes": 10, "gpus_per_node": 4, "container_target": target,
        "billing": { "unit": "GPU-hour", "terms": [{ "of": "scheduler_gpus", "milliunits": 1000 }] },
    })
}

/// One more field of a document, or another value of it.
fn with(mut document: Value, at: &str, value: Value) -> Value {
    let (parent, name) = at.rsplit_once('/').unwrap();
    let parent = document
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    parent.insert(name.to_owned(), value);
    document
}

impl World {
    async fn file(&self, token: &str, document: &Value, tag: Option<&str>) -> Answer {
        let path = format!(
            "/api/v1/sites/{}/document",
            document["id"].as_str().unwrap()
        );
        let ask = self.send_json("PUT", path, document).token(token);
        match tag {
            Some(tag) => ask.header("if-match", tag).send().await,
            None => ask.send().await,
        }
    }

    /// Registers a site, lets its agent tell that all is free, and hands in a job that goes there only.
    async fn job_at(&self, document: &Value, edit: impl FnOnce(&mut Value)) -> Value {
        let operator = self.token("operator").await;
        let filed = self.file(&operator, document, None).await;
        assert_eq!(filed.status, 201, "{}", filed.text());
        self.hear_sites().await;
        let target = document["system"]
            .as_array()
            .and_then(|it| it.last()?["partition"][0]["container_target"].as_str())
            .unwrap_or("x86_64+cuda")
            .to_owned();
        let mut body = job();
        body["placement"] = json!({ "require": [document["id"]] });
        body["variants"] = json!({ target: { "script": "python train.py" } });
        edit(&mut body);
        let ada = self.token("ada").await;
        self.post("/api/v1/jobs", &body)
            .token(&ada)
            .send()
            .await
            .json()
    }
}

#[tokio::test]
async fn a_document_is_registered_changed_by_its_tag_and_read_back() {
    let world = World::start().await;
    let (operator, lena) = (world.token("operator").await, world.token("lena").await);
    let document = new_site("turku");
    world
        .file(&lena, &document, None)
        .await
        .problem(403, "forbidden");
    let filed = world.file(&operator, &document, None).await;
    assert_eq!(
        (filed.status.as_u16(), &filed.json()["filed"]),
        (201, &json!("new"))
    );
    let again = world.file(&operator, &document, None).await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["filed"]),
        (200, &json!("unchanged"))
    );

    let path = "/api/v1/sites/turku/document";
    let read = world.get(path).token(&lena).send().await;
    let tag = read.header("etag").to_owned();
    let site: Site = serde_json::from_value(read.json()).unwrap();
    assert_eq!(
        site,
        serde_json::from_value::<Site>(document.clone()).unwrap()
    );
    let changed = with(document, "/city", json!("Oulu"));
    world
        .file(&operator, &changed, None)
        .await
        .problem(428, "document-not-named");
    let dry = { world.send_json("PUT", format!("{path}?dry_run=true"), &changed) }
        .token(&operator)
        .header("if-match", &tag)
        .send()
        .await;
    let difference = json!([{ "field": "city", "from": "Turku", "to": "Oulu" }]);
    assert_eq!(
        (&dry.json()["differences"], &dry.json()["dry_run"]),
        (&difference, &json!(true))
    );
    assert_eq!(
        world.file(&operator, &changed, Some(&tag)).await.status,
        200
    );
    let late = with(changed, "/city", json!("Espoo"));
    world
        .file(&operator, &late, Some(&tag))
        .await
        .problem(412, "document-changed");
    world
        .file(&operator, &late, Some("7"))
        .await
        .problem(400, "invalid-request");
}

#[tokio::test]
async fn what_a_site_is_unsure_of_is_registered_and_changed_and_wrong_names_are_refused() {
    let world = World::start().await;
    let operator = world.token("operator").await;
    let at = "/system/0/partition/0/uncertain";
    let document = with(new_site("turku"), at, json!(["container_target"]));
    let filed = world.file(&operator, &document, None).await;
    assert_eq!(filed.status.as_u16(), 201);
    let path = "/api/v1/sites/turku/document";
    let read = world.get(path).token(&operator).send().await;
    assert_eq!(read.json().pointer(at), document.pointer(at));
    let shown = world.get("/api/v1/sites/turku").token(&operator);
    let shown = shown.send().await.json();
    assert_eq!(shown["site"].pointer(at), document.pointer(at));

    let tag = read.header("etag").to_owned();
    let surer = with(document.clone(), at, json!([]));
    let changed = world.file(&operator, &surer, Some(&tag)).await.json();
    let field = &changed["differences"][0]["field"];
    let place = format!(
        "system[{}].partition",
        document["system"][0]["id"].as_str().unwrap()
    );
    let field = field.as_str().unwrap();
    assert!(
        field.starts_with(&place) && field.ends_with("].uncertain"),
        "{field}"
    );
    let read = world.get(path).token(&operator).send().await.json();
    assert_eq!(read.pointer(at), None);

    let wrong = with(surer, at, json!(["colour", "billing", "id", "id"]));
    let problem = world
        .file(&operator, &wrong, None)
        .await
        .problem(400, "invalid-site");
    let fields: Vec<&str> = { problem["errors"].as_array().unwrap().iter() }
        .map(|it| it["field"].as_str().unwrap())
        .collect();
    let at = |place: u32| format!("system[0].partition[0].uncertain[{place}]");
    assert_eq!(fields, [at(0), at(1), at(3)]);
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_said_by_field() {
    let world = World::start().await;
    let operator = world.token("operator").await;
    let wrong = with(new_site("turku"), "/country", json!("Suomi"));
    let wrong = with(wrong, "/system/0/integrated_in", json!("nowhere"));
    let problem = world
        .file(&operator, &wrong, None)
        .await
        .problem(400, "invalid-site");
    let fields: Vec<&str> = { problem["errors"].as_array().unwrap().iter() }
        .map(|it| it["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["country", "system[0].integrated_in"]);
    let unknown = with(new_site("turku"), "/system/0/nodez", json!(1));
    let problem = world
        .file(&operator, &unknown, None)
        .await
        .problem(400, "invalid-body");
    assert_eq!(problem["errors"][0]["field"], "system[0].nodez");
    let other = { world.send_json("PUT", "/api/v1/sites/oulu/document", &new_site("turku")) }
        .token(&operator);
    other.send().await.problem(400, "invalid-request");
}

#[tokio::test]
async fn a_partition_with_jobs_stays() {
    let world = World::start().await;
    let document = new_site("turku");
    let job = world.job_at(&document, |_| {}).await;
    assert_eq!(job["state"], "placed", "{job}");
    let operator = world.token("operator").await;
    let read = world
        .get("/api/v1/sites/turku/document")
        .token(&operator)
        .send()
        .await;
    let tag = read.header("etag").to_owned();
    let without = with(document, "/system/0/partition", json!([]));
    let refused = world.file(&operator, &without, Some(&tag)).await;
    let problem = refused.problem(409, "live-jobs");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains(job["id"].as_str().unwrap())
    );
}

#[tokio::test]
async fn what_jobs_refer_to_is_not_taken_back_and_others_may_not_try() {
    let world = World::start().await;
    let ada = world.token("ada").await;
    let job = world.submitted(&ada).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let operator = world.token("operator").await;
    let delete = async |path: &str, token: &str| {
        let ask = world.send_json("DELETE", format!("/api/v1/sites/{path}"), &json!({}));
        ask.token(token).send().await
    };
    let refused = delete("meluxina", &operator).await;
    refused.problem(409, "in-use");
    assert!(refused.text().contains(&job), "{refused:?}");
    let with_an_agent = delete("hammerhai", &operator).await;
    with_an_agent.problem(409, "in-use");
    assert!(
        with_an_agent.text().contains("revoked first"),
        "{with_an_agent:?}"
    );
    delete("bsc", &ada).await.problem(403, "forbidden");
    let item = "controls/drn_0192f0c1d2e37abc8def0123456789ab";
    delete(&format!("bsc/{item}"), &ada)
        .await
        .problem(403, "forbidden");
    delete(&format!("bsc/{item}"), &operator)
        .await
        .problem(404, "not-found");
    delete(
        "bsc/controls/job_0192f0c1d2e37abc8def0123456789ab",
        &operator,
    )
    .await
    .problem(404, "not-found");
    delete("nowhere", &operator).await.problem(404, "not-found");
    assert_eq!(
        delete("bsc", &operator).await.json(),
        json!({ "removed": "bsc" })
    );
    delete("bsc", &operator).await.problem(404, "not-found");
}

#[tokio::test]
async fn users_see_what_is_told_and_only_administrators_what_is_set_and_runs() {
    let world = World::start().await;
    let (lena, ada) = (world.token("lena").await, world.token("ada").await);
    let drain = json!({ "reason": "a new file system", "scope": { "system": "lumi" } });
    let post = |what: &str, body: &Value| world.post(format!("/api/v1/sites/lumi/{what}"), body);
    post("drains", &drain)
        .token(&ada)
        .send()
        .await
        .problem(403, "forbidden");
    let drained = post("drains", &drain).token(&lena).send().await;
    assert_eq!(drained.status, 201);
    let incident = json!({ "kind": "maintenance", "severity": "outage", "title": "Cooling",
        "words": "Pumps are exchanged.", "from": "2026-12-01T08:00:00Z", "to": "2026-12-01T16:00:00Z" });
    let opened = post("incidents", &incident)
        .token(&lena)
        .send()
        .await
        .json();
    let news = json!({ "words": "It takes longer.", "to": "2026-12-02T16:00:00Z" });
    let id = opened["id"].as_str().unwrap();
    post(&format!("incidents/{id}/updates"), &news)
        .token(&lena)
        .send()
        .await;
    let site = world
        .get("/api/v1/sites/lumi")
        .token(&ada)
        .send()
        .await
        .json();
    assert_eq!(site["drains"][0]["reason"], "a new file system");
    assert_eq!(site["incidents"][0]["to"], "2026-12-02T16:00:00Z");
    let told = world
        .get("/api/v1/sites/lumi/incidents")
        .token(&ada)
        .send()
        .await
        .json();
    assert_eq!(told["items"][0]["updates"][0]["words"], "It takes longer.");
    for what in ["controls", "jobs"] {
        let path = format!("/api/v1/sites/lumi/{what}");
        world
            .get(path.clone())
            .token(&ada)
            .send()
            .await
            .problem(404, "not-found");
        assert_eq!(world.get(path).token(&lena).send().await.status, 200);
    }
    let elsewhere = world.get("/api/v1/sites/bsc/jobs").token(&lena);
    elsewhere.send().await.problem(404, "not-found");
    let unknown = json!({ "reason": "x", "scope": { "system": "nowhere" } });
    let wrong = post("drains", &unknown).token(&lena).send().await;
    let wrong = wrong.problem(400, "invalid-site");
    assert_eq!(wrong["errors"][0]["field"], "scope.system");
}

#[tokio::test]
async fn a_gigafactory_with_a_hundred_thousand_accelerators_is_added_by_data_alone() {
    let world = World::start().await;
    let giga = with(
        new_site("giga"),
        "/system/0/partition/0/nodes",
        json!(25_000),
    );
    let job = world
        .job_at(&giga, |job| {
            job["resources"] = json!({ "nodes": 25_000, "gpus_per_node": 4, "walltime": "1m" });
        })
        .await;
    assert_eq!(job["state"], "placed", "{job}");
    // 100 000 accelerators for a minute.
    assert_eq!(job["held_unit_ms"], json!(100_000_i64 * 60_000));
}

#[tokio::test]
async fn an_antenna_without_compute_is_listed_and_never_placed_at() {
    let world = World::start().await;
    let antenna = with(new_site("antenna"), "/system", json!([]));
    let refused = world.job_at(&antenna, |_| {}).await;
    assert_eq!(refused["code"], "no-feasible-partition");
    let considered = refused["placement"]["considered"].as_array().unwrap();
    assert!(
        considered
            .iter()
            .all(|it| it["partition"]["site"] != "antenna")
    );
    let ada = world.token("ada").await;
    let sites = world.get("/api/v1/sites").token(&ada).send().await.json();
    let listed = { sites["items"].as_array().unwrap().iter() }
        .find(|it| it["site"]["id"] == "antenna")
        .unwrap()
        .clone();
    assert_eq!(listed["readiness"], json!(SiteReadiness::Ready));
}

#[tokio::test]
async fn a_quantum_partition_hangs_on_its_host_and_takes_jobs_for_its_target() {
    let world = World::start().await;
    let mut quantum = new_site("quantum");
    let mut qpu = partition("q", "x86_64+qpu");
    qpu["nodes"] = json!(1);
    qpu["gpus_per_node"] = json!(0);
    qpu["other_accelerators"] = json!("1x superconducting processor of 54 qubits");
    qpu["accelerator_kind"] = json!("qpu");
    qpu["cpus_per_node"] = json!(16);
    qpu["billing"] =
        json!({ "unit": "QPU-hour", "terms": [{ "of": "nodes", "milliunits": 1000 }] });
    quantum["system"].as_array_mut().unwrap().push(json!({
        "id": "qm", "status": "operational", "class": "quantum", "accelerator_kind": "qpu",
        "integrated_in": "m", "partition": [qpu],
    }));
    let setup = format!(
        r#"
        [organisations.startup]
        name = "Start-up"
        country = "FR"
        size = "small"
        [projects.main]
        organisation = "startup"
        name = "Fine-tuning"
        call_reference = "EHPC-AIF-2026PG01-128"
        civilian = true
        members = [{{ issuer = "{issuer}", subject = "ada", lead = true }}]
        [projects.main.allocations.quantum]
        site = "quantum"
        system = "qm"
        share = "union"
        unit = "QPU-hour"
        hours = 10
        valid_from = "2026-11-01T00:00:00Z"
        valid_until = "2027-11-01T00:00:00Z"
        "#,
        issuer = world.issuer.issuer()
    );
    world
        .broker
        .import(&toml::from_str(&setup).unwrap())
        .await
        .unwrap();
    let job = world
        .job_at(&quantum, |job| {
            job["resources"] = json!({ "nodes": 1, "gpus_per_node": 0, "walltime": "1h" });
        })
        .await;
    assert_eq!(
        job["partition"],
        json!({ "site": "quantum", "system": "qm", "partition": "q" }),
        "{job}"
    );

    // Without its host it takes nothing, and whoever asks is told which host.
    let operator = world.token("operator").await;
    let drain = json!({ "reason": "new cooling", "scope": { "system": "m" } });
    let drained = world.post("/api/v1/sites/quantum/drains", &drain);
    assert_eq!(drained.token(&operator).send().await.status, 201);
    let mut body = crate::ask::job();
    body["placement"] = json!({ "require": ["quantum"] });
    body["variants"] = json!({ "x86_64+qpu": { "script": "python train.py" } });
    body["resources"] = json!({ "nodes": 1, "gpus_per_node": 0, "walltime": "1h" });
    let ada = world.token("ada").await;
    let waits = world.post("/api/v1/jobs", &body).token(&ada).send().await;
    assert_eq!(waits.json()["state"], "pending", "{}", waits.text());
    let quote = world.post("/api/v1/jobs/quote", &body).token(&ada);
    let quote = quote.send().await.text().to_owned();
    let words = "m is drained, no end is announced, and qm hangs on m: new cooling";
    assert!(quote.contains(words), "{quote}");
}

#[tokio::test]
async fn an_experimental_platform_shows_its_terms_until_a_job_takes_them_on() {
    let world = World::start().await;
    let rules = json!({ "experimental": true, "terms_url": "https://lab.example/terms" });
    let lab = with(new_site("lab"), "/system/0/partition/0/rules", rules);
    let refused = world.job_at(&lab, |_| {}).await;
    let words = refused["placement"]["considered"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["partition"]["site"] == "lab")
        .unwrap()["rejections"][0]["words"]
        .clone();
    assert!(
        words
            .as_str()
            .unwrap()
            .contains("https://lab.example/terms"),
        "{words}"
    );
    let mut body = job();
    body["placement"] = json!({ "require": ["lab"], "experimental": true });
    body["variants"] = json!({ "x86_64+cuda": { "script": "python train.py" } });
    let ada = world.token("ada").await;
    let taken = world
        .post("/api/v1/jobs", &body)
        .token(&ada)
        .send()
        .await
        .json();
    assert_eq!(taken["state"], "placed", "{taken}");
    let placement = format!("/api/v1/jobs/{}/placement", taken["id"].as_str().unwrap());
    let placement = world.get(placement).token(&ada).send().await.json();
    let chosen = placement.pointer("/considered/0/candidate/terms_url");
    let chosen =
        chosen.or_else(|| placement.pointer("/placement/considered/0/candidate/terms_url"));
    assert_eq!(
        chosen,
        Some(&json!("https://lab.example/terms")),
        "{placement}"
    );
}
