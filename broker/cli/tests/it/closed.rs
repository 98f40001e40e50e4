//! Systems where the hours of an allocation cannot be used, though they can elsewhere.

use broker_model::{Charge, FundingShare, GpuMillis, Ids, PartitionRef, UnitMillis, UsageRecord};
use broker_store::{Change, Commits as _, Write};
use jiff::SignedDuration;

use crate::stage::Stage;

/// 35 % of the 800 GPUs of MeluXina in 365 days, used by somebody else.
async fn meluxina_is_used_up(stage: &Stage) {
    let (ids, clock) = (Ids::from_os(), &*stage.world.clock);
    let hours = 280 * 365 * 24;
    let ended_at = broker_model::Clock::now(clock) - SignedDuration::from_secs(1);
    let used = UsageRecord {
        attempt: ids.next(clock),
        job: ids.next(clock),
        allocation: ids.next(clock),
        project: ids.next(clock),
        organisation: ids.next(clock),
        share: FundingShare::Union,
        mode: None,
        organisation_was: None,
        partition: PartitionRef {
            site: "meluxina".parse().unwrap(),
            system: "meluxina".parse().unwrap(),
            partition: "gpu".parse().unwrap(),
        },
        started_at: ended_at - SignedDuration::from_hours(1),
        ended_at,
        nodes: 1,
        scheduler_gpus: 4,
        cpus: 0,
        energy_joules: None,
        local_account: None,
        charge: Charge {
            site_units: UnitMillis::from_hours(hours),
            site_unit: "node-hour".to_owned(),
            gpu: GpuMillis::from_hours(hours),
            charged: UnitMillis::from_hours(hours),
        },
    };
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
