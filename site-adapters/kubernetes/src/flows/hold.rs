//! Jobs that this adapter holds, since Kubernetes has no dependencies: they are made suspended, and let go
//! when what they wait for is over.

use broker_model::{AfterWhen, OutcomeKind};
use site_adapter::{Activity, Error, ErrorKind, RemoteAfter, Result};

use crate::adapter::{KubernetesAdapter, Seen};
use crate::answer::Asked;
use crate::cache::Known;
use crate::calls::{jobs, services};
use crate::manifest;
use crate::names;
use crate::record::{JobFacts, Verdict};
use crate::states::{began, waiting};

/// The `LocalQueue` of Jobs that name none.
const DEFAULT_QUEUE: &str = "default";

/// How the condition of a dependency stands.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Met,
    NotYet,
    Never(String),
}

impl Standing {
    fn of(after: &RemoteAfter, activity: &Activity) -> Self {
        let Activity::Ended { outcome, .. } = activity else {
            return Self::NotYet;
        };
        let completed = outcome.kind == OutcomeKind::Completed;
        match (after.when, completed) {
            (AfterWhen::Ended, _) | (AfterWhen::Completed, true) | (AfterWhen::Failed, false) => {
                Self::Met
            }
            _ => Self::Never(format!("{} ended: {}", after.marker, outcome.site_words)),
        }
    }

    fn of_unknown(after: &RemoteAfter) -> Self {
        match after.when {
            AfterWhen::Ended => Self::Met,
            _ => Self::Never(format!(
                "{} is not known here any more, nor how it ended",
                after.marker
            )),
        }
    }
}

/// Whether the watches show a dependency that is not over. What they show as over, or do not show, is
/// asked of the server.
fn is_open(known: Known<'_>, after: &RemoteAfter) -> bool {
    let Ok(name) = names::job_name(&after.marker) else {
        return false;
    };
    known.job(&name).is_some_and(|view| {
        let same = view.job.marker == after.marker && view.job.uid == after.remote.0;
        same && Standing::of(after, &view.activity(None)) == Standing::NotYet
    })
}

/// The wait of a held Job, while everything it waits for goes on: that costs no question.
pub(crate) fn still_waits(known: Known<'_>, job: &JobFacts) -> Option<Activity> {
    let after = job.after.as_deref().unwrap_or_default();
    let open = !after.is_empty() && after.iter().all(|each| is_open(known, each));
    open.then(|| waits_for(after.iter()))
}

fn waits_for<'a>(after: impl Iterator<Item = &'a RemoteAfter>) -> Activity {
    let markers: Vec<&str> = after.map(|each| each.marker.as_str()).collect();
    waiting(format!("Dependency: {}", markers.join(", ")))
}

impl KubernetesAdapter {
    /// Lets a held Job go, ends it, or notes what it need not wait for any more.
    pub(crate) async fn hold(&self, seen: Seen) -> Result<Option<Activity>> {
        let open = match self.open_of(&seen.job).await? {
            Ok(open) => open,
            Err(words) => {
                let verdict = Verdict::new(OutcomeKind::DependencyFailed, words);
                return self.end(seen, verdict).await;
            }
        };
        if open.is_empty() {
            self.release(&seen.job).await?;
            return Ok(None);
        }
        let before = seen.job.after.as_ref().map_or(0, Vec::len);
        if open.len() < before {
            self.note_open(&seen.job, &open).await?;
        }
        Ok(Some(waits_for(open.iter())))
    }

    /// Somebody let go what this adapter holds. It is held again, unless its code began or a queue has it,
    /// which would let it go once more.
    pub(crate) async fn hold_again(&self, seen: Seen) -> Result<Option<Activity>> {
        let words = match self.open_of(&seen.job).await? {
            Ok(open) if open.is_empty() => {
                let job = &seen.job;
                self.serve(job).await?;
                self.patch_job(job, jobs::after_nothing()).await?;
                return Ok(None);
            }
            Ok(open) => {
                let markers: Vec<String> = open.into_iter().map(|each| each.marker).collect();
                format!("{} was not over", markers.join(", "))
            }
            Err(words) => words,
        };
        if seen.pods.iter().any(began) || seen.job.queue.is_some() {
            let words = format!("let go at the site too early: {words}");
            let verdict = Verdict::new(OutcomeKind::Cancelled, words);
            return self.end(seen, verdict).await;
        }
        let change = jobs::suspend(&seen.job);
        self.patch_job(&seen.job, change).await?;
        Ok(None)
    }

    /// What it still waits for; an error's words are why that will never be.
    async fn open_of(
        &self,
        job: &JobFacts,
    ) -> Result<std::result::Result<Vec<RemoteAfter>, String>> {
        let mut open = Vec::new();
        for each in job.after.iter().flatten() {
            match self.standing(&job.namespace, each).await? {
                Standing::Met => {}
                Standing::NotYet => open.push(each.clone()),
                Standing::Never(words) => return Ok(Err(words)),
            }
        }
        Ok(Ok(open))
    }

    async fn standing(&self, namespace: &str, after: &RemoteAfter) -> Result<Standing> {
        let cache = self.watches.known(namespace);
        if cache.is_some_and(|cache| cache.among(|known| is_open(known, after))) {
            return Ok(Standing::NotYet);
        }
        let name = names::job_name(&after.marker)?;
        let found = self.look(namespace, &name, &after.marker).await?;
        let known = found.filter(|job| job.remote_id == after.remote);
        Ok(match known {
            Some(job) => Standing::of(after, &job.activity),
            None => Standing::of_unknown(after),
        })
    }

    /// A dependency that was met stays met when its Job is swept up.
    async fn note_open(&self, job: &JobFacts, open: &[RemoteAfter]) -> Result<()> {
        let text = jobs::text(jobs::PATCH, &open)?;
        self.patch_job(job, jobs::still_after(job, &text)).await?;
        Ok(())
    }

    /// Lets a held Job go, its service first.
    async fn release(&self, job: &JobFacts) -> Result<()> {
        self.serve(job).await?;
        self.let_go(job).await
    }

    /// Several nodes find each other by a service.
    async fn serve(&self, job: &JobFacts) -> Result<()> {
        if job.completions > 1 && !job.is_array {
            let request = services::create(&job.namespace, &manifest::service(job))?;
            let answer = self.transport.call(request).await?;
            if !answer.is_success() && !answer.has_reason("AlreadyExists") {
                return Err(answer.refusal(services::CREATE, Asked::Write));
            }
        }
        Ok(())
    }

    async fn let_go(&self, job: &JobFacts) -> Result<()> {
        let own = job.later_queue.clone().or_else(|| job.queue.clone());
        let queue = match own {
            None if job.parked => self.default_queue(&job.namespace).await?,
            own => own,
        };
        if queue.is_none() && job.parked {
            self.patch_job(job, jobs::unpark()).await?;
        }
        self.patch_job(job, jobs::release(queue.as_deref())).await?;
        Ok(())
    }

    /// The queue of Jobs that name none, where the namespace has it: such a Job is Kueue's to let go.
    async fn default_queue(&self, namespace: &str) -> Result<Option<String>> {
        let Some(version) = self.kueue_version().await? else {
            return Ok(None);
        };
        let queues = self.queues(&version, Some(namespace)).await?;
        let mut names = queues.into_iter().map(|queue| queue.metadata.name);
        Ok(names.find(|name| name == DEFAULT_QUEUE))
    }

    /// The same right after it was made. What is refused then is taken back, for nothing of it ran; what
    /// only failed is tried again by `poll`.
    pub(crate) async fn release_new(&self, job: &JobFacts) -> Result<()> {
        let Err(error) = self.release(job).await else {
            return Ok(());
        };
        if !matches!(error.kind, ErrorKind::Refused | ErrorKind::Unauthorized) {
            return Ok(());
        }
        let stays = |source: Error| {
            let words = "made, cannot be let go, and could not be taken back";
            Error::new(ErrorKind::Unclear, jobs::CREATE, words).caused_by(source)
        };
        self.delete(job).await.map_err(stays)?;
        Err(error)
    }
}
