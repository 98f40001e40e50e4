use serde_json::{Value, json};

use crate::world::World;

async fn found(world: &World, query: &Value) -> Vec<Value> {
    let token = world.token("stranger").await;
    let answer = world
        .post("/api/v1/routes/find", query)
        .token(&token)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().clone()
}

fn query() -> Value {
    json!({
        "organisation": { "country": "FR", "kind": "company", "size": "small", "startup": true },
        "project": { "civilian": true, "sectors": ["health"] },
        "need": { "gpu_hours": 5000, "months": 3 },
    })
}

fn at<'v>(routes: &'v [Value], mode: &str, system: &str) -> &'v Value {
    let is_it = |it: &&Value| it["mode"] == mode && it["offer"]["value"]["system"] == system;
    routes.iter().find(is_it).unwrap()
}

#[tokio::test]
async fn a_start_up_that_nobody_knows_learns_what_it_could_have_and_what_is_missing() {
    let world = World::start().await;
    let routes = found(&world, &query()).await;
    let play = at(&routes, "aif_playground", "cineca/leonardo");
    assert_eq!(play["decision"]["result"], "needs_evidence");
    assert_eq!(play["cost"], "free");
    assert_eq!(play["decided_by"]["on"], "2026-11-24");
    let first = json!([{ "field": "evidence", "to": "ai_pact_pledge" }]);
    assert_eq!(play["changes"][0], first);
    assert_eq!(play["changes"].as_array().unwrap().len(), 7);
    let words = play["decision"]["rules"].as_array().unwrap().iter();
    let missing = words
        .filter(|rule| rule["rule"] == "ethics.missing")
        .count();
    assert_eq!(missing, 1);
    let closed = at(&routes, "aif_large_scale", "lumi/lumi");
    assert_eq!(closed["decision"]["result"], "not_eligible");
    assert_eq!(closed["decided_by"], Value::Null);
    let last = routes.last().unwrap();
    assert_eq!(
        last["decision"]["result"], "not_eligible",
        "best answers first"
    );
}

#[tokio::test]
async fn where_a_mode_gives_no_hours_is_told_by_mode() {
    let world = World::start().await;
    let token = world.token("stranger").await;
    let ask = world.post("/api/v1/routes/find", &query()).token(&token);
    let answer = ask.header("accept-language", "fr").send().await.json();
    let absent = answer["not_offered"].as_array().unwrap();
    assert!(!absent.is_empty());
    for mode in absent {
        let (id, systems) = (&mode["mode"], mode["systems"].as_array().unwrap());
        assert!(!systems.is_empty(), "{mode}");
        let is_route =
            |it: &&Value| it["mode"] == *id && systems.contains(&it["offer"]["value"]["system"]);
        assert_eq!(
            answer["items"].as_array().unwrap().iter().find(is_route),
            None
        );
    }
    let play = absent.iter().find(|it| it["mode"] == "aif_playground");
    let title = play.unwrap()["title"].as_str().unwrap();
    assert!(title.starts_with("Accès Playground"), "{title}");
}

#[tokio::test]
async fn what_was_declared_and_not_checked_goes_to_a_reviewer() {
    let world = World::start().await;
    let mut query = query();
    query["evidence"] = json!([{ "kind": "seal_of_excellence", "issued_on": "2026-03-01" }]);
    let routes = found(&world, &query).await;
    let play = at(&routes, "aif_playground", "cineca/leonardo");
    assert_eq!(play["decision"]["result"], "needs_review");
}

#[tokio::test]
async fn a_kind_of_evidence_that_there_is_not_is_told_with_those_that_there_are() {
    let world = World::start().await;
    let mut query = query();
    query["evidence"] = json!([{ "kind": "good_will", "issued_on": "2026-03-01" }]);
    let token = world.token("stranger").await;
    let answer = world
        .post("/api/v1/routes/find", &query)
        .token(&token)
        .send()
        .await;
    let problem = answer.problem(400, "invalid-question").to_string();
    assert!(
        problem.contains("`good_will` is no kind of evidence"),
        "{problem}"
    );
    assert!(problem.contains("seal_of_excellence"), "{problem}");
}

#[tokio::test]
async fn an_id_that_no_table_has_is_refused_as_an_application_refuses_it() {
    let world = World::start().await;
    let mut query = query();
    query["organisation"]["screening"] = json!("maybe");
    query["project"]["ai_act"] = json!({
        "prohibited": ["xx"], "high_risk": ["yy"], "exclusions": ["military"],
    });
    let token = world.token("stranger").await;
    let ask = world.post("/api/v1/routes/find", &query).token(&token);
    let answer = ask.send().await;
    let problem = answer.problem(400, "invalid-question").to_string();
    for told in [
        "project.ai_act.prohibited",
        "project.ai_act.high_risk",
        "project.ai_act.exclusions",
        "organisation.screening",
        "`military` is none of them",
        "clear, hit, unsettled",
        "social_scoring",
    ] {
        assert!(problem.contains(told), "{told}: {problem}");
    }
}

#[tokio::test]
async fn an_open_mode_whose_known_cut_offs_are_over_says_so() {
    let world = World::start().await;
    let routes = found(&world, &query()).await;
    let extreme = at(&routes, "ehpc_extreme_scale", "lumi/lumi");
    assert_eq!(extreme["offer"]["value"]["state"], "open");
    assert_eq!(extreme["no_cut_off_after"], "2026-10-26");
    let play = at(&routes, "aif_playground", "cineca/leonardo");
    assert_eq!(play["no_cut_off_after"], Value::Null, "it has none");
}

#[tokio::test]
async fn the_words_are_in_the_language_that_is_asked_for() {
    let world = World::start().await;
    let token = world.token("stranger").await;
    let ask = world.post("/api/v1/routes/find", &query()).token(&token);
    let answer = ask
        .header("accept-language", "de;q=0.9, fr-LU;q=0.8, en;q=0.1")
        .send()
        .await;
    let words = answer.text();
    assert!(words.contains("établie"), "{words}");
}

#[tokio::test]
async fn a_check_a_quote_and_a_refusal_are_in_the_language_that_is_asked_for() {
    let world = World::start().await;
    let project = json!({ "project": crate::world::project("outside") });
    let outside = world.token("ada").await;
    let asked = |language: &'static str| {
        let ask = world.post("/api/v1/eligibility/check", &project);
        ask.token(&outside)
            .header("accept-language", language)
            .send()
    };
    let (french, english) = (asked("fr").await, asked("en").await);
    assert_eq!(french.status, 200, "{}", french.text());
    let (french, english) = (french.json(), english.json());
    let title = |it: &Value| it["decision"]["rules"][0]["title"].clone();
    assert_ne!(title(&french), title(&english));
    let objects = |it: &Value| {
        let missing = it["missing"].as_array().unwrap().iter();
        let of_rule: Vec<Value> = missing
            .filter(|it| it["rule"].is_string())
            .cloned()
            .collect();
        of_rule
    };
    assert_eq!(objects(&french).len(), objects(&english).len());
    for (fr, en) in objects(&french).iter().zip(&objects(&english)) {
        assert_eq!(fr["rule"], en["rule"]);
        assert_ne!(fr["words"], en["words"]);
    }
    let mut job = crate::ask::job();
    job["project"] = project["project"].clone();
    let refused = |language: &'static str| {
        let ask = world.post("/api/v1/jobs", &job);
        ask.token(&outside)
            .header("accept-language", language)
            .send()
    };
    let (french, english) = (refused("fr").await, refused("en").await);
    let french = french.problem(403, "not-eligible").clone();
    let english = english.problem(403, "not-eligible").clone();
    assert_ne!(french["remedy"], english["remedy"]);
    assert_ne!(title(&french), title(&english));
}

#[tokio::test]
async fn a_company_says_what_aid_it_had_and_learns_what_national_hours_may_be_worth() {
    let world = World::start().await;
    let national = async |aid: Option<Value>| {
        let mut query = query();
        query["organisation"]["country"] = json!("FI");
        if let Some(aid) = aid {
            query["aid"] = aid;
        }
        let routes = found(&world, &query).await;
        at(&routes, "national_lumi", "lumi/lumi").clone()
    };
    let over = national(Some(json!({ "received_eur": 299_000, "worth_eur": 1001 }))).await;
    assert_eq!(over["decision"]["result"], "not_eligible");
    let changes = over["changes"][0].as_array().unwrap();
    let less = json!({ "field": "aid.worth_eur", "to": 1000 });
    assert!(changes.contains(&less), "{changes:?}");
    let speaks = |route: &Value, rule: &str| {
        let mut rules = route["decision"]["rules"].as_array().unwrap().iter();
        rules.any(|it| it["rule"] == rule)
    };
    let unknown = national(Some(json!({ "received_eur": 0 }))).await;
    assert!(speaks(&unknown, "de_minimis.worth_unknown"), "{unknown}");
    let silent = national(None).await;
    assert!(speaks(&silent, "de_minimis.unknown"), "{silent}");
    let mut wrong = query();
    wrong["aid"] = json!({ "worth_eur": 1 });
    let token = world.token("stranger").await;
    let ask = world.post("/api/v1/routes/find", &wrong).token(&token);
    assert_eq!(
        ask.send().await.status,
        400,
        "nothing is declared by a worth"
    );
}
