use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::{Plan, WARM_UP};
use crate::bare::Bare;
use crate::client;
use crate::database::Kind;
use crate::drive::{Drive, Requests, repeat};
use crate::rig::{Rig, sample_job};
use crate::table;

const CONNECTIONS: usize = 256;

/// Durable submissions, beside a handler that parses the same JSON and forgets it.
pub(crate) async fn measure(plan: &Plan, kind: Kind) -> anyhow::Result<()> {
    table::section(&format!("Durable submissions, {}", kind.name()));
    let rig = Rig::start(kind).await?;
    let spec = serde_json::to_vec(&sample_job()?)?;
    let accepted: Bytes = rig.ask(&rig.post("/api/v1/jobs", &spec), 202).await?.into();
    let bare = Bare::accepting(accepted).await?;
    table::figure("bytes of a job", &spec.len().to_string());
    let drive = |address| Drive {
        address,
        requests: repeat(vec![client::post(
            address,
            "/api/v1/jobs",
            &rig.token,
            &spec,
        )]),
        connections: CONNECTIONS,
        expected: 202,
    };
    let (nothing, whole) = (drive(bare.address), drive(rig.address));
    nothing.closed(WARM_UP).await?;
    whole.closed(WARM_UP).await?;
    let mut cpu = Vec::new();
    let (mut bares, mut submissions, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let before = rig.store.stats();
    for _ in 0..plan.rounds {
        let nothing = nothing.closed(plan.time).await?;
        let whole = whole.closed(plan.time).await?;
        let (bare, submitted) = (nothing.per_second, whole.per_second);
        cpu.push((nothing.cpu, whole.cpu));
        bares.push(bare);
        submissions.push(submitted);
        ratios.push(submitted / bare);
    }
    let after = rig.store.stats();
    let peak = table::median(submissions);
    table::rate(
        "bare axum handler that parses the job",
        table::median(bares),
    );
    table::rate("POST /api/v1/jobs", peak);
    table::cpu(cpu);
    table::mark("submissions / bare", table::median(ratios), 0.05);
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    let mean =
        (after.changes - before.changes) as f64 / (after.groups - before.groups).max(1) as f64;
    table::mark("submissions that share a commit, mean", mean, 16.0);
    let keyed = Drive {
        requests: with_keys(rig.address, &rig.token, &spec),
        ..whole.clone()
    };
    let keyed = keyed.closed(plan.time).await?.per_second;
    table::rate("with an Idempotency-Key each", keyed);
    rig.ground.scratch.settle().await?;
    let mut half = whole.paced(plan.time, peak / 2.0).await?;
    table::rate("half of peak, evenly paced", half.per_second);
    table::time(
        "p50 there, from when each was due",
        half.latencies.within(0.5),
    );
    let p99 = half.latencies.within(0.99).as_secs_f64() * 1000.0;
    table::mark_below("p99 there", p99, 50.0, "ms");
    rig.stop().await;
    Ok(())
}

/// The same job under a new key each time.
fn with_keys(address: SocketAddr, token: &str, spec: &[u8]) -> Requests {
    let begin = client::json_begin(address, "/api/v1/jobs", token);
    let end = client::json_end(spec);
    Arc::new(move |number, request| {
        request.extend_from_slice(&begin);
        request.extend_from_slice(format!("idempotency-key: load-{number}\r\n").as_bytes());
        request.extend_from_slice(&end);
    })
}
