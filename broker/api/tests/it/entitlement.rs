//! Organisations, evidence and applications over HTTP.

use std::collections::BTreeSet;

use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::ask::Answer;
use crate::world::World;

/// What an organisation and its reviewers do, whose order matters: walked through here.
pub(crate) fn is_of_it(path: &str) -> bool {
    let begins = ["/api/v1/organisations", "/api/v1/applications"];
    begins.iter().any(|begin| path.starts_with(begin))
        && !crate::contact::is_of_it(path)
        && !crate::members::is_of_it(path)
}

pub(crate) fn organisation() -> Value {
    json!({
        "name": "Pleione Labs", "country": "FR", "kind": "company", "startup": true, "size": "small",
        "identifiers": { "vat": "FR40303265045" },
    })
}

fn evidence() -> Value {
    json!({ "kind": "ai_act_self_assessment", "issued_on": "2026-10-01", "source": "form 12" })
}

fn screening() -> Value {
    json!({ "kind": "sanctions_screening", "list": "EU consolidated list", "outcome": "clear",
        "screened_on": "2026-11-20", "words": "looked up and signed" })
}

fn application(organisation: &str) -> Value {
    json!({
        "organisation": organisation, "mode": "aif_playground", "system": "meluxina/meluxina",
        "project": { "name": "Folding", "purpose": "Structures of proteins.", "civilian": true,
            "sectors": ["health"] },
        "need": { "gpu_hours": 5000, "months": 3 },
        "answers": { "data_and_licence_statement": "Open data.", "civilian_and_ai_act_plan": "Page 3." },
    })
}

fn acceptance() -> Value {
    json!({
        "verdict": "accept", "reasons": "A sound plan.",
        "grant": { "hours": 1250, "valid_from": "2026-11-23", "valid_to": "2027-02-22",
            "call_reference": "EHPC-AIF-2026PG01-1147", "local_accounts": { "meluxina": "p200981" } },
    })
}

impl World {
    pub(crate) async fn by(
        &self,
        who: &str,
        method: &'static str,
        path: &str,
        body: &Value,
    ) -> Answer {
        let token = self.token(who).await;
        let ask = match method {
            "GET" => self.get(path),
            _ => self.send_json(method, path, body),
        };
        ask.token(&token).send().await
    }

    pub(crate) async fn made(&self, who: &str, path: &str, body: &Value) -> Value {
        let answer = self.by(who, "POST", path, body).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        answer.json()
    }

    /// The address of the organisation that `sue` registers.
    async fn registered(&self) -> String {
        let made = self
            .made("sue", "/api/v1/organisations", &organisation())
            .await;
        format!("/api/v1/organisations/{}", id(&made))
    }

    /// The same, whose application `rita` has accepted: hours until 22 February 2027.
    pub(crate) async fn granted(&self) -> String {
        let path = self.registered().await;
        self.checked(&path).await;
        let draft = application(id_in(&path));
        let applied = self.made("sue", "/api/v1/applications", &draft).await;
        let ruling = format!("/api/v1/applications/{}/decisions", id(&applied));
        self.made("rita", &ruling, &acceptance()).await;
        path
    }

    async fn checked(&self, organisation: &str) {
        let evidence = self
            .made("sue", &format!("{organisation}/evidence"), &evidence())
            .await;
        let path = format!("{organisation}/evidence/{}/check", id(&evidence));
        let good = json!({ "accepted": true, "words": "whole and signed" });
        assert_eq!(self.by("rita", "POST", &path, &good).await.status, 200);
    }
}

fn id(made: &Value) -> &str {
    made["id"].as_str().unwrap()
}

fn id_in(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// Who does what, and how many entries it leaves, in an order in which each can be done.
fn steps() -> Vec<(&'static str, &'static str, &'static str, Value, u64)> {
    let good = json!({ "accepted": true, "words": "whole and signed",
        "files": ["b43c71094c98a4beabff20cd79897aa87010d2b367fb7a461f122af142cd8520"] });
    let reject = json!({ "verdict": "reject", "reasons": "No checkpoints." });
    let mut renamed = organisation();
    renamed["name"] = json!("Pleione");
    let apply = || ("sue", "POST", "/applications", json!("apply"), 2);
    let evidence = || ("sue", "POST", "/organisations/{id}/evidence", evidence(), 1);
    let of_evidence = "/organisations/{id}/evidence/{item}";
    let below = |who, what: &str, body, entries| {
        let path: &'static str = format!("{of_evidence}/{what}").leak();
        (who, "POST", path, body, entries)
    };
    vec![
        ("sue", "POST", "/organisations", organisation(), 2),
        ("sue", "PUT", "/organisations/{id}", renamed, 1),
        evidence(),
        below("sue", "withdraw", json!({}), 1),
        evidence(),
        below("sue", "files", Value::Null, 1),
        below("rita", "check", good, 1),
        (
            "rita",
            "POST",
            "/organisations/{id}/screenings",
            screening(),
            2,
        ),
        apply(),
        ("sue", "POST", "/applications/{id}/withdraw", json!({}), 1),
        apply(),
        ("rita", "POST", "/applications/{id}/decisions", reject, 2),
        apply(),
        (
            "rita",
            "POST",
            "/applications/{id}/decisions",
            acceptance(),
            9,
        ),
    ]
}

impl World {
    async fn step(&self, who: &str, (method, path): (&'static str, &str), body: &Value) -> Answer {
        let token = self.token(who).await;
        let ask = if path.ends_with("/files") {
            self.ask("POST", format!("{path}?name=plan.pdf"))
                .header("content-type", "application/pdf")
                .body("%PDF-1.7 plan")
        } else {
            self.send_json(method, path, body)
        };
        let ask = match method {
            "PUT" => {
                let read = self.by(who, "GET", path, &Value::Null).await;
                ask.header("if-match", read.header("etag"))
            }
            _ => ask,
        };
        ask.token(&token).send().await
    }

    /// The entries after a position: so many, each in somebody's pseudonym, and without what was written.
    async fn entries_after(&self, before: u64, expected: u64, what: &str) {
        let entries = self.store.entries(before, 10).await.unwrap();
        assert_eq!(entries.len() as u64, expected, "{what}");
        for entry in entries {
            assert!(entry.text.contains("\"actor\":\"per_"), "{}", entry.text);
            for word in ["Pleione", "Folding", "signed", "plan.pdf", "FR4030"] {
                assert!(!entry.text.contains(word), "{}", entry.text);
            }
        }
    }
}

#[tokio::test]
async fn each_step_from_an_organisation_to_a_decision_is_an_entry_in_pseudonyms() {
    let world = World::start().await;
    for who in ["sue", "rita"] {
        world.by(who, "GET", "/api/v1/whoami", &Value::Null).await;
    }
    let mut left: BTreeSet<(&str, String)> = broker_api::operations()
        .into_iter()
        .filter(|(method, path)| *method != "GET" && is_of_it(path))
        .collect();
    let (mut of, mut item) = (String::new(), String::new());
    for (who, method, template, body, entries) in steps() {
        let is_of_organisation = template.starts_with("/organisations");
        let parent = if is_of_organisation { &of } else { &item };
        let path = template.replace("{id}", parent).replace("{item}", &item);
        let body = match body {
            Value::String(_) => application(&of),
            body => body,
        };
        let before = world.store.ledger_size().await.unwrap();
        let answer = world
            .step(who, (method, &format!("/api/v1{path}")), &body)
            .await;
        assert!(answer.status.is_success(), "{template}: {}", answer.text());
        world.entries_after(before, entries, template).await;
        let made = answer.json();
        if template == "/organisations" {
            id(&made).clone_into(&mut of);
        } else if template != "/organisations/{id}" {
            id(&made).clone_into(&mut item);
        }
        left.remove(&(method, format!("/api/v1{template}")));
    }
    assert!(left.is_empty(), "{left:?}");
    let whoami = world.by("sue", "GET", "/api/v1/whoami", &Value::Null).await;
    let project = &whoami.json()["projects"][0];
    assert_eq!(project["name"], "Folding");
    assert_eq!(project["allocations"][0]["scope"], "meluxina/meluxina");
    assert_eq!(
        project["allocations"][0]["balance"]["granted"],
        4_500_000_000_u64
    );
}

#[tokio::test]
async fn a_founder_reads_what_was_said_once_and_strangers_read_nothing() {
    let world = World::start().await;
    let path = world.registered().await;
    world.checked(&path).await;
    let applied = world
        .made("sue", "/api/v1/applications", &application(id_in(&path)))
        .await;
    assert_eq!(applied["due"]["on"], "2026-11-24");
    let one = format!("/api/v1/applications/{}", id(&applied));
    let form = format!("{path}/application-form?mode=aif_fast_lane&system=cineca/leonardo");
    let evidence = format!("{path}/evidence");
    let size = format!("{path}/size");
    for (who, path) in [
        ("sue", path.as_str()),
        ("sue", &size),
        ("sue", &evidence),
        ("sue", &form),
        ("sue", &one),
        ("sue", "/api/v1/applications"),
        ("sue", "/api/v1/organisations"),
        ("rita", &path),
        ("rita", &one),
        ("rita", "/api/v1/reviews/applications"),
        ("rita", "/api/v1/reviews/evidence"),
        ("operator", "/api/v1/organisations?limit=1"),
    ] {
        let answer = world.by(who, "GET", path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    for hidden in [path.as_str(), &size, &evidence, &one] {
        let answer = world.by("bo", "GET", hidden, &Value::Null).await;
        answer.problem(404, "not-found");
    }
    for queue in ["/api/v1/reviews/applications", "/api/v1/reviews/evidence"] {
        world
            .by("sue", "GET", queue, &Value::Null)
            .await
            .problem(403, "forbidden");
    }
    let own = world
        .by("bo", "GET", "/api/v1/organisations", &Value::Null)
        .await;
    assert_eq!(own.json()["items"], json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_an_organisation_is_told_by_field() {
    let world = World::start().await;
    let mut draft = organisation();
    draft["country"] = json!("QQ");
    draft["identifiers"]["lei"] = json!("7ZW8QJWVPR4P1J1KQY46");
    let answer = world
        .by("sue", "POST", "/api/v1/organisations", &draft)
        .await;
    let problem = answer.problem(400, "invalid-organisation");
    let fields: Vec<&str> = { problem["errors"].as_array().unwrap().iter() }
        .map(|it| it["field"].as_str().unwrap())
        .collect();
    assert!(
        fields.contains(&"country") && fields.contains(&"identifiers.lei"),
        "{fields:?}"
    );
    world.registered().await;
    let twice = world
        .by("bo", "POST", "/api/v1/organisations", &organisation())
        .await;
    twice.problem(409, "already-so");
}

#[tokio::test]
async fn a_description_is_changed_on_top_of_the_one_that_was_read() {
    let world = World::start().await;
    let path = world.registered().await;
    let blind = world.by("sue", "PUT", &path, &organisation()).await;
    blind.problem(428, "document-not-named");
    let token = world.token("sue").await;
    let stale = world
        .send_json("PUT", path.clone(), &organisation())
        .token(&token);
    let stale = stale.header("if-match", "\"0\"").send().await;
    stale.problem(412, "document-changed");
    let read = world.by("sue", "GET", &path, &Value::Null).await;
    let known = world
        .get(path)
        .token(&token)
        .header("if-none-match", read.header("etag"));
    assert_eq!(known.send().await.status, 304);
}

#[tokio::test]
async fn a_refused_application_carries_every_rule_and_what_to_do() {
    let world = World::start().await;
    let path = world.registered().await;
    let draft = application(id_in(&path));
    let refused = world
        .by("sue", "POST", "/api/v1/applications", &draft)
        .await;
    let problem = refused.problem(403, "not-eligible");
    assert_eq!(problem["decision"]["result"], "needs_evidence");
    let mut empty = draft.clone();
    empty["answers"] = json!({});
    let refused = world
        .by("sue", "POST", "/api/v1/applications", &empty)
        .await;
    refused.problem(400, "invalid-application");
    let mut unknown = draft;
    unknown["mode"] = json!("aif_slow_lane");
    let refused = world
        .by("sue", "POST", "/api/v1/applications", &unknown)
        .await;
    refused.problem(404, "not-found");
}

#[tokio::test]
async fn the_remedy_of_a_refusal_is_that_of_the_gravest_rule() {
    let world = World::start().await;
    let path = world.registered().await;
    world
        .made("sue", &format!("{path}/evidence"), &evidence())
        .await;
    let mut draft = application(id_in(&path));
    draft["mode"] = json!("aif_fast_lane");
    draft["system"] = json!("bsc/marenostrum5");
    let answer = world
        .by("sue", "POST", "/api/v1/applications", &draft)
        .await;
    let problem = answer.problem(403, "not-eligible");
    let rules = problem["decision"]["rules"].as_array().unwrap();
    let place = |id: &str| rules.iter().position(|it| it["rule"] == id).unwrap();
    let (waits, closed) = (place("ethics.unchecked"), place("mode.closed"));
    assert!(waits < closed, "a milder one stands first");
    assert_eq!(problem["remedy"], rules[closed]["remedy"]);
    assert!(problem["remedy"].is_string());
}

#[tokio::test]
async fn an_application_that_is_over_is_neither_decided_nor_withdrawn() {
    let world = World::start().await;
    let path = world.registered().await;
    world.checked(&path).await;
    let draft = application(id_in(&path));
    let applied = world.made("sue", "/api/v1/applications", &draft).await;
    let again = world
        .by("sue", "POST", "/api/v1/applications", &draft)
        .await;
    again.problem(409, "already-so");
    let one = format!("/api/v1/applications/{}", id(&applied));
    let (decisions, withdraw) = (format!("{one}/decisions"), format!("{one}/withdraw"));
    assert_eq!(
        world.by("sue", "POST", &withdraw, &json!({})).await.status,
        200
    );
    let late = world.by("rita", "POST", &decisions, &acceptance()).await;
    late.problem(409, "not-waiting");
    let second = world.made("sue", "/api/v1/applications", &draft).await;
    let decisions = format!("/api/v1/applications/{}/decisions", id(&second));
    world
        .by("sue", "POST", &decisions, &acceptance())
        .await
        .problem(403, "forbidden");
    let mut bare = acceptance();
    bare.as_object_mut().unwrap().remove("grant");
    world
        .by("rita", "POST", &decisions, &bare)
        .await
        .problem(400, "invalid-decision");
    world.made("rita", &decisions, &acceptance()).await;
    let late = world
        .by(
            "sue",
            "POST",
            &withdraw.replace(id(&applied), id(&second)),
            &json!({}),
        )
        .await;
    late.problem(409, "not-waiting");
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_sent_and_never_to_be_shown() {
    let world = World::start().await;
    let path = world.registered().await;
    let evidence = world
        .made("sue", &format!("{path}/evidence"), &evidence())
        .await;
    let files = format!("{path}/evidence/{}/files", id(&evidence));
    let token = world.token("sue").await;
    let send = |kind: &'static str, body: &'static str| {
        { world.ask("POST", format!("{files}?name=plan.pdf")) }
            .header("content-type", kind)
            .body(body)
            .token(&token)
            .send()
    };
    send("application/pdf", "words only")
        .await
        .problem(400, "invalid-evidence");
    let kept = send("application/pdf", "%PDF-1.7 plan").await;
    assert_eq!(kept.status, 201, "{}", kept.text());
    let sha256 = kept.json()["files"][0]["sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    let read = world
        .by("rita", "GET", &format!("{files}/{sha256}"), &Value::Null)
        .await;
    assert_eq!(read.text(), "%PDF-1.7 plan");
    assert_eq!(read.header("content-disposition"), "attachment");
    assert_eq!(read.header("x-content-type-options"), "nosniff");
    let other = format!("{files}/{}", "0".repeat(64));
    world
        .by("sue", "GET", &other, &Value::Null)
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn a_decision_is_made_again_for_those_it_concerns() {
    let world = World::start().await;
    let path = world.registered().await;
    world.checked(&path).await;
    let applied = world
        .made("sue", "/api/v1/applications", &application(id_in(&path)))
        .await;
    let replay = format!(
        "/api/v1/decisions/{}/replay",
        applied["found"].as_str().unwrap()
    );
    for who in ["sue", "rita", "auditor"] {
        let answer = world.by(who, "GET", &replay, &Value::Null).await;
        assert_eq!(answer.status, 200, "{who}: {}", answer.text());
        assert_eq!(answer.json()["same"], true);
        assert_eq!(answer.json()["document"]["decision"]["result"], "eligible");
    }
    world
        .by("bo", "GET", &replay, &Value::Null)
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn what_a_list_of_signatories_says_is_for_reviewers_and_decides_nothing() {
    let world = World::start().await;
    let path = world.registered().await;
    let hint = format!("{path}/signatories");
    let none = world.by("rita", "GET", &hint, &Value::Null).await;
    assert_eq!(
        (none.status.as_u16(), none.json()),
        (200, json!({ "reads_like": [] }))
    );
    let table = broker_app::read_signatories(b"name,country\n\"PLEIONE LABS, SAS\",FR\nMaia,DE\n");
    let source = ("2026-11-01".parse().unwrap(), "page of the Commission");
    let kept = world.broker.import_signatories(&table, source, false).await;
    let kept = kept.unwrap().list;
    let found = world.by("rita", "GET", &hint, &Value::Null).await.json();
    assert_eq!(found["list"], serde_json::to_value(&kept).unwrap());
    let alike = json!([{ "name": "PLEIONE LABS, SAS", "country": "FR" }]);
    assert_eq!(found["reads_like"], alike);
    let refused = world.by("sue", "GET", &hint, &Value::Null).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let draft = application(id_in(&path));
    let applied = world
        .by("sue", "POST", "/api/v1/applications", &draft)
        .await;
    assert_eq!(applied.json()["decision"]["result"], "needs_evidence");
}
