use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// A proxy as a site would put before its replicas: each new connection goes to the next one, or to
/// one after it that answers.
#[derive(Debug)]
pub struct Front {
    port: u16,
    given: Arc<Vec<AtomicUsize>>,
    serving: JoinHandle<()>,
}

impl Front {
    pub async fn before(port: u16, replicas: &[u16]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .expect("a free port");
        let given: Arc<Vec<AtomicUsize>> =
            Arc::new(replicas.iter().map(|_| AtomicUsize::new(0)).collect());
        let serving = tokio::spawn(serve(listener, replicas.to_vec(), given.clone()));
        Self {
            port,
            given,
            serving,
        }
    }

    pub fn url(&self) -> Url {
        loopback(self.port)
    }

    /// How many connections each replica was given.
    pub fn given(&self) -> Vec<usize> {
        self.given
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) fn loopback(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("a URL")
}

async fn serve(listener: TcpListener, replicas: Vec<u16>, given: Arc<Vec<AtomicUsize>>) {
    let mut turn = 0;
    while let Ok((client, _)) = listener.accept().await {
        turn += 1;
        tokio::spawn(forward(client, replicas.clone(), turn, given.clone()));
    }
}

async fn forward(
    mut client: TcpStream,
    replicas: Vec<u16>,
    turn: usize,
    given: Arc<Vec<AtomicUsize>>,
) {
    for step in 0..replicas.len() {
        let next = (turn + step) % replicas.len();
        let Some(port) = replicas.get(next) else {
            continue;
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        if let Ok(mut replica) = TcpStream::connect(address).await {
            if let Some(count) = given.get(next) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            let _either_hung_up = copy_bidirectional(&mut client, &mut replica).await;
            return;
        }
    }
}
