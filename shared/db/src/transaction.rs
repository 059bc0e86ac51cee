//! Named transactions: they begin with their scope set, retry conflicts, and report under their name.

use std::time::{Duration, Instant};

use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};

use crate::database::Patience;
use crate::{Connection, Database, Error, Scope, TransactionError};

/// A conflict is tried again this often before it is the caller's.
const CONFLICT_RETRIES: u32 = 4;

/// Runs `work` in one transaction that sees only what `scope` may see, and commits when it returns `Ok`.
///
/// `work` runs again from its start after a serialization failure or a deadlock, so it must have no effect outside
/// the database. When the caller is cancelled in the middle, the connection is found broken and leaves the pool.
/// A commit whose answer is lost reports [`Error::Unavailable`]: the caller cannot know, and asks again by the same
/// idempotency key. So does a transaction that a hanging server keeps waiting: see [`Patience`].
pub async fn transaction<T, E, F>(
    database: &Database,
    scope: &Scope,
    name: &'static str,
    work: F,
) -> Result<T, E>
where
    F: AsyncFn(&mut Connection) -> Result<T, E>,
    E: TransactionError,
{
    let started = Instant::now();
    // Dropped in the middle, it leaves a connection that is found broken.
    let attempts =
        tokio::time::timeout(database.patience().transaction(), attempts(database, scope, name, &work));
    let result = attempts.await.unwrap_or_else(|_elapsed| Err(Error::silent().into()));
    metrics::histogram!("db_client_operation_duration_seconds", "name" => name).record(started.elapsed());
    result
}

async fn attempts<T, E, F>(database: &Database, scope: &Scope, name: &'static str, work: &F) -> Result<T, E>
where
    F: AsyncFn(&mut Connection) -> Result<T, E>,
    E: TransactionError,
{
    let mut conflicts = 0;
    loop {
        let result = run(database, scope, work).await;
        let conflict =
            matches!(&result, Err(error) if error.database_fault().is_some_and(Error::is_conflict));
        if !conflict || conflicts == CONFLICT_RETRIES {
            return result;
        }
        conflicts += 1;
        metrics::counter!("db_transaction_retries_total", "name" => name).increment(1);
        tokio::time::sleep(Duration::from_millis(5 << conflicts)).await;
    }
}

async fn run<T, E, F>(database: &Database, scope: &Scope, work: &F) -> Result<T, E>
where
    F: AsyncFn(&mut Connection) -> Result<T, E>,
    E: TransactionError,
{
    let mut connection = begin(database, scope).await?;
    match work(&mut connection).await {
        Ok(value) => {
            commit(&mut connection).await?;
            Ok(value)
        }
        Err(error) => {
            // A rollback that fails leaves the connection marked as broken, and the pool drops it.
            let _ = AnsiTransactionManager::rollback_transaction(&mut *connection).await;
            Err(error)
        }
    }
}

/// A pooled connection may have died since its last use. Each failed one leaves the pool, so after as many tries as
/// the pool can hold the next one is fresh, and its failure is the server's. A server that says nothing is not asked twice.
async fn begin(database: &Database, scope: &Scope) -> Result<Object<AsyncPgConnection>, Error> {
    let sql = scope.begin();
    let Patience { answer, .. } = database.patience();
    let mut stale = 0;
    loop {
        let mut connection = database.connection().await?;
        let begun = AnsiTransactionManager::begin_transaction_sql(&mut *connection, &sql);
        match tokio::time::timeout(answer, begun).await {
            Ok(Ok(())) => return Ok(connection),
            Err(_elapsed) => {
                drop(Object::take(connection));
                return Err(Error::silent());
            }
            Ok(Err(error)) => {
                drop(Object::take(connection));
                if stale == database.pool_size() {
                    return Err(Error::Unavailable(error.to_string()));
                }
                stale += 1;
            }
        }
    }
}

async fn commit(connection: &mut AsyncPgConnection) -> Result<(), Error> {
    AnsiTransactionManager::commit_transaction(connection).await.map_err(Error::from)
}
