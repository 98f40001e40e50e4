//! Jobs that are read at the same time are read in one statement, as changes are committed in one
//! transaction: a question to the database costs more than an answer of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_model::{Job, JobId};
use broker_store::{Store, StoreError};
use tokio::sync::oneshot;

/// Statements under way at once; whoever comes meanwhile shares the next.
const AT_ONCE: usize = 2;
const LARGEST: usize = 200;

type Answer = Result<Option<Job>, StoreError>;
type Askers = Vec<oneshot::Sender<Answer>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct JobReads(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    asked: HashMap<JobId, Askers>,
    readers: usize,
}

/// One that reads for all who wait.
#[derive(Debug)]
struct Reader {
    reads: JobReads,
    counted: bool,
}

impl JobReads {
    /// Finds a job as it is stored at this moment or later.
    pub(crate) async fn find(&self, store: &Arc<dyn Store>, id: JobId) -> Answer {
        let (asker, answer) = oneshot::channel();
        if let Some(reader) = self.ask(id, asker) {
            tokio::spawn(reader.read(Arc::clone(store)));
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Queues behind the statements that run; a reader to be started, if there are too few.
    fn ask(&self, id: JobId, asker: oneshot::Sender<Answer>) -> Option<Reader> {
        let mut waiting = self.waiting();
        waiting.asked.entry(id).or_default().push(asker);
        if waiting.readers == AT_ONCE {
            return None;
        }
        waiting.readers += 1;
        drop(waiting);
        Some(Reader {
            reads: self.clone(),
            counted: true,
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Reads for those who wait until nobody does. A task of its own: a caller that goes away does
    /// not take along what others wait for.
    async fn read(mut self, store: Arc<dyn Store>) {
        loop {
            // Whoever is about to ask comes first: one statement for them all.
            tokio::task::yield_now().await;
            let Some(asked) = self.take() else { return };
            let ids: Vec<JobId> = asked.keys().copied().collect();
            let found = match ids.as_slice() {
                [id] => store.find_job(*id).await.map(Vec::from_iter),
                ids => store.find_jobs(ids).await,
            };
            tell(asked, found);
        }
    }

    /// Who waits now. When nobody does, the reader is no longer counted from that very moment, so
    /// that whoever comes next starts another.
    fn take(&mut self) -> Option<HashMap<JobId, Askers>> {
        let mut waiting = self.reads.waiting();
        if waiting.asked.is_empty() {
            waiting.readers -= 1;
            self.counted = false;
            return None;
        }
        if waiting.asked.len() <= LARGEST {
            return Some(std::mem::take(&mut waiting.asked));
        }
        let ids: Vec<JobId> = waiting.asked.keys().copied().take(LARGEST).collect();
        let some = ids
            .into_iter()
            .filter_map(|id| waiting.asked.remove_entry(&id));
        Some(some.collect())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.counted {
            self.reads.waiting().readers -= 1;
        }
    }
}

fn tell(mut asked: HashMap<JobId, Askers>, found: Result<Vec<Job>, StoreError>) {
    match found {
        Ok(jobs) => {
            for job in jobs {
                let askers = asked.remove(&job.id).unwrap_or_default();
                tell_all(askers, Ok(Some(job)));
            }
            for askers in asked.into_values() {
                tell_all(askers, Ok(None));
            }
        }
        Err(error) => {
            for askers in asked.into_values() {
                tell_all(askers, Err(error.clone()));
            }
        }
    }
}

/// An asker that went away is no matter.
fn tell_all(mut askers: Askers, answer: Answer) {
    let last = askers.pop();
    for asker in askers {
        let _gone = asker.send(answer.clone());
    }
    if let Some(last) = last {
        let _gone = last.send(answer);
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the broker is stopping".to_owned())
}

#[cfg(test)]
mod tests {
    use broker_model::{Ids, SystemClock};
    use broker_store::{SqlStore, StoreOptions};
    use futures::future::join_all;

    use super::*;

    async fn empty_store(folder: &std::path::Path) -> SqlStore {
        let url = format!("sqlite://{}/reads.db", folder.display());
        let store = SqlStore::connect(&url, StoreOptions::default())
            .await
            .unwrap();
        store.migrate().await.unwrap();
        store
    }

    fn unknown(ids: &Ids) -> JobId {
        ids.next(&SystemClock)
    }

    #[tokio::test]
    async fn nobody_is_left_waiting_when_readers_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(empty_store(folder.path()).await);
        let (reads, ids) = (JobReads::default(), Ids::from_os());
        for crowd in [1, 2, 3, LARGEST * 3, 1, 50] {
            let all = (0..crowd).map(|_| reads.find(&store, unknown(&ids)));
            for answer in join_all(all).await {
                assert!(answer.unwrap().is_none());
            }
            assert_eq!(reads.waiting().asked.len(), 0);
        }
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_takes_no_answer_along() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(empty_store(folder.path()).await);
        let (reads, ids) = (JobReads::default(), Ids::from_os());
        let (left, stays) = (unknown(&ids), unknown(&ids));
        let mut leaving = Box::pin(reads.find(&store, left));
        let staying = reads.find(&store, stays);
        assert!(futures::poll!(&mut leaving).is_pending());
        drop(leaving);
        assert!(staying.await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_failure_is_told_to_everybody_who_waits() {
        let folder = tempfile::tempdir().unwrap();
        let store = empty_store(folder.path()).await;
        store.close().await;
        let store: Arc<dyn Store> = Arc::new(store);
        let (reads, ids) = (JobReads::default(), Ids::from_os());
        let all = (0..5).map(|_| reads.find(&store, unknown(&ids)));
        for answer in join_all(all).await {
            assert!(matches!(answer, Err(StoreError::Unavailable(_))));
        }
    }
}
