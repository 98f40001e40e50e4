use broker_client::wire::JobView;
use bytes::Bytes;

use super::{Plan, WARM_UP};
use crate::bare::Bare;
use crate::client;
use crate::database::Kind;
use crate::drive::{Drive, repeat};
use crate::rig::{Rig, sample_job};
use crate::table;

/// So many jobs are read in turn, each by its own id.
const JOBS: usize = 1000;
const CONNECTIONS: usize = 64;

/// Authenticated reads of one job, beside a handler that answers the same bytes to anybody.
pub(crate) async fn measure(plan: &Plan, kind: Kind) -> anyhow::Result<()> {
    table::section(&format!("Authenticated reads of one job, {}", kind.name()));
    let rig = Rig::start(kind).await?;
    let paths = submit_some(&rig, JOBS).await?;
    let first = paths.first().map_or("", String::as_str);
    let body: Bytes = rig.ask(&rig.get(first), 200).await?.into();
    let bare = Bare::reading(body.clone()).await?;
    table::figure("bytes of a body", &body.len().to_string());
    let drive = |address| Drive {
        address,
        requests: repeat(
            paths
                .iter()
                .map(|path| client::get(address, path, &rig.token))
                .collect(),
        ),
        connections: CONNECTIONS,
        expected: 200,
    };
    let (nothing, whole) = (drive(bare.address), drive(rig.address));
    nothing.closed(WARM_UP).await?;
    whole.closed(WARM_UP).await?;
    let mut cpu = Vec::new();
    let (mut bares, mut reads, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let nothing = nothing.closed(plan.time).await?;
        let whole = whole.closed(plan.time).await?;
        let (bare, read) = (nothing.per_second, whole.per_second);
        cpu.push((nothing.cpu, whole.cpu));
        bares.push(bare);
        reads.push(read);
        ratios.push(read / bare);
    }
    let peak = table::median(reads);
    table::rate("bare axum handler", table::median(bares));
    table::rate("GET /api/v1/jobs/{id}", peak);
    table::cpu(cpu);
    table::mark("reads / bare", table::median(ratios), 0.25);
    let mut half = whole.paced(plan.time, peak / 2.0).await?.latencies;
    table::time("p50 at half of peak", half.within(0.5));
    table::time("p99 at half of peak", half.within(0.99));
    rig.stop().await;
    Ok(())
}

/// Hands in the sample job so many times; the jobs' paths.
pub(crate) async fn submit_some(rig: &Rig, count: usize) -> anyhow::Result<Vec<String>> {
    let body = serde_json::to_vec(&sample_job()?)?;
    let request = rig.post("/api/v1/jobs", &body);
    let mut connection = client::Connection::open(rig.address).await?;
    let mut paths = Vec::with_capacity(count);
    for _ in 0..count {
        let answer = connection.exchange(&request).await?;
        anyhow::ensure!(
            answer.status == 202,
            "{}",
            String::from_utf8_lossy(answer.body)
        );
        let job: JobView = serde_json::from_slice(answer.body)?;
        paths.push(format!("/api/v1/jobs/{}", job.id));
    }
    Ok(paths)
}
