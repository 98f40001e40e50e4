//! Why a job waits, where neither the Job nor a pod says it: Kueue's Workloads, and the Job's events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use broker_model::OutcomeKind;
use site_adapter::Result;
use tokio::sync::Mutex as AsyncMutex;

use crate::adapter::KubernetesAdapter;
use crate::calls::kueue::{Admission, Loose, Workload};
use crate::calls::{events, kueue};
use crate::record::JobFacts;

/// A reason is asked for again after this.
const FRESH: Duration = Duration::from_secs(10);
/// Whether Kueue is there is asked again after this.
const GROUP_FRESH: Duration = Duration::from_mins(10);
const MOST_KEPT: usize = 20_000;

/// By the Job's uid.
type Admissions = Arc<HashMap<String, Admission>>;

/// What was asked lately, so that a thousand waiting jobs are no thousand questions a tick.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    events: Mutex<HashMap<String, (Instant, Option<String>)>>,
    /// By a Job's uid or a namespace: since when nothing but "never" was told.
    hopeless: Mutex<HashMap<String, Instant>>,
    workloads: AsyncMutex<HashMap<String, (Instant, Admissions)>>,
    group: AsyncMutex<Option<(Instant, Option<String>)>>,
}

impl KubernetesAdapter {
    /// Why a job waits; `None` where nobody says or may be asked.
    pub(crate) async fn why(&self, namespace: &str, name: &str) -> Option<String> {
        let cache = self.watches.known(namespace)?;
        let (uid, queued, fallback) = cache.with(name, |view| {
            let job = view.job;
            let queued = job.suspended && job.queue.is_some();
            let fallback = job.suspended.then(|| "JobSuspended".to_owned());
            (job.uid.clone(), queued, fallback)
        })?;
        if queued {
            let workloads = self.workloads(namespace).await;
            if let Some(own) = workloads.get(&uid) {
                return own.waits_for.clone().or(fallback);
            }
        }
        // A queued Job without a Workload: its events say why (a priority class that is not there).
        let told = self.event(namespace, name, &uid).await;
        told.or(fallback)
    }

    /// Why Kueue stopped a Job, and what that makes of it.
    pub(crate) async fn evicted(&self, job: &JobFacts) -> (OutcomeKind, String) {
        let query = kueue::of_job(&job.uid);
        let own = self.fresh_workloads(&job.namespace, &query).await;
        let own = own.unwrap_or_default();
        let Some(evicted) = own.get(&job.uid).and_then(|own| own.evicted.as_ref()) else {
            let words = "JobSuspended: suspended at the site after it had started";
            return (OutcomeKind::Preempted, words.to_owned());
        };
        let kind = match evicted.reason.as_str() {
            "DeactivatedDueToMaximumExecutionTimeExceeded" | "MaximumExecutionTimeExceeded" => {
                OutcomeKind::TimedOut
            }
            "NodeFailures" | "PodsReadyTimeout" => OutcomeKind::NodeFailure,
            _ => OutcomeKind::Preempted,
        };
        (kind, format!("{}: {}", evicted.reason, evicted.message))
    }

    async fn event(&self, namespace: &str, name: &str, uid: &str) -> Option<String> {
        if let Some(known) = self.reasons.event(uid) {
            return known;
        }
        let told = self.ask_events(namespace, name, uid).await;
        let told = told.unwrap_or_else(|error| {
            tracing::debug!(%error, namespace, name, "events cannot be read");
            None
        });
        self.reasons.remember(uid, told.clone());
        told
    }

    async fn ask_events(&self, namespace: &str, name: &str, uid: &str) -> Result<Option<String>> {
        let answer = self
            .transport
            .call(events::of_job(namespace, name)?)
            .await?;
        events::warning(&answer, uid)
    }

    /// The Workloads of a namespace, at most a few seconds old; none where Kueue or the right is missing.
    async fn workloads(&self, namespace: &str) -> Admissions {
        let mut all = self.reasons.workloads.lock().await;
        if let Some((at, known)) = all.get(namespace)
            && at.elapsed() < FRESH
        {
            return Arc::clone(known);
        }
        let told = self
            .fresh_workloads(namespace, "")
            .await
            .unwrap_or_else(|error| {
                tracing::debug!(%error, namespace, "Kueue's workloads cannot be read");
                Admissions::default()
            });
        all.insert(namespace.to_owned(), (Instant::now(), Arc::clone(&told)));
        told
    }

    async fn fresh_workloads(&self, namespace: &str, query: &str) -> Result<Admissions> {
        let Some(version) = self.kueue_version().await? else {
            return Ok(Admissions::default());
        };
        let path = kueue::workloads(&version, namespace);
        let mut all = HashMap::new();
        self.transport
            .list::<Loose<Workload>>(kueue::WORKLOADS, &path, query, |item| match item {
                Some(workload) => all.extend(workload.admission()),
                None => all.clear(),
            })
            .await?;
        Ok(Arc::new(all))
    }

    /// Where nobody says, it may: the label of a queue does no harm without it.
    pub(crate) async fn may_have_kueue(&self) -> bool {
        !matches!(self.kueue_version().await, Ok(None))
    }

    /// The version of Kueue's API; `None` where the cluster does not have it.
    pub(crate) async fn kueue_version(&self) -> Result<Option<String>> {
        let mut known = self.reasons.group.lock().await;
        if let Some((at, version)) = known.as_ref()
            && at.elapsed() < GROUP_FRESH
        {
            return Ok(version.clone());
        }
        let answer = self.transport.call(kueue::group()?).await?;
        let version = kueue::version(&answer)?;
        *known = Some((Instant::now(), version.clone()));
        Ok(version)
    }
}

impl Reasons {
    #[expect(
        clippy::option_option,
        reason = "not asked lately, and asked without a reason told, are two things"
    )]
    fn event(&self, uid: &str) -> Option<Option<String>> {
        let all = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, reason) = all.get(uid)?;
        (at.elapsed() < FRESH).then(|| reason.clone())
    }

    pub(crate) fn has_hope(&self, of: &str) {
        let mut all = self.hopeless.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(of);
    }

    /// It is without hope: since when.
    pub(crate) fn hopeless_for(&self, of: &str) -> Duration {
        let mut all = self.hopeless.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_KEPT {
            all.clear();
        }
        let since = all.entry(of.to_owned()).or_insert_with(Instant::now);
        since.elapsed()
    }

    fn remember(&self, uid: &str, reason: Option<String>) {
        let mut all = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_KEPT {
            all.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        all.insert(uid.to_owned(), (Instant::now(), reason));
    }
}
