//! Where the database's connections are while something runs, looked at some times a second: whoever looks takes of the same
//! processors.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::oneshot;

use crate::database::Database;

/// How many connections were in each condition, on average.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waits {
    pub average: BTreeMap<Condition, f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// On a processor, or waiting for one.
    Running,
    /// For the write-ahead log to reach the disk.
    Log,
    /// For a row, a table or an advisory lock.
    Lock,
    /// For anything else of the server's.
    Other,
    /// In a transaction, for the client's next statement.
    Client,
    Idle,
}

impl Condition {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Running => "executing",
            Self::Log => "waiting for the write-ahead log",
            Self::Lock => "waiting for a lock",
            Self::Other => "waiting for something else in the server",
            Self::Client => "in a transaction, waiting for the client's next statement",
            Self::Idle => "idle",
        }
    }

    fn of(state: &str, kind: &str, event: &str) -> Self {
        match (state, kind, event) {
            ("active", "", _) => Self::Running,
            ("active", _, event) if event.starts_with("WAL") => Self::Log,
            ("active", "Lock", _) => Self::Lock,
            // Between two messages of one round trip.
            ("active", "Client", _) | ("idle in transaction" | "idle in transaction (aborted)", ..) => {
                Self::Client
            }
            ("active", ..) => Self::Other,
            _ => Self::Idle,
        }
    }
}

const EVERY: Duration = Duration::from_millis(200);

/// Looks at the connections of `roles` until `stop` is sent or dropped.
pub async fn watch(database: &Database, roles: &[&str], mut stop: oneshot::Receiver<()>) -> Result<Waits> {
    let look = format!(
        "SELECT coalesce(state, ''), coalesce(wait_event_type, ''), coalesce(wait_event, ''), count(*)::float8
         FROM pg_stat_activity WHERE usename IN ({}) GROUP BY 1, 2, 3",
        quoted(roles)
    );
    let look = database.prepare(&look).await?;
    let mut sums: BTreeMap<Condition, f64> = BTreeMap::new();
    let mut looks = 0.0;
    loop {
        tokio::select! {
            _ = &mut stop => break,
            () = tokio::time::sleep(EVERY) => {}
        }
        for row in database.rows_of(&look).await? {
            let condition = Condition::of(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            *sums.entry(condition).or_default() += row.try_get::<_, f64>(3)?;
        }
        looks += 1.0;
    }
    Ok(Waits {
        average: sums.into_iter().map(|(condition, sum)| (condition, sum / f64::max(looks, 1.0))).collect(),
    })
}

/// As a list of SQL.
pub fn quoted(roles: &[&str]) -> String {
    let quoted: Vec<String> = roles.iter().map(|role| format!("'{role}'")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_the_log_whatever_the_kind_of_its_wait() {
        assert_eq!(Condition::of("active", "IO", "WALSync"), Condition::Log);
        assert_eq!(Condition::of("active", "LWLock", "WALWrite"), Condition::Log);
        assert_eq!(Condition::of("active", "", ""), Condition::Running);
        assert_eq!(Condition::of("idle in transaction", "Client", "ClientRead"), Condition::Client);
        assert_eq!(Condition::of("idle", "Client", "ClientRead"), Condition::Idle);
    }
}
