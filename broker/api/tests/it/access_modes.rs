use serde_json::{Value, json};

use crate::world::World;

async fn modes(world: &World) -> Value {
    let token = world.token("stranger").await;
    let answer = world.get("/api/v1/access-modes").token(&token).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].clone()
}

fn one<'v>(modes: &'v Value, id: &str) -> &'v Value {
    let mut modes = modes.as_array().unwrap().iter();
    modes.find(|mode| mode["id"] == id).unwrap()
}

#[tokio::test]
async fn whoever_signs_in_learns_which_modes_there_are_and_how_sure_that_is() {
    let world = World::start().await;
    let modes = modes(&world).await;
    let lane = one(&modes, "aif_fast_lane");
    assert_eq!(lane["title"]["fr"], "Accès Fast Lane aux fabriques d'IA");
    assert_eq!(lane["gpu_hours"]["value"], json!({ "most": 50000 }));
    assert_eq!(lane["gpu_hours"]["confidence"], "uncertain");
    assert_eq!(lane["free_for"]["value"], json!(["startup", "sme"]));
    let closed = lane["offers"].as_array().unwrap().iter();
    let closed: Vec<_> = closed
        .filter(|it| it["value"]["state"] == "closed")
        .collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0]["value"]["system"], "bsc/marenostrum5");
    assert_eq!(closed[0]["value"]["why"], "closed for demand");
}

#[tokio::test]
async fn the_clocks_of_today_run_on_working_days_and_from_the_next_cut_off() {
    let world = World::start().await;
    let listed = modes(&world).await;
    let play = one(&listed, "aif_playground");
    assert_eq!(play["decided_by"]["on"], "2026-11-24");
    assert_eq!(play["next_cut_off"], Value::Null);
    let large = one(&listed, "aif_large_scale");
    assert_eq!(large["next_cut_off"], "2026-11-30T09:00:00Z");
    assert_eq!(large["decided_by"], Value::Null, "it is open at no system");
    let science = one(&listed, "aif_ai_for_science");
    assert_eq!(science["next_cut_off"], "2026-12-11T09:00:00Z");
    assert_eq!(science["decided_by"]["on"], "2027-01-11");

    world.advance(2 * 31 * 24 * 3600);
    let later = modes(&world).await;
    let science = one(&later, "aif_ai_for_science");
    assert_eq!(
        science["next_cut_off"],
        Value::Null,
        "no further day was read"
    );
    assert_eq!(science["decided_by"], Value::Null);
}
