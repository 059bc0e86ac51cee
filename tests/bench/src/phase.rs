//! One phase: some seconds of one kind of load from one side, with everything that is observed meanwhile.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use shinkofa_kernel::Clock;
use tokio::sync::oneshot;

use crate::crowd::Crowd;
use crate::database::Database;
use crate::load::{self, Load, Measured};
use crate::pgbench::{self, Run};
use crate::processes::Usage;
use crate::scenario::{Scenario, Side};
use crate::script::Script;
use crate::settled;
use crate::stack::{Member, Stack};
use crate::studio::Studio;
use crate::waits::{self, Waits};

/// What stays the same from phase to phase.
pub struct Ground<'a> {
    pub stack: &'a Stack,
    pub database: &'a Database,
    /// A connection of its own for whoever looks while others work.
    pub lookout: &'a Database,
    pub crowd: Arc<Crowd>,
    pub clock: Clock,
    pub members: Vec<Member>,
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
    /// Runs one phase and makes sure that each answer or transaction did exactly what it should.
    pub async fn run(
        &self,
        scenario: Scenario,
        side: Side,
        yardstick: &Yardstick,
        (studio, full): (&mut Studio<'_>, u64),
    ) -> Result<Phase> {
        let first_session = match scenario.price() {
            Some(price) => studio.fresh_sessions(price).await?,
            None => full,
        };
        let seats_before = studio.confirmed_seats(first_session).await?;
        self.database.run("CHECKPOINT").await?;
        self.database.rows("SELECT bench.pg_stat_statements_reset()").await?;
        let before = Usage::now(&self.members)?;
        let work = async {
            match side {
                Side::Http => self.http(scenario, first_session).await,
                Side::Pgbench => self.pgbench(yardstick, first_session).await,
            }
        };
        let (measured, waits) = self.watched(work).await?;
        let usage = &Usage::now(&self.members)? - &before;
        let statements = self.statements().await?;
        let afterwards = settled::wait(self.database).await?;
        let seats = studio.confirmed_seats(first_session).await? - seats_before;
        let expected = if scenario == Scenario::SoldOut { 0 } else { measured.total() + measured.beforehand };
        // pgbench stops counting at its last second, though a transaction that began in it still ends.
        let most = expected + if side == Side::Pgbench && expected > 0 { self.connections as u64 } else { 0 };
        if !(expected..=most).contains(&seats) {
            bail!("{}: {expected} bookings were made, but {seats} seats are taken", scenario.name());
        }
        Ok(Phase { measured, usage, waits, statements, afterwards })
    }

    async fn http(&self, scenario: Scenario, first_session: u64) -> Result<Measured> {
        let measured = load::run(Load {
            crowd: self.crowd.clone(),
            address: self.stack.booking,
            connections: self.connections,
            duration: self.duration,
            first_session,
        })
        .await?;
        let right = measured.statuses.get(&scenario.status()).copied().unwrap_or_default();
        if right != measured.total() {
            bail!(
                "{}: not every answer was a {}: {:?}",
                scenario.name(),
                scenario.status(),
                measured.statuses
            );
        }
        Ok(measured)
    }

    async fn pgbench(&self, yardstick: &Yardstick, first_session: u64) -> Result<Measured> {
        let run = Run {
            script: &yardstick.script,
            file: &yardstick.file,
            role: yardstick.role,
            password: &self.stack.secret("booking-rt-password")?,
            connections: self.connections,
            duration: self.duration,
            first_session,
            stamp: self.clock.now().timestamp_millis(),
        };
        pgbench::run(self.stack, &run).await
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
        let (measured, waits) = tokio::join!(working, waits::watch(self.lookout, stopped));
        Ok((measured?, waits?))
    }

    async fn statements(&self) -> Result<Vec<Statement>> {
        let rows = self
            .database
            .rows(
                "SELECT query, calls, total_exec_time FROM bench.pg_stat_statements statement
                 JOIN pg_roles ON pg_roles.oid = statement.userid
                 WHERE rolname IN ('booking_rt', 'credits_rt', 'bench_rt') ORDER BY total_exec_time DESC LIMIT 12",
            )
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
