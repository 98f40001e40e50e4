use std::time::{Duration, Instant};

use anyhow::Context as _;
use broker_client::wire::JobView;
use broker_model::{Job, SiteId};
use broker_store::{Jobs as _, Ledger as _};

use super::reads::submit_some;
use super::{Plan, WARM_UP};
use crate::agent::Teller;
use crate::database::Kind;
use crate::drive::{Drive, repeat};
use crate::fill::{Template, copy};
use crate::rig::{Rig, sample_job};
use crate::table;

const FEW: u32 = 1000;
const CONNECTIONS: usize = 64;
/// Leases asked for at once by one agent.
const LEASED: u32 = 20;

/// The same work on two brokers, one with a thousand finished jobs and one with a million, turn about.
pub(crate) async fn measure(plan: &Plan, kind: Kind) -> anyhow::Result<()> {
    let (few, many) = (FEW, plan.finished);
    table::section(&format!("{few} and {many} finished jobs, {}", kind.name()));
    let small = Grown::with(kind, few).await?;
    let begin = Instant::now();
    let large = Grown::with(kind, many).await?;
    table::figure(
        "seconds to write and seal the many",
        &begin.elapsed().as_secs().to_string(),
    );
    // Leasing comes last: it takes active jobs away, which the lists would show.
    for work in [
        Work::Read,
        Work::Submit,
        Work::List,
        Work::ListActive,
        Work::Lease,
    ] {
        let (mut rates, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
        for round in 0..=plan.rounds {
            let [before, after] = [small.rate(work, plan).await?, large.rate(work, plan).await?];
            // The first round warms both up.
            if round > 0 {
                ratios.push(after / before);
                rates[0].push(before);
                rates[1].push(after);
            }
        }
        let [before, after] = rates.map(table::median);
        table::figure(
            &format!("{}: {before:.0}/s and {after:.0}/s, ratio", work.name()),
            &format!("{:.2}", table::median(ratios)),
        );
    }
    small.rig.stop().await;
    large.rig.stop().await;
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Read,
    Submit,
    Lease,
    List,
    ListActive,
}

impl Work {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "reads of finished jobs",
            Self::Submit => "submissions",
            Self::Lease => "jobs leased, reported and charged",
            Self::List => "first pages of all jobs",
            Self::ListActive => "first pages of active jobs",
        }
    }
}

#[derive(Debug)]
struct Grown {
    rig: Rig,
    finished: u32,
    site: SiteId,
}

impl Grown {
    async fn with(kind: Kind, finished: u32) -> anyhow::Result<Self> {
        let rig = Rig::start(kind).await?;
        let (job, site) = first_job(&rig).await?;
        let attempt = Teller::new(&rig.broker, &site).finish_one().await?;
        let job = rig.store.find_job(job.id).await?.context("the first job")?;
        copy(
            &rig.ground.scratch,
            &Template {
                job: &job,
                attempt: Some(attempt),
            },
            finished,
        )
        .await?;
        sealed(&rig).await?;
        Ok(Self {
            rig,
            finished,
            site,
        })
    }

    async fn rate(&self, work: Work, plan: &Plan) -> anyhow::Result<f64> {
        let rig = &self.rig;
        let drive = |requests, expected| Drive {
            address: rig.address,
            requests: repeat(requests),
            connections: CONNECTIONS,
            expected,
        };
        let time = plan.time.max(WARM_UP);
        let driven = match work {
            Work::Read => drive(self.reads(), 200),
            Work::Submit => {
                let spec = serde_json::to_vec(&sample_job()?)?;
                drive(vec![rig.post("/api/v1/jobs", &spec)], 202)
            }
            Work::List => drive(vec![rig.get("/api/v1/jobs")], 200),
            Work::ListActive => drive(vec![rig.get("/api/v1/jobs?active=true")], 200),
            Work::Lease => return self.leased(time).await,
        };
        Ok(driven.closed(time).await?.per_second)
    }

    /// Reads over the whole range of finished jobs, so that not one corner is in every cache.
    fn reads(&self) -> Vec<Vec<u8>> {
        let step = usize::try_from((self.finished / 1000).max(1)).unwrap_or(1);
        let numbers = (0..self.finished).step_by(step);
        let path = |number| format!("/api/v1/jobs/job_01900000{number:08x}7000800000000000");
        numbers.map(|number| self.rig.get(&path(number))).collect()
    }

    /// Placed jobs through the broker's part of their lives, by an agent that has no scheduler.
    async fn leased(&self, time: Duration) -> anyhow::Result<f64> {
        let agent = Teller::new(&self.rig.broker, &self.site);
        let (begin, mut jobs) = (Instant::now(), 0_u32);
        let mut away = Duration::ZERO;
        while begin.elapsed() < time + away {
            let leased = agent.lease(LEASED).await?;
            if leased.is_empty() {
                let filling = Instant::now();
                submit_some(&self.rig, 400).await?;
                away += filling.elapsed();
            }
            agent.finish(&leased).await?;
            jobs += u32::try_from(leased.len()).unwrap_or(0);
        }
        Ok(f64::from(jobs) / begin.elapsed().saturating_sub(away).as_secs_f64())
    }
}

/// Hands in one job; the job, and where it was placed.
pub(super) async fn first_job(rig: &Rig) -> anyhow::Result<(Job, SiteId)> {
    let spec = serde_json::to_vec(&sample_job()?)?;
    let body = rig.ask(&rig.post("/api/v1/jobs", &spec), 202).await?;
    let view: JobView = serde_json::from_slice(&body)?;
    let job = rig
        .store
        .find_job(view.id)
        .await?
        .context("the job that was accepted")?;
    let site = job
        .state
        .partition()
        .context("the sample job was not placed")?
        .site
        .clone();
    Ok((job, site))
}

/// Waits until the sealing loop has every entry in the tree.
async fn sealed(rig: &Rig) -> anyhow::Result<()> {
    let mut look = tokio::time::interval(Duration::from_millis(200));
    for _ in 0..3000 {
        look.tick().await;
        let checkpoint = rig.store.latest_checkpoint().await?;
        let sealed = checkpoint.map_or(0, |checkpoint| checkpoint.tree_size);
        if sealed == rig.store.ledger_size().await? {
            return Ok(());
        }
        rig.broker.nudges().ledger();
    }
    anyhow::bail!("the ledger was not sealed within ten minutes")
}
