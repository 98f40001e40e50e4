//! Systems where the hours of an allocation cannot be used, though they can elsewhere.

use broker_store::conformance::usage_of_others;
use broker_store::{Change, Commits as _, Write};

use crate::stage::Stage;

/// 35 % of the 800 GPUs of MeluXina in 365 days, used by somebody else.
async fn meluxina_is_used_up(stage: &Stage) {
    let gpu = broker_model::PartitionRef {
        site: "meluxina".parse().unwrap(),
        system: "meluxina".parse().unwrap(),
        partition: "gpu".parse().unwrap(),
    };
    let used = usage_of_others(&*stage.world.clock, gpu, 280 * 365 * 24);
    let change = Change {
        writes: vec![Write::InsertUsage(Box::new(used))],
        entries: Vec::new(),
    };
    stage.world.store.commit(change).await.unwrap();
}

#[tokio::test]
async fn a_check_tells_closed_systems_apart_from_what_is_still_missing() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    meluxina_is_used_up(&stage).await;
    let project = crate::world::project("main").to_string();
    let asked = ["check", "--project", &project];
    let check = stage.run("ada", &asked).await;
    assert_eq!(check.code, 0, "{check:?}");
    let told = "closed to jobs under this allocation, which go to other systems:\n  no hours at meluxina/meluxina: 35 % of";
    assert!(check.out.contains(told), "{}", check.out);
    assert!(!check.out.contains("still missing"), "{}", check.out);
    let answer = stage.json("ada", &asked).await;
    assert_eq!(answer["missing"], serde_json::json!([]));
    assert_eq!(answer["closed_systems"][0]["rule"], "ceiling.union_reached");
}
