//! A bad network on purpose: a proxy before any HTTP server that delays, cuts, lies and falls silent.
//!
//! What it does to each request is drawn from a seed, so a run can be made again as far as the
//! order of requests is the same.

mod exchange;
mod plan;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

pub use plan::{Fault, Plan};

/// Stands before one server, one request a connection.
#[derive(Debug)]
pub struct FaultyProxy {
    url: Url,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    plan: Plan,
    draws: Mutex<StdRng>,
    calm: AtomicBool,
    done: Mutex<BTreeMap<&'static str, u64>>,
}

impl FaultyProxy {
    pub async fn before(server: SocketAddr, plan: Plan, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            server,
            plan,
            draws: Mutex::new(StdRng::seed_from_u64(seed)),
            calm: AtomicBool::new(false),
            done: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self {
            url: Url::parse(&format!("http://{at}")).expect("a URL"),
            shared,
            serving,
        }
    }

    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// No more faults: what is left to do gets through.
    pub fn calm(&self) {
        self.shared.calm.store(true, Ordering::Relaxed);
    }

    /// How often each fault was done so far, `passed` among them.
    pub fn done(&self) -> BTreeMap<&'static str, u64> {
        let done = self.shared.done.lock();
        done.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn draw(&self) -> Fault {
        if self.calm.load(Ordering::Relaxed) {
            return Fault::None;
        }
        let mut draws = self.draws.lock().unwrap_or_else(PoisonError::into_inner);
        self.plan.draw(&mut *draws)
    }

    fn count(&self, fault: Fault) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done.entry(fault.as_str()).or_default() += 1;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A broken connection is what this is for.
            let _either_way = one(client, &shared).await;
        });
    }
}

async fn one(mut client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Some(request) = exchange::read_request(&mut client).await? else {
        return Ok(());
    };
    let fault = shared.draw();
    shared.count(fault);
    exchange::play(fault, client, shared.server, &request).await
}
