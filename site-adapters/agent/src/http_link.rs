mod persons;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use agent_link::{EnrolReply, EnrolRequest, InviteText, KeyPair, RotateReply, RotateRequest};
use async_trait::async_trait;
use broker_model::{Clock as _, SystemClock};
use jiff::Timestamp;
use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use site_adapter::{BrokerLink, LeaseReply, LeaseRequest, LinkError, Report, ReportReply};
use url::Url;

use crate::exchange::{Parties, exchange};
use crate::identity::{Identity, IdentityError, enrolling_key, rotation_lock};
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
        // The running agent and `rotate-key` beside it must not make two.
        let _held = rotation_lock(&self.data_dir)?;
        let present = Identity::load(&self.data_dir)?;
        let next = if let Some(begun) = Identity::next(&self.data_dir)? {
            begun
        } else {
            let made = Identity {
                key: KeyPair::generate(),
                key_made_at: now,
                ..present.clone()
            };
            made.store_next(&self.data_dir)?;
            made
        };
        let request = RotateRequest::new(&next.key, next.agent);
        let told = self.post_as(&present, "rotate", &request, ANSWER_TIMEOUT);
        let reply: RotateReply = match told.await {
            // Begun long ago: the old key may count no more, and the new one does.
            Err(LinkError::Unauthorized(words)) => {
                let told = self.post_as(&next, "rotate", &request, ANSWER_TIMEOUT);
                told.await.map_err(|_| LinkError::Unauthorized(words))?
            }
            told => told?,
        };
        next.store(&self.data_dir)?;
        self.put(next);
        Ok(reply.old_key_until)
    }

    /// Ends a rotation that the agent was killed in.
    pub async fn finish_rotation(&self) -> Result<bool, HttpLinkError> {
        if Identity::next(&self.data_dir)?.is_none() {
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
    ) -> Result<A, LinkError> {
        let identity = self.identity();
        match self.post_as(&identity, path, message, timeout).await {
            // `alcyone-agent rotate-key` may have put another key there meanwhile.
            Err(LinkError::Unauthorized(words)) => match self.reread(&identity) {
                Some(fresh) => self.post_as(&fresh, path, message, timeout).await,
                None => Err(LinkError::Unauthorized(words)),
            },
            answer => answer,
        }
    }

    async fn post_as<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        identity: &Identity,
        path: &str,
        message: &Q,
        timeout: Duration,
    ) -> Result<A, LinkError> {
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
    fn reread(&self, refused: &Identity) -> Option<Arc<Identity>> {
        let fresh = Identity::load(&self.data_dir).ok()?;
        if fresh.key.public() == refused.key.public() {
            return None;
        }
        self.put(fresh);
        Some(self.identity())
    }
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
        self.post("lease", &request, wait + ANSWER_TIMEOUT).await
    }

    async fn report(&self, report: Report) -> Result<ReportReply, LinkError> {
        self.post("report", &report, ANSWER_TIMEOUT).await
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
