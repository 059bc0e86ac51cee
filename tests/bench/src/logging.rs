//! Has PostgreSQL write down what it is asked while something is done once.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::Instant;

use crate::capture::{self, Transaction};
use crate::database::Database;
use crate::stack::Stack;

/// The transactions that ended while `work` went on, and what came of it.
pub async fn recorded<T>(
    stack: &Stack,
    database: &Database,
    work: impl Future<Output = Result<T>>,
) -> Result<(T, Vec<Transaction>)> {
    let log = stack.postgres_log();
    set(stack, database, "all").await?;
    let recording = async {
        let offset = std::fs::metadata(&log).with_context(|| format!("finding {}", log.display()))?.len();
        let done = work.await?;
        // A statement is logged before it runs, so all that the answer took is there.
        Ok((done, capture::transactions(&capture::read_from(&log, offset)?)))
    };
    let recorded = recording.await;
    set(stack, database, "none").await?;
    recorded
}

const PATIENCE: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_millis(5);

/// Returns once every connection reads the new configuration before its next statement.
async fn set(stack: &Stack, database: &Database, what: &str) -> Result<()> {
    database.run(&format!("ALTER SYSTEM SET log_statement = '{what}'")).await?;
    database.rows("SELECT pg_reload_conf()").await?;
    let deadline = Instant::now() + PATIENCE;
    while !is_in_force(stack, what).await? {
        if Instant::now() > deadline {
            bail!("PostgreSQL did not read its configuration again");
        }
        tokio::time::sleep(EVERY).await;
    }
    Ok(())
}

/// The server's first process reads the configuration and then tells every connection, before it does anything else: so a
/// connection that was born with the new configuration shows that all older ones have been told. One that is older than
/// the reading may have heard of it as the first of many.
async fn is_in_force(stack: &Stack, what: &str) -> Result<bool> {
    let newborn = Database::open(stack).await?;
    let answer = newborn
        .text(&format!(
            "SELECT current_setting('log_statement') = '{what}' AND pg_conf_load_time() < backend_start
             FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ))
        .await?;
    Ok(answer == "t")
}
