//! Pod logs by byte offset.
//!
//! The API server tells a log from its start only, and deletes it with its pod, which a cancelled, preempted
//! or evicted job loses at once. So the log of a running job is followed: the stream stays open between two reads and is
//! read on from where the last one ended. A read from elsewhere begins at the start and leaves out what
//! was asked for before. Pods come one after the other, by index: what was told once never changes.
//!
//! The kubelet begins a new file at its `containerLogMaxSize` (10 MiB by default) and tells that one only. A
//! stream that is open goes on through it. One that is opened again while the job runs, after a restart of
//! the agent or for want of `followed_logs`, goes on at the beginning of a file that is shorter than its
//! place, and says so. That a longer one is another file, nothing tells.

mod follower;

use std::time::Duration;

use futures::AsyncBufReadExt as _;
use site_adapter::{Error, ErrorKind, RemoteRef, Result};

use crate::adapter::KubernetesAdapter;
use crate::answer::{Asked, is_about_credentials, lost};
use crate::calls::pods;
use crate::client::get;
use crate::names;

use follower::{Follower, Source, Stream};
pub(crate) use follower::{Followers, sources};

const OPERATION: &str = "GET pods/log";
const MOST_BYTES: usize = 1024 * 1024;
/// How long a read waits for a running job to write something.
const LINGER: Duration = Duration::from_millis(150);

/// What a look for more bytes found.
enum More {
    Bytes(Vec<u8>),
    /// Nothing just now.
    Quiet,
    /// The end of this pod's log.
    End,
}

impl KubernetesAdapter {
    pub(crate) async fn read_output(
        &self,
        job: &RemoteRef,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        let (namespace, name) = (self.namespace(&job.account)?, names::job_name(&job.marker)?);
        let limit = max_bytes.min(MOST_BYTES);
        let sources = self.sources(&namespace, &name, job).await?;
        let follower = self.followers.of(&job.marker);
        let mut follower = follower.lock().await;
        if follower.read != offset {
            *follower = Follower::default();
        }
        let mut bytes = Vec::new();
        while bytes.len() < limit {
            let Some(source) = follower.next(&sources) else {
                break;
            };
            let wanted = if follower.read < offset {
                usize::try_from(offset - follower.read).unwrap_or(usize::MAX)
            } else {
                limit - bytes.len()
            };
            let skips = follower.read < offset;
            match self.more(&namespace, &mut follower, source, wanted).await {
                Ok(More::Bytes(_)) if skips => {}
                Ok(More::Bytes(some)) => bytes.extend(some),
                // Those after it that were read before are known: only the last can be shorter than it was.
                Ok(More::Quiet) if skips && sources.last() == Some(source) => {
                    let read = follower.read_of(source);
                    if !self.is_all(&namespace, source, read).await? {
                        break;
                    }
                    bytes.extend(follower.begin_anew(source, offset, limit));
                }
                Ok(More::Quiet) => break,
                Ok(More::End) => follower.finish(),
                Err(_) if !bytes.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        if follower.read < offset {
            // Shorter than it was: the next read must not take this for its place.
            *follower = Follower::default();
        }
        Ok(bytes)
    }

    /// Whether a pod's log has no more than was read of it just now; a stream may only be slow.
    async fn is_all(&self, namespace: &str, source: &Source, read: u64) -> Result<bool> {
        let path = format!(
            "{}&limitBytes={}",
            log_path(namespace, source),
            read.saturating_add(1)
        );
        let answer = self.transport.call(get(OPERATION, &path)?).await?;
        Ok(answer.status == 200 && answer.body.len() as u64 <= read)
    }

    /// The pods of the job in the order of their logs, by the watches if they know it.
    async fn sources(&self, namespace: &str, name: &str, job: &RemoteRef) -> Result<Vec<Source>> {
        let cache = self.watches.of(&self.transport, namespace);
        let known = cache.with(name, |view| view.job.is(job).then(|| sources(view)));
        if let Some(known) = known {
            return Ok(known.unwrap_or_default());
        }
        let seen = self.seen(namespace, name).await?;
        let ours = seen.filter(|seen| seen.job.is(job));
        Ok(ours.map_or_else(Vec::new, |seen| sources(seen.view())))
    }

    async fn more(
        &self,
        namespace: &str,
        follower: &mut Follower,
        source: &Source,
        wanted: usize,
    ) -> Result<More> {
        let is_new = follower.stream.is_none();
        if is_new && !self.open(namespace, follower, source).await? {
            return Ok(if source.is_over {
                More::End
            } else {
                More::Quiet
            });
        }
        let Some((stream, follows)) = &mut follower.stream else {
            return Ok(More::Quiet);
        };
        let patience = if *follows && !source.is_over {
            LINGER
        } else {
            self.transport.timeout()
        };
        let filled = match tokio::time::timeout(patience, stream.fill_buf()).await {
            Ok(Ok(filled)) => filled,
            Err(_) if *follows => return Ok(More::Quiet),
            Ok(Err(_)) | Err(_) => {
                // Cut: begun again at the next read.
                follower.stream = None;
                let words = "the log's stream broke; it is opened again";
                return Err(Error::new(ErrorKind::Unavailable, OPERATION, words));
            }
        };
        let taken = filled
            .get(..wanted.min(filled.len()))
            .unwrap_or_default()
            .to_vec();
        let is_end = filled.is_empty();
        stream.as_mut().consume(taken.len());
        if is_end {
            follower.stream = None;
            return Ok(if source.is_over {
                More::End
            } else {
                More::Quiet
            });
        }
        follower.took(taken.len());
        Ok(More::Bytes(taken))
    }

    /// Opens a pod's log and goes to where it was read to; `false` while there is none.
    async fn open(
        &self,
        namespace: &str,
        follower: &mut Follower,
        source: &Source,
    ) -> Result<bool> {
        let mut skip = follower.begin(source);
        let follows = !source.is_over;
        let path = format!("{}&follow={follows}", log_path(namespace, source));
        let client = self.transport.client().await?;
        let begun = client.request_stream(get(OPERATION, &path)?.http);
        let stream = match tokio::time::timeout(self.transport.timeout(), begun).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                if is_about_credentials(&error) {
                    self.transport.doubt();
                }
                return match error {
                    kube::Error::Api(status) => none_yet(&status),
                    error => Err(lost(OPERATION, Asked::Read, error)),
                };
            }
            Err(_) => return Err(Error::new(ErrorKind::Unavailable, OPERATION, "no answer")),
        };
        let mut stream: Stream = Box::pin(stream);
        while skip > 0 {
            let filled = tokio::time::timeout(self.transport.timeout(), stream.fill_buf()).await;
            let length = filled.ok().and_then(std::result::Result::ok);
            let length = length.map_or(0, <[u8]>::len);
            if length == 0 {
                // The next read finds out whether it is another file by now.
                *follower = Follower::default();
                let words = "the log broke off before the place that was read to";
                return Err(Error::new(ErrorKind::Unavailable, OPERATION, words));
            }
            let some = usize::try_from(skip).unwrap_or(usize::MAX).min(length);
            stream.as_mut().consume(some);
            skip -= some as u64;
        }
        follower.stream = Some((stream, follows));
        Ok(true)
    }
}

fn log_path(namespace: &str, source: &Source) -> String {
    format!(
        "{}/{}/log?container={}",
        pods::collection(namespace),
        source.name,
        names::CONTAINER
    )
}

/// An answer without a log that is no error: the container has not begun (400), or the pod is gone (404).
fn none_yet(status: &kube::core::Status) -> Result<bool> {
    let kind = match status.code {
        400 | 404 => return Ok(false),
        401 | 403 => ErrorKind::Unauthorized,
        // With the kubelet's address: the node is away.
        _ => ErrorKind::Unavailable,
    };
    Err(Error::new(kind, OPERATION, status.message.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> Result<bool> {
        let answer = crate::facts::answer(name);
        none_yet(&serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn a_log_that_is_not_there_yet_or_any_more_is_no_error() {
        for name in ["log_before_start", "log_deleted", "log_previous"] {
            assert!(!told(name).unwrap(), "{name}");
        }
        // A pod without a node: no content, and a success.
        let unscheduled = crate::facts::answer("log_unscheduled");
        assert!(unscheduled.is_success() && unscheduled.body.is_empty());
    }

    #[test]
    fn a_log_that_may_not_be_read_or_is_out_of_reach_is_an_error() {
        assert_eq!(
            told("log_forbidden").unwrap_err().kind,
            ErrorKind::Unauthorized
        );
        let away = told("node_lost_log").unwrap_err();
        assert_eq!(away.kind, ErrorKind::Unavailable);
    }

    /// The streams apart are refused (`PodLogsQuerySplitStreams` is off), so they are not asked for.
    #[test]
    fn a_log_is_one_stream() {
        assert_eq!(crate::facts::answer("log_stream_stderr").status, 422);
        let whole = crate::facts::recorded("log_whole");
        assert!(whole["body"].as_str().unwrap().ends_with("line 5\nerr\n"));
    }
}
