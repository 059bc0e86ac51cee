//! Named transactions: they begin with their scope set, retry conflicts, and report under their name.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::connection::TransactionDepthChange;
use diesel::result::Error as DieselError;
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, SimpleAsyncConnection, TransactionManager};

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
    in_time(database, name, attempts(database, scope, name, &work)).await
}

/// The same, where it is known beforehand what has to be seen first: `look` goes out behind the `BEGIN` and waits for no answer
/// to it, which spares a round trip.
///
/// `look` reads, or locks, what row-level security shows to `scope`, and writes nothing. Where the transaction does not begin,
/// `look` may run under the scope of whoever had the connection before, and nobody hears what it returned: it is asked again on
/// another connection.
pub async fn transaction_after<S, T, E, L, F>(
    database: &Database,
    scope: &Scope,
    name: &'static str,
    look: L,
    work: F,
) -> Result<T, E>
where
    L: AsyncFn(&Connection) -> Result<S, E>,
    F: AsyncFn(&mut Connection, S) -> Result<T, E>,
    E: TransactionError,
{
    let attempts = async {
        let mut conflicts = Conflicts { name, met: 0 };
        loop {
            let result = run_after(database, scope, &look, &work).await;
            let Some(pause) = conflicts.pause(&result) else { return result };
            tokio::time::sleep(pause).await;
        }
    };
    in_time(database, name, attempts).await
}

/// Looks without a transaction: every statement of `look` stands alone and sees what `scope` may see, as it does in a transaction of
/// ours, and there is no end of it to wait for. `look` goes out behind the scope, as behind a `BEGIN`.
///
/// `look` writes nothing, and locks nothing: a lock would be gone before its answer is there.
pub async fn glance<S, E, L>(database: &Database, scope: &Scope, name: &'static str, look: L) -> Result<S, E>
where
    L: AsyncFn(&Connection) -> Result<S, E>,
    E: TransactionError,
{
    let attempts = async {
        let mut conflicts = Conflicts { name, met: 0 };
        loop {
            let result = run_glance(database, scope, &look).await;
            let Some(pause) = conflicts.pause(&result) else { return result };
            tokio::time::sleep(pause).await;
        }
    };
    in_time(database, name, attempts).await
}

/// Reports how long it took, under its name.
async fn in_time<T, E: TransactionError>(
    database: &Database,
    name: &'static str,
    attempts: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let started = Instant::now();
    // Dropped in the middle, it leaves a connection that is found broken.
    let attempts = tokio::time::timeout(database.patience().transaction(), attempts);
    let result = attempts.await.unwrap_or_else(|_elapsed| Err(Error::silent().into()));
    metrics::histogram!("db_client_operation_duration_seconds", "name" => name).record(started.elapsed());
    result
}

async fn attempts<T, E, F>(database: &Database, scope: &Scope, name: &'static str, work: &F) -> Result<T, E>
where
    F: AsyncFn(&mut Connection) -> Result<T, E>,
    E: TransactionError,
{
    let mut conflicts = Conflicts { name, met: 0 };
    loop {
        let result = run(database, scope, work).await;
        let Some(pause) = conflicts.pause(&result) else { return result };
        tokio::time::sleep(pause).await;
    }
}

/// How often a transaction met others that it could not go on beside.
struct Conflicts {
    name: &'static str,
    met: u32,
}

impl Conflicts {
    /// How long to wait before it runs again; `None` where its result is the caller's.
    fn pause<T, E: TransactionError>(&mut self, result: &Result<T, E>) -> Option<Duration> {
        let conflict = matches!(result, Err(error) if error.database_fault().is_some_and(Error::is_conflict));
        if !conflict || self.met == CONFLICT_RETRIES {
            return None;
        }
        self.met += 1;
        metrics::counter!("db_transaction_retries_total", "name" => self.name).increment(1);
        Some(Duration::from_millis(5 << self.met))
    }
}

async fn run<T, E, F>(database: &Database, scope: &Scope, work: &F) -> Result<T, E>
where
    F: AsyncFn(&mut Connection) -> Result<T, E>,
    E: TransactionError,
{
    let mut connection = begin(database, scope).await?;
    let done = work(&mut connection).await;
    end(&mut connection, done).await
}

async fn run_after<S, T, E, L, F>(database: &Database, scope: &Scope, look: &L, work: &F) -> Result<T, E>
where
    L: AsyncFn(&Connection) -> Result<S, E>,
    F: AsyncFn(&mut Connection, S) -> Result<T, E>,
    E: TransactionError,
{
    let (mut connection, seen) = begin_with(database, &scope.begin(), look).await?;
    let done = match seen {
        Ok(seen) => work(&mut connection, seen).await,
        Err(error) => Err(error),
    };
    end(&mut connection, done).await
}

async fn run_glance<S, E, L>(database: &Database, scope: &Scope, look: &L) -> Result<S, E>
where
    L: AsyncFn(&Connection) -> Result<S, E>,
    E: TransactionError,
{
    let (mut connection, seen) = begin_with(database, &scope.enter(), look).await?;
    // It was marked as being in a transaction, and leaves the pool like that where it failed: another part of the look may still be
    // under way on it.
    if !matches!(&seen, Err(error) if error.database_fault().is_some()) {
        mark(&mut connection, TransactionDepthChange::DecreaseDepth).map_err(Error::from)?;
    }
    seen
}

async fn end<T, E: TransactionError>(connection: &mut AsyncPgConnection, done: Result<T, E>) -> Result<T, E> {
    match done {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(connection).await.map_err(Error::from)?;
            Ok(value)
        }
        Err(error) => {
            // A rollback that fails leaves the connection marked as broken, and the pool drops it.
            let _ = AnsiTransactionManager::rollback_transaction(connection).await;
            Err(error)
        }
    }
}

/// A pooled connection may have died since its last use. Each failed one leaves the pool, so after as many tries as
/// the pool can hold the next one is fresh, and its failure is the server's. A server that says nothing is not asked twice.
async fn begin(database: &Database, scope: &Scope) -> Result<Object<AsyncPgConnection>, Error> {
    let sql = scope.begin();
    let mut stale = 0;
    loop {
        let mut connection = database.connection().await?;
        let begun = AnsiTransactionManager::begin_transaction_sql(&mut *connection, &sql);
        match answered(database, begun).await {
            Ok(()) => return Ok(connection),
            Err(fault) => stale = leave(database, connection, fault, stale)?,
        }
    }
}

/// The same, with a first look that does not wait for it. `begin` sets the scope.
async fn begin_with<S, E, L>(
    database: &Database,
    begin: &str,
    look: &L,
) -> Result<(Object<AsyncPgConnection>, Result<S, E>), Error>
where
    L: AsyncFn(&Connection) -> Result<S, E>,
{
    let mut stale = 0;
    loop {
        let mut connection = database.connection().await?;
        match begin_and_look(database, &mut connection, begin, look).await {
            Ok(seen) => return Ok((connection, seen)),
            Err(fault) => stale = leave(database, connection, fault, stale)?,
        }
    }
}

async fn begin_and_look<S, E, L>(
    database: &Database,
    connection: &mut AsyncPgConnection,
    begin: &str,
    look: &L,
) -> Result<Result<S, E>, NotBegun>
where
    L: AsyncFn(&Connection) -> Result<S, E>,
{
    // Known to be in a transaction before anything is sent: whoever is cancelled leaves a connection that is found broken.
    mark(connection, TransactionDepthChange::IncreaseDepth).map_err(NotBegun::Failed)?;
    let connection: &Connection = connection;
    let begun = async {
        let mut connection = connection;
        connection.batch_execute(begin).await
    };
    let looked = async { Ok(look(connection).await) };
    // In this order they are sent, and the server keeps to it.
    let ((), seen) = tokio::try_join!(biased; answered(database, begun), looked)?;
    Ok(seen)
}

fn mark(connection: &mut AsyncPgConnection, change: TransactionDepthChange) -> QueryResult<()> {
    AnsiTransactionManager::transaction_manager_status_mut(connection)
        .transaction_state()
        .and_then(|state| state.change_transaction_depth(change))
}

/// Why a transaction did not begin.
enum NotBegun {
    /// The server says nothing.
    Silent,
    Failed(DieselError),
}

async fn answered(database: &Database, begun: impl Future<Output = QueryResult<()>>) -> Result<(), NotBegun> {
    match tokio::time::timeout(database.patience().answer, begun).await {
        Ok(begun) => begun.map_err(NotBegun::Failed),
        Err(_elapsed) => Err(NotBegun::Silent),
    }
}

/// Takes a connection on which nothing began out of the pool, after `stale` others, and says how many that makes.
fn leave(
    database: &Database,
    connection: Object<AsyncPgConnection>,
    fault: NotBegun,
    stale: usize,
) -> Result<usize, Error> {
    drop(Object::take(connection));
    match fault {
        NotBegun::Silent => Err(Error::silent()),
        NotBegun::Failed(error) if stale == database.pool_size() => {
            Err(Error::Unavailable(error.to_string()))
        }
        NotBegun::Failed(_) => Ok(stale + 1),
    }
}
