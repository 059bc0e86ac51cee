//! One phase: some seconds of bookings from one side, and whether each did what it should.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Result, bail};

use super::crowd::{Booker, Crowd, PEOPLE, SESSIONS};
use super::scenario::{Scenario, Side};
use super::studio::Studio;
use crate::load::{self, Connection, Measured};
use crate::observe::{Ground, Phase, Yardstick};
use crate::pgbench::{self, Run};
use crate::settled;

/// The ground, and who books on it.
pub struct Trial<'a> {
    pub ground: Ground<'a>,
    pub crowd: Arc<Crowd>,
}

impl Trial<'_> {
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
        let work = async {
            match side {
                Side::Http => self.http(scenario, first_session).await,
                Side::Pgbench => self.pgbench(yardstick, first_session).await,
            }
        };
        let mut phase = self.ground.observe(work).await?;
        phase.afterwards = settled::wait(self.ground.database).await?;
        let measured = &phase.measured;
        let seats = studio.confirmed_seats(first_session).await? - seats_before;
        let expected = if scenario == Scenario::SoldOut { 0 } else { measured.total() + measured.beforehand };
        // pgbench stops counting at its last second, though a transaction that began in it still ends.
        let most =
            expected + if side == Side::Pgbench && expected > 0 { self.ground.connections as u64 } else { 0 };
        if !(expected..=most).contains(&seats) {
            bail!("{}: {expected} bookings were made, but {seats} seats are taken", scenario.name());
        }
        Ok(phase)
    }

    async fn http(&self, scenario: Scenario, first_session: u64) -> Result<Measured> {
        let measured = self.book(self.ground.duration, first_session).await?;
        measured.require(scenario.status(), scenario.name())?;
        Ok(measured)
    }

    /// Books over all connections; none is opened within the time.
    pub async fn book(&self, duration: Duration, first_session: u64) -> Result<Measured> {
        let turns = Arc::new(AtomicU64::new(0));
        let mut pairs = Vec::new();
        for _ in 0..self.ground.connections {
            let booker = Booker { crowd: self.crowd.clone(), turns: turns.clone(), first_session };
            pairs.push((Connection::open(self.ground.stack.booking).await?, booker));
        }
        load::run(pairs, duration).await
    }

    async fn pgbench(&self, yardstick: &Yardstick, first_session: u64) -> Result<Measured> {
        let run = Run {
            script: &yardstick.script,
            file: &yardstick.file,
            role: yardstick.role,
            password: &self.ground.stack.secret("booking-rt-password")?,
            connections: self.ground.connections,
            duration: self.ground.duration,
            variables: &[("people", PEOPLE), ("sessions", SESSIONS), ("sessions_from", first_session)],
            stamp: self.ground.clock.now().timestamp_millis(),
        };
        pgbench::run(self.ground.stack, &run).await
    }
}
