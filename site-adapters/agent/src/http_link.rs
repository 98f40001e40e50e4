mod persons;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use agent_link::{EnrolReply, EnrolRequest, InviteText, RotateReply, RotateRequest};
use async_trait::async_trait;
use broker_model::{Clock as _, SystemClock};
use jiff::Timestamp;
use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use site_adapter::{BrokerLink, LeaseReply, LeaseRequest, LinkError, Report, ReportReply};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use url::Url;

use crate::exchange::{Miss, Parties, exchange};
use crate::identity::{Identity, IdentityError, enrolling_key, next_key, rotation_lock};
use crate::proxy::{ProxyConfig, through};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct HttpLinkConfig {
    /// Where the identity is kept.
    pub data_dir: PathBuf,
    /// Another address of the broker than the invite had.
    pub broker: Option<Url>,
    /// PEM; trusted beside the system's own authorities.
    pub ca_file: Option<PathBuf>,
    pub proxy: Option<ProxyConfig>,
}

#[derive(Debug, thiserror::Error)]
pub enum HttpLinkError {
    #[error("cannot read `{path}`; it must exist and be readable by the agent")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{0}` does not hold one line `user:password`")]
    BadCredentials(PathBuf),
    #[error("`{path}` holds no certificate in PEM form")]
    BadCertificate {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error(
        "the broker's address `{0}` is neither `https` nor a loopback address; what jobs hold must \
         not travel in the clear"
    )]
    Insecure(Url),
    #[error("the HTTPS client cannot be made")]
    Client(#[source] reqwest::Error),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Broker(#[from] LinkError),
    #[error("the disk cannot be used just now")]
    Interrupted(#[source] tokio::task::JoinError),
    #[error("the broker put this agent at the site {given}, and the invite is for {asked}")]
    AnotherSite { given: String, asked: String },
}

/// Speaks with the broker over HTTPS (`/agent/v1`), every request signed with the agent's key and every
/// answer checked against the broker's; `HTTPS_PROXY` and `NO_PROXY` are honoured.
pub struct HttpLink {
    client: Client,
    base: Url,
    data_dir: PathBuf,
    identity: RwLock<Arc<Identity>>,
    /// Kept while the key is changed: between the broker's answer and the disk both keys are known in
    /// part only.
    rotating: Mutex<()>,
}

impl fmt::Debug for HttpLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLink")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl HttpLink {
    /// The link of an agent that is enrolled.
    pub fn new(config: &HttpLinkConfig) -> Result<Self, HttpLinkError> {
        let identity = Identity::load(&config.data_dir)?;
        let base = config.broker.as_ref().unwrap_or(&identity.broker).clone();
        Ok(Self {
            client: client(config, &base)?,
            base,
            data_dir: config.data_dir.clone(),
            identity: RwLock::new(Arc::new(identity)),
            rotating: Mutex::default(),
        })
    }

    pub fn identity(&self) -> Arc<Identity> {
        let identity = self.identity.read();
        identity.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a new key in the place of the present one; until when the old one counts, too.
    ///
    /// The new one is on the disk before the broker hears of it: whenever the agent is killed, what it
    /// finds then is a key that counts.
    pub async fn rotate(&self, now: Timestamp) -> Result<Timestamp, HttpLinkError> {
        let _rotating = self.rotating.lock().await;
        let folder = self.data_dir.clone();
        // The running agent and `rotate-key` beside it must not make two: held to the end.
        let begun = on_disk(move || {
            let held = rotation_lock(&folder)?;
            let present = Identity::load(&folder)?;
            let next = next_key(&folder, &present, now)?;
            Ok((held, present, next))
        });
        let (_held, present, next) = begun.await?;
        let reply = self.tell_next(&present, &next).await?;
        let (folder, stored) = (self.data_dir.clone(), next.clone());
        on_disk(move || stored.store(&folder)).await?;
        self.put(next);
        Ok(reply.old_key_until)
    }

    async fn tell_next(&self, present: &Identity, next: &Identity) -> Result<RotateReply, Miss> {
        let request = RotateRequest::new(&next.key, next.agent);
        match self
            .post_as(present, "rotate", &request, ANSWER_TIMEOUT)
            .await
        {
            // Begun long ago: the old key may count no more, and the new one does.
            Err(Miss::Refusal(told)) if told.is_unauthorized() => {
                let again = self.post_as(next, "rotate", &request, ANSWER_TIMEOUT);
                again.await.map_err(|_| Miss::Refusal(told))
            }
            told => told,
        }
    }

    /// Ends a rotation that the agent was killed in.
    pub async fn finish_rotation(&self) -> Result<bool, HttpLinkError> {
        let folder = self.data_dir.clone();
        if on_disk(move || Identity::next(&folder)).await?.is_none() {
            return Ok(false);
        }
        self.rotate(SystemClock.now()).await?;
        Ok(true)
    }

    fn put(&self, identity: Identity) {
        let mut present = self
            .identity
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *present = Arc::new(identity);
    }

    async fn post<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        message: &Q,
        timeout: Duration,
    ) -> Result<A, Miss> {
        let identity = self.identity();
        match self.post_as(&identity, path, message, timeout).await {
            // `alcyone-agent rotate-key` may have put another key there meanwhile.
            Err(Miss::Refusal(told)) if told.is_unauthorized() => {
                match self.reread(&identity).await {
                    Some(fresh) => self.post_as(&fresh, path, message, timeout).await,
                    None => Err(Miss::Refusal(told)),
                }
            }
            answer => answer,
        }
    }

    async fn post_as<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        identity: &Identity,
        path: &str,
        message: &Q,
        timeout: Duration,
    ) -> Result<A, Miss> {
        let parties = Parties {
            key: &identity.key,
            key_id: &identity.key.public().id(),
            broker_key: &identity.broker_key,
        };
        let body = serde_json::to_vec(message)
            .map_err(|error| LinkError::Refused(format!("a message cannot be written: {error}")))?;
        exchange(&self.client, &parties, &at(&self.base, path), body, timeout).await
    }

    /// The identity on the disk, if it is another one than this.
    async fn reread(&self, refused: &Identity) -> Option<Arc<Identity>> {
        let _settled = self.rotating.lock().await;
        let folder = self.data_dir.clone();
        let fresh = on_disk(move || Identity::load(&folder)).await.ok()?;
        if fresh.key.public() == refused.key.public() {
            return None;
        }
        self.put(fresh);
        Some(self.identity())
    }
}

impl From<Miss> for HttpLinkError {
    fn from(miss: Miss) -> Self {
        Self::Broker(miss.into())
    }
}

/// Beside the agent's loops: a disk may take its time.
async fn on_disk<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, IdentityError> + Send + 'static,
) -> Result<T, HttpLinkError> {
    let done = spawn_blocking(act).await;
    Ok(done.map_err(HttpLinkError::Interrupted)??)
}

/// Enrols an agent by an invite, and keeps its identity in the data folder. Again with the same invite
/// after a lost answer is no second agent.
pub async fn enrol(
    config: &HttpLinkConfig,
    invite: &InviteText,
    host: String,
    now: Timestamp,
) -> Result<Identity, HttpLinkError> {
    Identity::must_be_new(&config.data_dir)?;
    let base = config.broker.as_ref().unwrap_or(&invite.broker);
    let client = client(config, base)?;
    let key = enrolling_key(&config.data_dir, invite)?;
    let id = invite.id.to_string();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let request = EnrolRequest::new(&key, &id, host, version);
    let parties = Parties {
        key: &invite.key,
        key_id: &id,
        broker_key: &invite.broker_key,
    };
    let body = serde_json::to_vec(&request)
        .map_err(|error| LinkError::Refused(format!("the request cannot be written: {error}")))?;
    let url = at(base, "enrol");
    let reply: EnrolReply = exchange(&client, &parties, &url, body, ANSWER_TIMEOUT).await?;
    if reply.site != invite.site {
        return Err(HttpLinkError::AnotherSite {
            given: reply.site.to_string(),
            asked: invite.site.to_string(),
        });
    }
    let identity = Identity {
        agent: reply.agent,
        site: reply.site,
        broker: invite.broker.clone(),
        broker_key: invite.broker_key,
        key,
        key_made_at: now,
    };
    identity.store(&config.data_dir)?;
    Ok(identity)
}

#[async_trait]
impl BrokerLink for HttpLink {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseReply, LinkError> {
        let wait = Duration::from_secs(u64::from(request.wait_seconds));
        Ok(self.post("lease", &request, wait + ANSWER_TIMEOUT).await?)
    }

    async fn report(&self, report: Report) -> Result<ReportReply, LinkError> {
        Ok(self.post("report", &report, ANSWER_TIMEOUT).await?)
    }
}

fn client(config: &HttpLinkConfig, base: &Url) -> Result<Client, HttpLinkError> {
    if !is_safe(base) {
        return Err(HttpLinkError::Insecure(base.clone()));
    }
    let mut builder = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("alcyone-agent/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = &config.ca_file {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    let builder = through(builder, config.proxy.as_ref())?;
    builder.build().map_err(HttpLinkError::Client)
}

fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let folder = base.path().trim_end_matches('/');
    url.set_path(&format!("{folder}/agent/v1/{path}"));
    url
}

pub(crate) fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, HttpLinkError> {
    let pem = std::fs::read(path).map_err(|source| HttpLinkError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    reqwest::Certificate::from_pem_bundle(&pem).map_err(|source| HttpLinkError::BadCertificate {
        path: path.to_owned(),
        source,
    })
}
