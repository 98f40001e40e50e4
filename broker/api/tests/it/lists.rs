//! Lists that are at hand whole: they are cut where that is asked, and know what they were not asked.

use serde_json::Value;

use crate::world::World;

const LISTS: [&str; 3] = ["/api/v1/projects", "/api/v1/allocations", "/api/v1/sites"];

async fn page(world: &World, token: &str, path: &str) -> Value {
    let answer = world.get(path).token(token).send().await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn pages_of_a_list_make_the_whole_of_it() {
    let world = World::start().await;
    let token = world.token("ada").await;
    for list in LISTS {
        let whole = page(&world, &token, list).await;
        assert!(whole["next_cursor"].is_null(), "{list}");
        let whole = items(&whole);
        let mut pieces = Vec::new();
        let mut cursor = String::new();
        for left in (0..whole.len()).rev() {
            let next = page(&world, &token, &format!("{list}?limit=1{cursor}")).await;
            pieces.extend(items(&next));
            assert_eq!(next["next_cursor"].is_string(), left > 0, "{list}");
            if let Some(text) = next["next_cursor"].as_str() {
                cursor = format!("&cursor={text}");
            }
        }
        assert_eq!(pieces, whole, "{list}");
    }
}

#[tokio::test]
async fn what_a_list_does_not_know_is_refused_by_its_name() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let job = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let usage = format!("/api/v1/jobs/{job}/usage");
    for list in LISTS.into_iter().chain([&*usage]) {
        for (query, word) in [
            ("sort=name", "sort"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("cursor=elsewhere", "cursor"),
        ] {
            let answer = world
                .get(format!("{list}?{query}"))
                .token(&token)
                .send()
                .await;
            let problem = answer.problem(400, "invalid-request");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(word), "{list}?{query}: {detail}");
        }
    }
}

#[tokio::test]
async fn a_page_of_the_ledger_that_ends_with_it_has_no_next_one() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let job = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let list = format!("/api/v1/ledger/entries?job={job}");
    let all = items(&page(&world, &token, &list).await).len();
    assert!(all > 1);
    for (limit, more) in [(all - 1, true), (all, false), (all + 1, false)] {
        let page = page(&world, &token, &format!("{list}&limit={limit}")).await;
        assert_eq!(items(&page).len(), limit.min(all));
        assert_eq!(
            page["next_cursor"].is_string(),
            more,
            "limit {limit} of {all}"
        );
    }
}
