//! Pools of connections, one per worker thread.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::QueueMode;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};

use crate::Error;

/// A service's database: cheap to clone, safe to share.
///
/// Each worker thread has a pool of its own: a connection's driver task stays on the thread that uses it, which
/// spares a wake-up across threads for every statement.
#[derive(Clone)]
pub struct Database {
    pools: Arc<[Pool<AsyncPgConnection>]>,
    patience: Patience,
}

/// How long a transaction may take, and a server that answers nothing is waited for. What takes a server that works too long it
/// ends itself: a statement after 20 s, a transaction in which nothing happens after 30 s.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To a statement that asks for no work.
    pub answer: Duration,
    /// To a whole transaction, with its repetitions, on a thread that answers requests.
    pub request: Duration,
    /// The same on any other thread: jobs, feeds and commands.
    pub background: Duration,
}

impl Default for Patience {
    /// The gateway gives a request up after 30 s: until then it has to have its answer.
    fn default() -> Self {
        let (answer, request) = (Duration::from_secs(5), Duration::from_secs(25));
        Self { answer, request, background: Duration::from_secs(300) }
    }
}

impl Patience {
    /// To a whole transaction on this thread.
    pub(crate) fn transaction(self) -> Duration {
        if WORKER.get() == BACKGROUND { self.background } else { self.request }
    }
}

/// The pool of the threads that answer no requests.
const BACKGROUND: usize = 0;

thread_local! {
    static WORKER: Cell<usize> = const { Cell::new(BACKGROUND) };
}

/// Says which of the pools a thread uses that answers requests. They are counted from 1.
#[derive(Clone, Copy, Debug)]
pub struct WorkerIndex(pub usize);

impl WorkerIndex {
    /// Gives the current thread its pool. A thread that never calls this shares the first one, with its [`Patience`].
    pub fn enter(self) {
        WORKER.set(self.0);
    }

    /// Which one this thread uses.
    pub fn here() -> Self {
        Self(WORKER.get())
    }
}

/// How long a request waits for a connection before it is told that the database is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

impl Database {
    /// Opens nothing yet: connections are made when first needed. `connections` is per worker.
    pub fn new(url: &str, workers: usize, connections: usize) -> Result<Self, Error> {
        let pools = (0..workers.max(1))
            .map(|_| {
                let mut config = ManagerConfig::default();
                // Anything but Fast asks the server a question on every checkout. A connection that a cancelled
                // request left inside a transaction is found broken and dropped by Fast as well.
                config.recycling_method = RecyclingMethod::Fast;
                let manager = AsyncDieselConnectionManager::new_with_config(url, config);
                Pool::builder(manager)
                    .max_size(connections.max(1))
                    // The one that was used last has its plans and its catalogue at hand.
                    .queue_mode(QueueMode::Lifo)
                    .wait_timeout(Some(ACQUIRE_TIMEOUT))
                    .create_timeout(Some(ACQUIRE_TIMEOUT))
                    .runtime(deadpool::Runtime::Tokio1)
                    .build()
                    .map_err(|error| Error::Unavailable(error.to_string()))
            })
            .collect::<Result<Arc<[_]>, _>>()?;
        Ok(Self { pools, patience: Patience::default() })
    }

    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    fn pool(&self) -> &Pool<AsyncPgConnection> {
        &self.pools[WORKER.get() % self.pools.len()]
    }

    pub(crate) async fn connection(&self) -> Result<Object<AsyncPgConnection>, Error> {
        self.pool().get().await.map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// How many connections a pool may hold: also how many dead ones a restart of the server may leave in it.
    pub(crate) fn pool_size(&self) -> usize {
        self.pool().status().max_size
    }

    /// Connections in use and connections open, over all workers.
    pub fn usage(&self) -> (usize, usize) {
        self.pools.iter().map(|pool| pool.status()).fold((0, 0), |(used, open), status| {
            (used + status.size.saturating_sub(status.available), open + status.size)
        })
    }

    /// Closes every pooled connection; later calls fail.
    pub fn close(&self) {
        for pool in self.pools.iter() {
            pool.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `proxy_read_timeout` in `nginx.conf`.
    const GATEWAY: Duration = Duration::from_secs(30);

    #[test]
    fn a_request_gives_up_before_the_gateway_does_and_other_work_does_not() {
        let here = Patience::default().transaction();
        let worker = std::thread::spawn(|| {
            WorkerIndex(1).enter();
            Patience::default().transaction()
        });
        let at_a_worker = worker.join().unwrap();
        assert!(at_a_worker < GATEWAY && here > GATEWAY, "{at_a_worker:?}, {here:?}");
    }
}
