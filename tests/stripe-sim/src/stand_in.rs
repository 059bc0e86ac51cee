//! All that the handlers share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::clock::WallClock;
use crate::config::Config;
use crate::domain::ids::IdSource;
use crate::faults::Faults;
use crate::store::Store;
use crate::webhooks::sender::Sender;
use crate::webhooks::steering::Steering;

pub struct StandIn {
    pub config: Config,
    pub store: Store,
    pub faults: Faults,
    pub steering: Steering,
    /// Absent when events are sent nowhere.
    pub sender: Option<Sender>,
    pub calls: RunningCalls,
    wake: Arc<Notify>,
}

impl StandIn {
    pub fn new(config: Config, wall: WallClock, ids: IdSource) -> anyhow::Result<Self> {
        let wake = Arc::new(Notify::new());
        let waker = Arc::clone(&wake);
        let store =
            Store::open(config.state_folder.as_deref(), wall, ids, config.webhook.is_some(), move || {
                waker.notify_one()
            })?;
        let sender = config.webhook.clone().map(Sender::new).transpose()?;
        Ok(Self {
            config,
            store,
            faults: Faults::default(),
            steering: Steering::default(),
            sender,
            calls: RunningCalls::default(),
            wake,
        })
    }

    /// Has the delivery loop look again at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// The idempotency keys of the calls that are under way.
#[derive(Debug, Default)]
pub struct RunningCalls(Mutex<HashSet<String>>);

impl RunningCalls {
    /// Nothing when another call with this key is still under way.
    pub fn enter<'a>(&'a self, key: &str) -> Option<RunningCall<'a>> {
        let entered = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        entered.then(|| RunningCall { calls: self, key: key.to_owned() })
    }
}

/// Frees its key when the call ends, however it ends.
#[derive(Debug)]
pub struct RunningCall<'a> {
    calls: &'a RunningCalls,
    key: String,
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
