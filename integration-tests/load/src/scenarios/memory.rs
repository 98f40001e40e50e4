use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use broker_model::{AgentId, AttemptId, Site};
use serde_json::json;
use site_adapter::{LeaseReply, LeaseRequest, Report};
use tokio::process::{Child, Command};

use super::growth::first_job;
use super::{Plan, WARM_UP};
use crate::client::{self, Connection};
use crate::database::Kind;
use crate::drive::{Drive, repeat};
use crate::fill::{Template, copy};
use crate::rig::{Ground, Rig, sample_job, write_file};
use crate::{sites, table};

/// What one agent works on at most, by its defaults.
const WORKING: u32 = 2000;

/// The resident memory of `alcyone-broker serve` with many active jobs, at rest and after work.
pub(crate) async fn measure(plan: &Plan, kind: Kind) -> anyhow::Result<()> {
    table::section(&format!(
        "Resident memory with {} active jobs, {}",
        plan.active,
        kind.name()
    ));
    let rig = Rig::start(kind).await?;
    let (job, site) = first_job(&rig).await?;
    copy(
        &rig.ground.scratch,
        &Template {
            job: &job,
            attempt: None,
        },
        plan.active - 1,
    )
    .await?;
    let (ground, token) = rig.stop().await;
    let mut served = Served::start(ground, token).await?;
    served.report_sites().await?;
    table::figure("started", &served.resident()?);
    served.lease(&site).await?;
    table::figure(
        &format!("{WORKING} of them leased and renewed"),
        &served.resident()?,
    );
    served.work(plan.time).await?;
    let mebibytes = served.mebibytes("VmRSS")?;
    table::mark_below(
        "after reads, lists, submissions and metrics",
        mebibytes,
        100.0,
        "MiB",
    );
    table::figure(
        "the most it ever had (VmHWM)",
        &format!("{:.1} MiB", served.mebibytes("VmHWM")?),
    );
    served.child.kill().await?;
    Ok(())
}

#[derive(Debug)]
struct Served {
    ground: Ground,
    address: SocketAddr,
    token: String,
    child: Child,
}

impl Served {
    async fn start(mut ground: Ground, token: String) -> anyhow::Result<Self> {
        let address = free_address()?;
        ground.config.server.listen = address;
        let file = ground.scratch.folder.path().join("broker.toml");
        write_file(&file, &toml::to_string(&ground.config)?)?;
        let child = spawn(&file)?;
        let mut served = Self {
            ground,
            address,
            token,
            child,
        };
        served.wait_until_up().await?;
        Ok(served)
    }

    async fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..600 {
            look.tick().await;
            if let Some(status) = self.child.try_wait()? {
                bail!("the broker ended: {status}");
            }
            if Connection::open(self.address).await.is_ok() {
                return Ok(());
            }
        }
        bail!("the broker did not listen within 30 s")
    }

    async fn report_sites(&self) -> anyhow::Result<()> {
        sites::report_all(self.address, &self.ground.sites).await
    }

    /// An agent takes all it may, and tells the broker that it works on them.
    async fn lease(&self, at: &broker_model::SiteId) -> anyhow::Result<()> {
        let (site, voice) = self
            .ground
            .sites
            .iter()
            .find(|(site, _)| site.id == *at)
            .context("the job's site")?;
        let agent = voice.agent;
        let mut working_on: Vec<AttemptId> = Vec::new();
        let mut connection = Connection::open(self.address).await?;
        while working_on.len() < WORKING as usize {
            let known = working_on.len();
            let want = WORKING
                .saturating_sub(u32::try_from(known).unwrap_or(0))
                .min(200);
            let request = lease_request(agent, site, want, &working_on);
            let request = voice.post(
                self.address,
                "/agent/v1/lease",
                &serde_json::to_vec(&request)?,
            )?;
            let answer = connection.exchange(&request).await?;
            ensure!(
                answer.status == 200,
                "{}",
                String::from_utf8_lossy(answer.body)
            );
            let reply: LeaseReply = serde_json::from_slice(answer.body)?;
            working_on.extend(reply.attempts.iter().map(|leased| leased.attempt));
            if working_on.len() == known {
                break;
            }
        }
        let report = Report {
            snapshot_ttl_seconds: None,
            agent,
            instance: None,
            site: site.id.clone(),
            snapshot: None,
            attempts: Vec::new(),
            logs: Vec::new(),
            working_on,
        };
        for _ in 0..5 {
            let request = voice.post(
                self.address,
                "/agent/v1/report",
                &serde_json::to_vec(&report)?,
            )?;
            ensure!(
                connection.exchange(&request).await?.status == 200,
                "a report was not taken"
            );
        }
        Ok(())
    }

    /// What a busy day brings, each for a round.
    async fn work(&self, time: Duration) -> anyhow::Result<()> {
        let get = |path: &str| client::get(self.address, path, &self.token);
        let spec = serde_json::to_vec(&sample_job()?)?;
        let check = json!({ "project": sample_job()?.project }).to_string();
        let post = |path: &str, body: &[u8]| client::post(self.address, path, &self.token, body);
        let lists = [
            "/api/v1/jobs?limit=200",
            "/api/v1/jobs?active=true",
            "/api/v1/sites",
            "/metrics",
        ];
        let work = [
            (lists.map(get).to_vec(), 200),
            (
                vec![post("/api/v1/eligibility/check", check.as_bytes())],
                200,
            ),
            (vec![post("/api/v1/jobs", &spec)], 202),
        ];
        for (requests, expected) in work {
            let requests = repeat(requests);
            let drive = Drive {
                address: self.address,
                requests,
                connections: 64,
                expected,
            };
            drive.closed(time.max(WARM_UP)).await?;
        }
        Ok(())
    }

    fn resident(&self) -> anyhow::Result<String> {
        Ok(format!("{:.1} MiB", self.mebibytes("VmRSS")?))
    }

    fn mebibytes(&self, key: &str) -> anyhow::Result<f64> {
        let process = self.child.id().context("the broker is gone")?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .context("no such line")?;
        let kibibytes = line
            .trim_matches([':', '\t', ' '])
            .trim_end_matches(" kB")
            .trim();
        Ok(kibibytes.parse::<f64>()? / 1024.0)
    }
}

fn lease_request(agent: AgentId, site: &Site, want: u32, known: &[AttemptId]) -> LeaseRequest {
    let working_on = known.to_vec();
    LeaseRequest {
        agent,
        instance: None,
        site: site.id.clone(),
        scheduler: None,
        systems: Vec::new(),
        only_sent: false,
        want,
        wait_seconds: 0,
        working_on,
    }
}

fn spawn(config: &Path) -> anyhow::Result<Child> {
    let mut broker = Command::new(std::env::current_exe()?);
    broker.args(["broker", "serve", "--config"]).arg(config);
    broker
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    Ok(broker.spawn()?)
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
