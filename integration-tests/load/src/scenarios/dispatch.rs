use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use broker_model::{JobSpec, SiteReadiness};
use broker_server::EmbeddedSites;
use broker_store::{Attempts as _, Jobs as _};
use futures::future::try_join_all;

use crate::client::Connection;
use crate::database::Kind;
use crate::rig::{Ground, Rig, sample_job};
use crate::table;

const JOBS: usize = 1000;
/// Hand them in at the same time, the same number each.
const CONNECTIONS: usize = 20;
const SCRIPT: &str = "exit 0\n";

/// Real jobs through lease, start and report: seven agents on the `process` adapter, in this process.
pub(crate) async fn measure(kind: Kind) -> anyhow::Result<()> {
    table::section(&format!(
        "Jobs through the process adapter, {}",
        kind.name()
    ));
    let rig = Rig::on(Ground::prepare(kind).await?, false).await?;
    let sites: Vec<_> = rig
        .ground
        .sites
        .iter()
        .map(|(site, _)| site.clone())
        .collect();
    let folder = rig.ground.scratch.folder.path().join("sites");
    let agents = EmbeddedSites::start(&rig.broker, &sites, &folder, None).await?;
    ready(&rig).await?;
    let requests = one_for_each_site(&rig).await?;
    table::figure("sites that take the job", &requests.len().to_string());
    drained(&rig).await?;
    let begin = Instant::now();
    try_join_all((0..CONNECTIONS).map(|_| hand_in(&rig, &requests, JOBS / CONNECTIONS))).await?;
    table::figure(
        "seconds until all were accepted",
        &format!("{:.2}", begin.elapsed().as_secs_f64()),
    );
    drained(&rig).await?;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let per_second = JOBS as f64 / begin.elapsed().as_secs_f64();
    table::rate(
        &format!("{JOBS} jobs accepted, run, charged and closed"),
        per_second,
    );
    let bare = bare()?;
    table::rate("the same script by fork and exec, one after another", bare);
    table::figure("jobs / fork and exec", &format!("{:.3}", per_second / bare));
    agents.stop().await;
    rig.stop().await;
    Ok(())
}

async fn hand_in(rig: &Rig, requests: &[Vec<u8>], count: usize) -> anyhow::Result<()> {
    let mut connection = Connection::open(rig.address).await?;
    for request in requests.iter().cycle().take(count) {
        let status = connection.exchange(request).await?.status;
        ensure!(status == 202, "a job was answered with {status}");
    }
    Ok(())
}

/// The shortest job for each site that accepts it now.
async fn one_for_each_site(rig: &Rig) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut requests = Vec::new();
    let mut connection = Connection::open(rig.address).await?;
    for (site, _) in &rig.ground.sites {
        let spec = shortest_job(site.id.as_str())?;
        let request = rig.post("/api/v1/jobs", &serde_json::to_vec(&spec)?);
        let answer = connection.exchange(&request).await?;
        if answer.status == 202 && answer.body.windows(8).any(|part| part == b"\"placed\"") {
            requests.push(request);
        }
    }
    ensure!(!requests.is_empty(), "no site takes the job");
    Ok(requests)
}

fn shortest_job(site: &str) -> anyhow::Result<JobSpec> {
    let mut spec = sample_job()?;
    spec.variants
        .values_mut()
        .for_each(|variant| SCRIPT.clone_into(&mut variant.script));
    spec.placement.prefer.clear();
    spec.placement.require = vec![site.parse()?];
    spec.resources.gpus_per_node = 1;
    Ok(spec)
}

async fn ready(rig: &Rig) -> anyhow::Result<()> {
    let mut look = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..1200 {
        look.tick().await;
        if rig
            .broker
            .sites()
            .iter()
            .all(|view| view.readiness == SiteReadiness::Ready)
        {
            return Ok(());
        }
    }
    bail!("the agents did not report within a minute")
}

/// Waits until no job is active and every attempt is settled.
async fn drained(rig: &Rig) -> anyhow::Result<()> {
    let mut look = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..6000 {
        look.tick().await;
        if rig.store.count_active().await?.is_empty() && settled(rig).await? {
            return Ok(());
        }
    }
    bail!(
        "jobs are still active after five minutes: {:?}",
        rig.store.count_active().await?
    )
}

async fn settled(rig: &Rig) -> anyhow::Result<bool> {
    for (site, _) in &rig.ground.sites {
        if !rig.store.open_attempts(&site.id, None, 1).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn bare() -> anyhow::Result<f64> {
    let begin = Instant::now();
    let mut runs = 0_u32;
    while begin.elapsed() < Duration::from_secs(2) {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", SCRIPT])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        ensure!(shell.status()?.success(), "the script failed");
        runs += 1;
    }
    Ok(f64::from(runs) / begin.elapsed().as_secs_f64())
}
