//! Connections to Redis, which are used without being asked first whether they are still good.

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, QueueMode, RecycleResult};
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError, RedisResult};
use shinkofa_db::WorkerIndex;
use tokio::time::{Instant, timeout_at};

/// Redis, where it is there: cheap to clone, safe to share.
///
/// Each worker thread has a pool of its own, as it has one of the database: a connection answers on the thread that opened it.
#[derive(Clone)]
pub struct Redis(Arc<[Pool<Connections>]>);

/// Of each worker.
const MOST_CONNECTIONS: usize = 16;
/// To open a connection, or to wait for one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(250);

impl Redis {
    /// Opens nothing yet: connections are made when first needed.
    pub fn new(url: &str, workers: usize) -> anyhow::Result<Self> {
        let client = Client::open(url)?;
        let pools = (0..workers.max(1))
            .map(|_| {
                Pool::builder(Connections(client.clone()))
                    .max_size(MOST_CONNECTIONS)
                    .wait_timeout(Some(ACQUIRE_TIMEOUT))
                    .create_timeout(Some(ACQUIRE_TIMEOUT))
                    .queue_mode(QueueMode::Lifo)
                    .runtime(Runtime::Tokio1)
                    .build()
            })
            .collect::<Result<Arc<[_]>, _>>()?;
        Ok(Self(pools))
    }

    /// Asks a question in one round trip; `None` where no answer came within `patience`. A connection that is found dead, or
    /// silent, leaves the pool. In the place of a dead one a fresh one is asked, once.
    pub async fn ask<T, Q, A>(&self, patience: Duration, question: Q) -> Option<T>
    where
        Q: Fn(MultiplexedConnection) -> A,
        A: Future<Output = RedisResult<T>>,
    {
        let until = Instant::now() + patience;
        let pool = &self.0[WorkerIndex::here().0 % self.0.len()];
        for _ in 0..2 {
            let connection = timeout_at(until, pool.get()).await.ok()?.ok()?;
            match timeout_at(until, question(MultiplexedConnection::clone(&connection))).await {
                Ok(Ok(answer)) => return Some(answer),
                Ok(Err(error)) if error.is_io_error() || error.is_unrecoverable_error() => {
                    drop(Object::take(connection));
                    // What lies there died with it: Redis began anew, or left.
                    drop(pool.retain(|_, _| false));
                }
                // Redis is well, and said no.
                Ok(Err(_)) => return None,
                Err(_elapsed) => {
                    drop(Object::take(connection));
                    return None;
                }
            }
        }
        None
    }

    /// Does it answer within `patience`?
    pub async fn answers(&self, patience: Duration) -> bool {
        let ping = |mut connection: MultiplexedConnection| async move {
            redis::cmd("PING").query_async::<String>(&mut connection).await
        };
        self.ask(patience, ping).await.is_some()
    }
}

struct Connections(Client);

impl Manager for Connections {
    type Type = MultiplexedConnection;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<MultiplexedConnection> {
        self.0.get_multiplexed_async_connection().await
    }

    /// To ask a connection whether it is good takes as long as the question that it is wanted for.
    async fn recycle(&self, _: &mut MultiplexedConnection, _: &Metrics) -> RecycleResult<RedisError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn connected() -> Redis {
        connected_by(1)
    }

    fn connected_by(workers: usize) -> Redis {
        Redis::new(&std::env::var("SHINKOFA_TEST_REDIS_URL").expect("the test stores run"), workers).unwrap()
    }

    async fn own_id(ours: &Redis) -> Option<i64> {
        let ask = |mut connection: MultiplexedConnection| async move {
            redis::cmd("CLIENT").arg("ID").query_async::<i64>(&mut connection).await
        };
        ours.ask(PATIENCE, ask).await
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_meanwhile_is_replaced_within_the_question() {
        let (ours, other) = (connected(), connected());
        let before = own_id(&ours).await.unwrap();
        assert_eq!(own_id(&ours).await, Some(before));
        let kill = |mut connection: MultiplexedConnection| async move {
            redis::cmd("CLIENT").arg("KILL").arg("ID").arg(before).query_async::<i64>(&mut connection).await
        };
        assert_eq!(other.ask(PATIENCE, kill).await, Some(1));
        let after = own_id(&ours).await.unwrap();
        assert_ne!(before, after);
    }

    #[tokio::test]
    async fn each_worker_asks_over_a_connection_of_its_own() {
        let ours = connected_by(2);
        WorkerIndex(0).enter();
        let first = own_id(&ours).await.unwrap();
        WorkerIndex(1).enter();
        let second = own_id(&ours).await.unwrap();
        assert_ne!(first, second);
        WorkerIndex(2).enter();
        assert_eq!(own_id(&ours).await, Some(first), "there are two pools");
        WorkerIndex(0).enter();
    }

    #[tokio::test]
    async fn where_nothing_listens_there_is_no_answer() {
        let nowhere = Redis::new("redis://127.0.0.1:1/0", 1).unwrap();
        assert!(!nowhere.answers(PATIENCE).await);
        assert!(Redis::new("nothing of the kind", 1).is_err());
    }

    #[tokio::test]
    async fn what_redis_refuses_costs_no_connection() {
        let ours = connected();
        let before = own_id(&ours).await.unwrap();
        let nonsense = |mut connection: MultiplexedConnection| async move {
            redis::cmd("NONSENSE").query_async::<i64>(&mut connection).await
        };
        assert_eq!(ours.ask(PATIENCE, nonsense).await, None);
        assert_eq!(own_id(&ours).await, Some(before));
    }
}
