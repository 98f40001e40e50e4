use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::faults::{Fault, Faults};
use crate::store::{Store, set_condition, text};
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
    pub(crate) missing_images: HashSet<String>,
    /// Rights that the submitter lacks: verb and resource.
    pub(crate) denied: HashSet<(String, String)>,
    /// The only ones that it has, if so.
    pub(crate) granted: Option<BTreeSet<(String, String)>>,
    pub(crate) used: BTreeSet<(String, String)>,
    /// Quotas of the namespace: resource and hard limit.
    pub(crate) quotas: HashMap<String, i64>,
    pub(crate) kueue: Option<kueue::Kueue>,
    pub(crate) lost_nodes: HashSet<String>,
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
            denied: HashSet::new(),
            granted: None,
            used: BTreeSet::new(),
            quotas: HashMap::new(),
            kueue: None,
            lost_nodes: HashSet::new(),
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

    /// The next request of this method whose address has `path` in it goes wrong.
    pub fn fail_next(&self, method: &str, path: &str, fault: Fault) {
        let method: Method = method.parse().unwrap();
        self.shared.lock().faults.plan(method, path, fault);
    }

    pub fn deny(&self, verb: &str, resource: &str) {
        let right = (verb.to_owned(), resource.to_owned());
        self.shared.lock().denied.insert(right);
    }

    pub fn set_quota(&self, resource: &str, hard: i64) {
        self.shared.lock().quotas.insert(resource.to_owned(), hard);
    }

    pub fn remove_image(&self, image: &str) {
        self.shared.lock().missing_images.insert(image.to_owned());
    }

    pub fn add_node(&self, name: &str, gpus: u32) {
        self.change(|state| {
            state.store.put("nodes", node(name, gpus));
        });
    }

    pub fn cordon(&self, name: &str) {
        self.change(|state| {
            let mut node = state.store.get("nodes", "", name).unwrap().clone();
            node["spec"]["unschedulable"] = true.into();
            state.store.put("nodes", node);
        });
    }

    /// Installs Kueue with a `LocalQueue` named `gpu` that has `gpus` accelerators.
    pub fn install_kueue(&self, gpus: i64) {
        self.change(|state| kueue::install(state, gpus));
    }

    /// Makes a `LocalQueue` named `default`: Kueue gives its label to Jobs without one.
    pub fn queue_by_default(&self) {
        self.change(kueue::queue_by_default);
    }

    /// What was evicted is admitted again.
    pub fn readmit(&self, job: &str) {
        self.change(|state| kueue::readmit(state, job));
    }

    /// The submitter has these rights from now on and no other: verb, and resource as `pods/log`.
    pub fn grant_only(&self, rights: impl IntoIterator<Item = (String, String)>) {
        self.shared.lock().granted = Some(rights.into_iter().collect());
    }

    /// The rights that requests needed so far.
    pub fn rights_used(&self) -> BTreeSet<(String, String)> {
        self.shared.lock().used.clone()
    }

    /// The kubelet begins a new file for the log of a Job's pods, as at `containerLogMaxSize`.
    pub fn rotate_logs(&self, job: &str) {
        kubelet::rotate_logs(&self.shared.lock(), job);
    }

    /// Every pod of a Job's is forbidden from now on, with these words.
    pub fn refuse_pods(&self, words: &str) {
        words.clone_into(&mut self.shared.lock().refused_pods);
    }

    /// Pods that are over go, as by `--terminated-pod-gc-threshold`.
    pub fn sweep_pods(&self) {
        self.change(|state| {
            for pod in state.store.all("pods") {
                if matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed") {
                    let name = text(&pod, "/metadata/name");
                    state.store.remove("pods", NAMESPACE, name);
                }
            }
        });
    }

    pub fn taint(&self, name: &str, key: &str, effect: &str) {
        self.change(|state| {
            let mut node = state.store.get("nodes", "", name).unwrap().clone();
            node["spec"]["taints"] = json!([{ "key": key, "effect": effect }]);
            state.store.put("nodes", node);
        });
    }

    /// A more urgent workload takes the place of the Job of this name.
    pub fn evict(&self, job: &str) {
        self.change(|state| kueue::evict(state, job));
    }

    /// The scheduler removes the Job's pods for a more urgent one.
    pub fn preempt(&self, job: &str) {
        self.change(|state| {
            kubelet::disrupt(
                state,
                job,
                "PreemptionByScheduler",
                "default-scheduler: preempting to accommodate a higher priority pod",
            );
        });
    }

    /// The kernel ends the Job's containers for want of memory.
    pub fn out_of_memory(&self, job: &str) {
        self.change(|state| kubelet::out_of_memory(state, job));
    }

    /// The kubelet of a node is gone: its pods are marked, and no one ends them.
    pub fn lose_node(&self, name: &str) {
        self.change(|state| {
            let mut node = state.store.get("nodes", "", name).unwrap().clone();
            set_condition(
                &mut node,
                "Ready",
                "Unknown",
                "NodeStatusUnknown",
                "Kubelet stopped posting node status.",
            );
            node["spec"]["taints"] = json!([
                { "key": "node.kubernetes.io/unreachable", "effect": "NoExecute" },
                { "key": "node.kubernetes.io/unreachable", "effect": "NoSchedule" },
            ]);
            state.store.put("nodes", node);
            state.lost_nodes.insert(name.to_owned());
            kubelet::disrupt_node(state, name);
        });
    }

    pub fn find_node(&self, name: &str) {
        self.change(|state| {
            let gpus = 4;
            state.store.put("nodes", crate::cluster::node(name, gpus));
            state.lost_nodes.remove(name);
        });
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
