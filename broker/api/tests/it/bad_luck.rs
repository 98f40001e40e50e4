//! What the broker says when something around it fails.

use broker_model::UnitMillis;
use broker_store::{Change, StoreOptions, Write};
use serde_json::json;

use crate::ask::job;
use crate::world::{World, project};

async fn allocation(world: &World, key: &str) -> broker_model::Allocation {
    world.store_allocations(key).await.remove(0)
}

impl World {
    async fn store_allocations(&self, key: &str) -> Vec<broker_model::Allocation> {
        use broker_store::Accounts as _;
        self.store.allocations_of(project(key)).await.unwrap()
    }

    /// A write of another replica: this one's caches do not know of it.
    async fn elsewhere(&self, write: Write) {
        use broker_store::Commits as _;
        self.store
            .commit(Change {
                writes: vec![write],
                entries: Vec::new(),
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn hours_that_another_replica_held_meanwhile_are_not_held_twice() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let mut small = job();
    small["project"] = json!(project("small"));
    assert_eq!(
        world
            .post("/api/v1/jobs/quote", &small)
            .token(&token)
            .send()
            .await
            .status,
        200
    );
    let allocation = allocation(&world, "small").await.id;
    world
        .elsewhere(Write::Hold {
            allocation,
            amount: UnitMillis::from_hours(5),
        })
        .await;
    let answer = world
        .post("/api/v1/jobs", &small)
        .token(&token)
        .send()
        .await;
    // What is only held may come back: the job waits for it, and holds nothing meanwhile.
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["state"], "pending");
    let balance = self::allocation(&world, "small").await.balance;
    assert_eq!(balance.held, UnitMillis::from_hours(5));
}

#[tokio::test]
async fn a_suspension_by_another_replica_stops_the_very_next_job() {
    let world = World::start().await;
    let token = world.token("ada").await;
    assert_eq!(
        world
            .post("/api/v1/jobs/quote", &job())
            .token(&token)
            .send()
            .await
            .status,
        200
    );
    let mut suspended = allocation(&world, "main").await;
    suspended.suspended = true;
    world
        .elsewhere(Write::UpdateAllocationTerms(Box::new(suspended)))
        .await;
    let first = world
        .post("/api/v1/jobs", &job())
        .token(&token)
        .send()
        .await;
    first.problem(403, "not-eligible");
}

#[tokio::test]
async fn a_closed_store_is_not_ready_and_requests_are_told_to_come_back() {
    let world = World::start().await;
    let token = world.token("ada").await;
    assert_eq!(world.get("/readyz").send().await.text(), "ready\n");
    assert_eq!(
        world.get("/api/v1/jobs").token(&token).send().await.status,
        200
    );
    world.store.close().await;
    assert_eq!(world.get("/readyz").send().await.status, 503);
    assert_eq!(world.get("/healthz").send().await.text(), "ok\n");
    for ask in [
        world.get("/api/v1/jobs"),
        world.post("/api/v1/jobs", &job()),
    ] {
        let answer = ask.token(&token).send().await;
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(answer.problem(503, "store-unavailable"), { ".request_id" => "[id]" }, @r#"
            {
              "type": "urn:alcyone:problem:store-unavailable",
              "title": "Service Unavailable",
              "status": 503,
              "code": "store-unavailable",
              "detail": "the broker's database cannot be reached; try again",
              "request_id": "[id]"
            }
            "#);
        }
        assert_eq!(answer.header("retry-after"), "5");
    }
    assert_eq!(world.get("/metrics").send().await.status, 200);
}

#[tokio::test]
async fn a_full_disk_refuses_jobs_and_goes_on_reading() {
    let options = StoreOptions {
        sqlite_max_pages: Some(400),
        ..StoreOptions::default()
    };
    let world = World::start_with(options, 7).await;
    let token = world.token("ada").await;
    let mut large = job();
    large["variants"]["x86_64+cuda"]["script"] = json!(format!("# {}\n", "x".repeat(200 << 10)));
    let mut accepted = 0;
    let refused = loop {
        let answer = world
            .post("/api/v1/jobs", &large)
            .token(&token)
            .send()
            .await;
        if answer.status != 202 {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 50, "the quota holds");
    };
    refused.problem(507, "no-space-left");
    assert_eq!(refused.header("retry-after"), "60");
    let jobs = world.get("/api/v1/jobs").token(&token).send().await.json();
    assert_eq!(
        jobs["items"].as_array().unwrap().len(),
        accepted,
        "the refused one left no trace"
    );
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_the_caller_s_fault() {
    let mut world = World::start().await;
    let token = world.token("ada").await;
    // Its keys were never asked for, and now nobody answers at its address.
    let other = World::start().await;
    drop(std::mem::replace(&mut world.issuer, other.issuer));
    let mut answer = world.get("/api/v1/whoami").token(&token).send().await;
    for _ in 0..50 {
        if answer.status != 200 {
            break;
        }
        answer = world
            .get("/api/v1/whoami")
            .token(&world.token("ada").await)
            .send()
            .await;
    }
    let problem = answer.problem(503, "issuer-unavailable");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("try again later"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_counted_and_named_and_the_next_one_served() {
    let world = World::start().await;
    let answer = world.get("/api/v1/whoami").token("makes-the-handler-panic");
    let answer = answer
        .header("x-request-id", "from-the-proxy-1")
        .send()
        .await;
    assert_eq!(answer.header("x-request-id"), "from-the-proxy-1");
    insta::assert_json_snapshot!(answer.problem(500, "internal"), @r#"
    {
      "type": "urn:alcyone:problem:internal",
      "title": "Internal Server Error",
      "status": 500,
      "code": "internal",
      "detail": "something went wrong in the broker; its log has more under this request id",
      "request_id": "from-the-proxy-1"
    }
    "#);
    let metrics = world.get("/metrics").send().await;
    let counted =
        r#"alcyone_request_seconds_count{method="GET",route="/api/v1/whoami",status="500"} 1"#;
    assert!(metrics.text().contains(counted), "{}", metrics.text());
    let token = world.token("ada").await;
    assert_eq!(
        world
            .get("/api/v1/whoami")
            .token(&token)
            .send()
            .await
            .status,
        200
    );
}
