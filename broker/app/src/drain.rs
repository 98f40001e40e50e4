use tokio::sync::watch;

use crate::Broker;

/// Says to what waits in this process that it is about to end.
#[derive(Debug)]
pub(crate) struct Drain(watch::Sender<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Broker {
    /// Ends what only waits: agents that wait for work are answered, streams end so that their clients
    /// take them up again at another replica or at this one's successor. What works goes on.
    pub fn drain(&self) {
        self.inner.drain.0.send_replace(true);
    }

    pub fn is_draining(&self) -> bool {
        *self.inner.drain.0.borrow()
    }

    /// Returns once [`drain`](Self::drain) was called.
    pub async fn drained(&self) {
        // It fails only when the sender is gone, and with it this broker.
        let _ = self
            .inner
            .drain
            .0
            .subscribe()
            .wait_for(|begun| *begun)
            .await;
    }
}
