use serde_json::json;

use crate::world::World;

const PATH: &str = "/api/v1/sites/meluxina/unknown-accounts";

impl World {
    /// Runs a job that the site charges to this account.
    async fn charged_to(&self, token: &str, account: &str) {
        self.submitted(token).await;
        let attempt = self.leased().await;
        self.started(&attempt).await;
        self.told(json!([
            { "event": "ended", "attempt": attempt, "ended_at": "2026-11-20T12:30:10Z",
              "outcome": { "kind": "completed", "exit_code": 0, "site_words": "COMPLETED" } },
            { "event": "usage", "attempt": attempt, "account": account, "usage": {
                "started_at": "2026-11-20T12:00:10Z", "ended_at": "2026-11-20T12:30:10Z",
                "nodes": 1, "scheduler_gpus": 4, "cpus": 64, "memory_gib": 512 } },
        ]))
        .await;
    }
}

#[tokio::test]
async fn accounts_of_a_sites_reports_are_listed_page_by_page_for_its_people_alone() {
    let world = World::start().await;
    let (ada, operator) = (world.token("ada").await, world.token("operator").await);
    let whole = world.get(PATH).token(&operator).send().await.json();
    assert_eq!(whole["items"], json!([]));
    for account in ["p200001", "p200002", "p200001"] {
        world.charged_to(&ada, account).await;
    }
    let whole = world.get(PATH).token(&operator).send().await.json();
    assert_eq!(
        whole["items"][0],
        json!({ "account": "p200001", "jobs": 2, "gpu": 14_400_000,
            "first_seen": "2026-11-20T12:30:10Z", "last_seen": "2026-11-20T12:30:10Z" })
    );
    let first = format!("{PATH}?limit=1");
    let first = world.get(first).token(&operator).send().await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = format!("{PATH}?limit=1&cursor={cursor}");
    let next = world.get(next).token(&operator).send().await.json();
    assert_eq!(next["items"], json!([whole["items"][1]]));
    let refused = world.get(PATH).token(&ada).send().await;
    refused.problem(403, "forbidden");
    let nowhere = world.get("/api/v1/sites/atlantis/unknown-accounts");
    nowhere
        .token(&operator)
        .send()
        .await
        .problem(404, "not-found");
}
