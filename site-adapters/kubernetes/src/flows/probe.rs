use std::collections::BTreeSet;

use broker_model::PartitionId;
use site_adapter::{Error, ErrorKind, ProbeResult, Result};

use crate::adapter::KubernetesAdapter;
use crate::calls::access::{self, Right};
use crate::calls::{kueue, nodes};
use crate::config::PartitionSettings;

/// `podFailurePolicy`, `backoffLimitPerIndex` and `podReplacementPolicy` are on since then.
const OLDEST: (u32, u32) = (1, 29);

/// Namespaces that are asked about to tell one that is shut from an agent without rights.
const MOST_OTHERS: usize = 5;

impl KubernetesAdapter {
    /// The API server, the credential, the agent's rights, the nodes, and Kueue where a partition has a
    /// queue. `/version` is answered to everybody, so the credential is judged by a call that needs it.
    pub(crate) async fn probe_site(&self) -> Vec<ProbeResult> {
        let (server, token, nodes) =
            tokio::join!(self.server(), self.credential(), self.nodes_listed());
        let (server, token) = (server.err(), token.err());
        let up = server.is_none();
        let valid = up && token.is_none();
        let mut told = vec![
            result("api server", server.map(|error| error.to_string())),
            result("token", token.filter(|_| up).map(|error| error.to_string())),
        ];
        if !valid {
            return told;
        }
        told.push(self.authorization().await);
        told.push(result("nodes", nodes.err().map(|error| error.to_string())));
        let queued = self.settings.partitions.iter();
        let queued: Vec<_> = queued.filter(|(_, p)| p.queue.is_some()).collect();
        if !queued.is_empty() {
            told.push(result("kueue", self.kueue_well(&queued).await));
        }
        told
    }

    async fn server(&self) -> Result<()> {
        let answer = self.transport.call(access::version()?).await?;
        let served = access::served(&answer)?;
        if served >= OLDEST {
            return Ok(());
        }
        let words = format!(
            "Kubernetes {}.{} is too old; {}.{} or later is needed",
            served.0, served.1, OLDEST.0, OLDEST.1
        );
        Err(Error::new(ErrorKind::Protocol, access::VERSION, words))
    }

    async fn credential(&self) -> Result<()> {
        let [first, ..] = access::IN_NAMESPACE;
        self.may(first, None).await.map(|_| ())
    }

    async fn nodes_listed(&self) -> Result<()> {
        self.nodes().await.map(|_| ()).map_err(|error| {
            let Error { kind, message, .. } = error;
            let words = format!(
                "{message}; capacity is not known without it: bind the agent to a ClusterRole that may \
                 `list` nodes"
            );
            Error::new(kind, nodes::LIST, words)
        })
    }

    /// The namespaces that are in use, and those that the settings name.
    pub(crate) fn namespaces(&self) -> BTreeSet<String> {
        let watched = self.watches.all().into_iter().map(|(name, _)| name);
        watched
            .chain(self.settings.namespaces.iter().cloned())
            .collect()
    }

    async fn authorization(&self) -> ProbeResult {
        let namespaces = self.namespaces();
        if namespaces.is_empty() {
            return result("authorization (not checked: no namespace is known)", None);
        }
        result("authorization", self.rights(&namespaces).await)
    }

    async fn rights(&self, namespaces: &BTreeSet<String>) -> Option<String> {
        let mut wanted = access::IN_NAMESPACE.to_vec();
        if matches!(self.kueue_version().await, Ok(Some(_))) {
            wanted.extend(access::OF_KUEUE);
        }
        let mut missing = Vec::new();
        for namespace in namespaces {
            for right in wanted.iter().copied() {
                match self.may(right, Some(namespace)).await {
                    Ok(true) => {}
                    Ok(false) => missing.push(format!("{} in {namespace}", named(right))),
                    Err(error) => return Some(error.to_string()),
                }
            }
        }
        (!missing.is_empty()).then(|| {
            format!(
                "the agent may not: {}; bind it to a Role with these rights (config/kubernetes/agent.yaml)",
                missing.join(", ")
            )
        })
    }

    /// Whether jobs may be made in another namespace than this.
    pub(crate) async fn may_create_elsewhere(&self, namespace: &str) -> bool {
        let [create, ..] = access::IN_NAMESPACE;
        let others = self.namespaces().into_iter().filter(|it| it != namespace);
        for other in others.take(MOST_OTHERS) {
            if matches!(self.may(create, Some(&other)).await, Ok(true)) {
                return true;
            }
        }
        false
    }

    async fn may(&self, right: Right, namespace: Option<&str>) -> Result<bool> {
        let request = access::review(right, namespace)?;
        access::allowed(&self.transport.call(request).await?)
    }

    async fn kueue_well(&self, queued: &[(&PartitionId, &PartitionSettings)]) -> Option<String> {
        let version = match self.kueue_version().await {
            Ok(Some(version)) => version,
            Ok(None) => {
                let names: Vec<&str> = queued.iter().map(|(id, _)| id.as_str()).collect();
                return Some(format!(
                    "not installed (no API group kueue.x-k8s.io), and {} have a `queue`: their jobs \
                     would wait for ever",
                    names.join(", ")
                ));
            }
            Err(error) => return Some(error.to_string()),
        };
        let mut wrong = Vec::new();
        for namespace in self.namespaces() {
            match self.queues(&version, Some(&namespace)).await {
                Ok(found) => wrong.extend(found.iter().filter_map(|queue| {
                    let why = queue.inactive()?;
                    Some(format!("{namespace}/{}: {why}", queue.metadata.name))
                })),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }

    pub(crate) async fn queues(
        &self,
        version: &str,
        namespace: Option<&str>,
    ) -> Result<Vec<kueue::Workload>> {
        let request = kueue::queues(version, namespace)?;
        let answer = self.transport.call(request).await?;
        kueue::items(&answer, kueue::QUEUES)
    }
}

fn named(right: Right) -> String {
    let Right {
        verb,
        resource,
        subresource,
        ..
    } = right;
    if subresource.is_empty() {
        return format!("{verb} {resource}");
    }
    format!("{verb} {resource}/{subresource}")
}

fn result(subsystem: &str, problem: Option<String>) -> ProbeResult {
    ProbeResult {
        subsystem: subsystem.to_owned(),
        problem,
    }
}
