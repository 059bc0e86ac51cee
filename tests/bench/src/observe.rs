//! Some seconds of one kind of load, with everything that is seen meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use shinkofa_kernel::Clock;
use tokio::sync::oneshot;

use crate::database::Database;
use crate::load::Measured;
use crate::processes::Usage;
use crate::script::Script;
use crate::stack::{Member, Stack};
use crate::waits::{self, Waits};

/// What stays the same from phase to phase.
pub struct Ground<'a> {
    pub stack: &'a Stack,
    pub database: &'a Database,
    /// A connection of its own for whoever looks while others work.
    pub lookout: &'a Database,
    pub clock: Clock,
    pub members: Vec<Member>,
    /// Whose connections and statements are looked at.
    pub roles: &'static [&'static str],
    pub connections: usize,
    pub duration: Duration,
}

/// A script where pgbench finds it, and the role that runs it.
pub struct Yardstick {
    pub script: Script,
    pub file: PathBuf,
    pub role: &'static str,
}

/// What a phase brought.
#[derive(Clone, Debug)]
pub struct Phase {
    pub measured: Measured,
    pub usage: Usage,
    pub waits: Waits,
    pub statements: Vec<Statement>,
    /// How long the platform went on working after the last answer.
    pub afterwards: Duration,
}

/// A statement's time in the server, over the whole phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub calls: f64,
    pub milliseconds: f64,
}

impl Ground<'_> {
    /// Does `work`. How long the platform goes on afterwards is the caller's to find out.
    pub async fn observe(&self, work: impl Future<Output = Result<Measured>>) -> Result<Phase> {
        self.database.run("CHECKPOINT").await?;
        self.database.rows("SELECT bench.pg_stat_statements_reset()").await?;
        let before = Usage::now(&self.members)?;
        let (measured, waits) = self.watched(work).await?;
        let usage = &Usage::now(&self.members)? - &before;
        let statements = self.statements().await?;
        Ok(Phase { measured, usage, waits, statements, afterwards: Duration::ZERO })
    }

    /// The server, as far as it decides about what is measured.
    pub async fn server(&self) -> Result<String> {
        let setting = async |name: &str| self.database.text(&format!("SHOW {name}")).await;
        Ok(format!(
            "PostgreSQL {}, fsync={}, synchronous_commit={}; pgbench -M prepared over the same socket runs what was captured:",
            setting("server_version").await?,
            setting("fsync").await?,
            setting("synchronous_commit").await?,
        ))
    }

    /// Looks at the database's connections while `work` goes on.
    async fn watched(&self, work: impl Future<Output = Result<Measured>>) -> Result<(Measured, Waits)> {
        let (stop, stopped) = oneshot::channel();
        let working = async {
            let measured = work.await;
            // The watcher ends when this is dropped, too.
            let _ = stop.send(());
            measured
        };
        let (measured, waits) = tokio::join!(working, waits::watch(self.lookout, self.roles, stopped));
        Ok((measured?, waits?))
    }

    async fn statements(&self) -> Result<Vec<Statement>> {
        let rows = self
            .database
            .rows(&format!(
                "SELECT query, calls, total_exec_time FROM bench.pg_stat_statements statement
                 JOIN pg_roles ON pg_roles.oid = statement.userid
                 WHERE rolname IN ({}) ORDER BY total_exec_time DESC LIMIT 12",
                waits::quoted(self.roles)
            ))
            .await?;
        let mut statements = Vec::new();
        for row in rows {
            let column =
                |index| row.try_get(index).map(Option::unwrap_or_default).context("a statement's figures");
            statements.push(Statement {
                sql: column(0)?.to_owned(),
                calls: column(1)?.parse()?,
                milliseconds: column(2)?.parse()?,
            });
        }
        Ok(statements)
    }
}
