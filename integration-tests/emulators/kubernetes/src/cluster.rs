mod befall;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::faults::Faults;
use crate::store::{Store, text};
use crate::tls::Authority;
use crate::{deletion, jobs, kubelet, kueue, scheduler, server};

pub const TOKEN: &str = "submitter-token";
pub const NAMESPACE: &str = "team-a";
/// How often controllers, scheduler and kubelet look.
const TICK: Duration = Duration::from_millis(20);

/// One emulated cluster; its processes end with it.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    server: Mutex<Option<JoinHandle<()>>>,
    controllers: JoinHandle<()>,
    folder: TempDir,
    authority: Option<Authority>,
}

/// How a kubeconfig proves who its user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    Token,
    TokenFile,
    Certificate,
}

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) version: watch::Sender<u64>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    pub(crate) folder: PathBuf,
    /// The submitter's, as it is accepted now.
    pub(crate) token: String,
    /// By the pod's uid.
    pub(crate) processes: HashMap<String, kubelet::Process>,
    /// Of all nodes where the first is empty: node and image.
    pub(crate) missing_images: HashSet<(String, String)>,
    /// Kinds of which watches tell nothing for now.
    pub(crate) untold: HashSet<String>,
    /// Where the submitter has its rights.
    pub(crate) namespaces: BTreeSet<String>,
    /// Rights that the submitter lacks: verb and resource.
    pub(crate) denied: HashSet<(String, String)>,
    /// The only ones that it has, if so.
    pub(crate) granted: Option<BTreeSet<(String, String)>>,
    pub(crate) used: BTreeSet<(String, String)>,
    /// Quotas of the namespace: resource and hard limit.
    pub(crate) quotas: HashMap<String, i64>,
    pub(crate) kueue: Option<kueue::Kueue>,
    pub(crate) lost_nodes: HashSet<String>,
    /// Indexes that are over, by the Job's uid: their pods may go.
    pub(crate) ends: HashMap<String, jobs::Ends>,
    /// Requests by method, path and query.
    pub(crate) requests: Vec<String>,
    /// Changes that were asked for: the request, and its body.
    pub(crate) bodies: Vec<(String, String)>,
    /// Why no pod of a Job's is let in, if so.
    pub(crate) refused_pods: String,
    /// Every pod's process that was started: its Job's attempt label, and its completion index.
    pub(crate) starts: Vec<(String, Option<u32>)>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the watches if something changed.
    pub(crate) fn publish(&self, state: &State) {
        let version = state.store.version;
        self.version
            .send_if_modified(|known| std::mem::replace(known, version) != version);
    }
}

impl Cluster {
    /// One node `node1` with four `nvidia.com/gpu`, and the namespace `team-a`.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::begin(folder, None).await
    }

    /// The same behind TLS, with an authority of its own.
    pub async fn start_with_tls() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        Self::begin(folder, Some(authority)).await
    }

    async fn begin(folder: TempDir, authority: Option<Authority>) -> Self {
        let mut store = Store::new();
        store.put("nodes", node("node1", 4));
        let state = State {
            store,
            faults: Faults::default(),
            folder: folder.path().to_owned(),
            token: TOKEN.to_owned(),
            processes: HashMap::new(),
            missing_images: HashSet::new(),
            untold: HashSet::new(),
            namespaces: BTreeSet::from([NAMESPACE.to_owned()]),
            denied: HashSet::new(),
            granted: None,
            used: BTreeSet::new(),
            quotas: HashMap::new(),
            kueue: None,
            lost_nodes: HashSet::new(),
            ends: HashMap::new(),
            requests: Vec::new(),
            bodies: Vec::new(),
            refused_pods: String::new(),
            starts: Vec::new(),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            version: watch::Sender::new(0),
        });
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        let tls = authority.as_ref().map(|own| own.acceptor.clone());
        let (address, serving) = server::serve(Arc::clone(&shared), "127.0.0.1:0", tls).await;
        Self {
            controllers: tokio::spawn(control(Arc::clone(&shared))),
            shared,
            address,
            server: Mutex::new(Some(serving)),
            folder,
            authority,
        }
    }

    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// The authority's certificate, of a cluster with TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.authority.as_ref().unwrap().ca_file.clone()
    }

    /// Writes a kubeconfig of its own for the credential, with everything but a token's file inside it.
    pub fn kubeconfig(&self, credential: Credential) -> PathBuf {
        use base64::Engine as _;
        let inside = |path: &Path| {
            let engine = base64::engine::general_purpose::STANDARD;
            engine.encode(std::fs::read(path).unwrap())
        };
        let authority = self.authority.as_ref().unwrap();
        let user = match credential {
            Credential::Token => json!({ "token": self.shared.lock().token }),
            Credential::TokenFile => json!({ "tokenFile": self.token_file() }),
            Credential::Certificate => json!({
                "client-certificate-data": inside(&authority.client_certificate),
                "client-key-data": inside(&authority.client_key),
            }),
        };
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "main",
            "clusters": [{ "name": "emulated", "cluster": {
                "server": self.url(),
                "certificate-authority-data": inside(&authority.ca_file),
            } }],
            "users": [{ "name": "submitter", "user": user }],
            "contexts": [
                { "name": "main", "context": { "cluster": "emulated", "user": "submitter" } },
                { "name": "nobody", "context": { "cluster": "emulated", "user": "nobody" } },
            ],
        });
        let path = self
            .folder
            .path()
            .join(format!("{credential:?}.kubeconfig"));
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// The token in the file is another one from now on, and the one before is refused.
    pub fn rotate_token(&self, new: &str) {
        std::fs::write(self.token_file(), new).unwrap();
        new.clone_into(&mut self.shared.lock().token);
    }

    /// A file with the submitter's token.
    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The API server goes away with all its connections; what runs runs on.
    pub fn stop(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = server.take() {
            server.abort();
        }
    }

    /// It comes back with the certificate of another authority; its file is replaced.
    pub async fn restart_with_another_authority(&mut self) {
        self.stop();
        self.authority = Some(Authority::new(self.folder.path()));
        self.restart().await;
    }

    /// It comes back at the same address and has forgotten old versions.
    pub async fn restart(&self) {
        self.stop();
        self.shared.lock().store.compact();
        let tls = self.authority.as_ref().map(|own| own.acceptor.clone());
        let address = self.address.to_string();
        let (_, serving) = server::serve(Arc::clone(&self.shared), &address, tls).await;
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        *server = Some(serving);
    }

    /// Stores an object as it is, or in the place of another.
    pub fn put(&self, plural: &str, object: Value) {
        self.change(|state| {
            state.store.put(plural, object);
        });
    }

    pub fn get(&self, plural: &str, name: &str) -> Option<Value> {
        self.shared
            .lock()
            .store
            .get(plural, NAMESPACE, name)
            .cloned()
    }

    pub fn all(&self, plural: &str) -> Vec<Value> {
        self.shared.lock().store.all(plural)
    }

    /// How often a pod's process was started for an attempt.
    pub fn starts_of(&self, attempt: &str) -> usize {
        let state = self.shared.lock();
        state
            .starts
            .iter()
            .filter(|(started, _)| started == attempt)
            .count()
    }

    /// Every start of a pod's process: the attempt, and the completion index if its Job is indexed.
    pub fn starts(&self) -> Vec<(String, Option<u32>)> {
        self.shared.lock().starts.clone()
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far that begin so and have that in their query.
    pub fn requests_with(&self, beginning: &str, part: &str) -> usize {
        let state = self.shared.lock();
        let own = state.requests.iter();
        own.filter(|request| request.starts_with(beginning) && request.contains(part))
            .count()
    }

    /// The requests so far that begin so: `POST /apis/batch/v1/namespaces/team-a/jobs`.
    pub fn requests(&self, beginning: &str) -> usize {
        let state = self.shared.lock();
        let own = state.requests.iter();
        own.filter(|request| request.starts_with(beginning)).count()
    }

    /// The API server goes away and comes back with an etcd restored from before: same objects, lower
    /// versions.
    pub async fn restore_older_versions(&self) {
        self.stop();
        self.shared.lock().store.restore();
        self.restart().await;
    }

    /// Requests that begin so and have those characters in their body.
    pub fn requests_with_body(&self, beginning: &str, part: &str) -> usize {
        let state = self.shared.lock();
        let own = state.bodies.iter();
        own.filter(|(request, body)| request.starts_with(beginning) && body.contains(part))
            .count()
    }

    /// Versions that a watch may resume from begin anew.
    pub fn forget_versions(&self) {
        self.change(|state| state.store.compact());
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.lock();
        change(&mut state);
        self.shared.publish(&state);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        self.controllers.abort();
        kubelet::kill_all(&mut self.shared.lock());
    }
}

pub(crate) fn node(name: &str, gpus: u32) -> Value {
    let amounts = json!({
        "cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": gpus.to_string(),
    });
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {
            "name": name, "uid": format!("node-{name}"),
            "labels": { "kubernetes.io/hostname": name },
        },
        "spec": {},
        "status": {
            "capacity": amounts, "allocatable": amounts,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady",
                "message": "kubelet is posting ready status",
            }],
        },
    })
}

async fn control(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(TICK);
    // Requests come between, however long a look takes.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut state = shared.lock();
        kueue::reconcile(&mut state);
        let due = state.store.each("jobs").filter(|job| jobs::is_due(job));
        for job in due.cloned().collect::<Vec<Value>>() {
            jobs::reconcile(&mut state, job);
        }
        deletion::collect(&mut state);
        scheduler::bind(&mut state);
        kubelet::sync(&mut state);
        shared.publish(&state);
    }
}

/// The pods that a Job controls.
pub(crate) fn pods_of(state: &State, job: &Value) -> Vec<Value> {
    let uid = text(job, "/metadata/uid");
    let all = state.store.each("pods");
    all.filter(|pod| text(pod, "/metadata/ownerReferences/0/uid") == uid)
        .cloned()
        .collect()
}
