//! The classes, sessions and wallets that the load books with, put there by SQL as the platform itself would leave them.

use anyhow::{Result, bail};
use shinkofa_kernel::TenantId;

use super::crowd::{PEOPLE, SESSIONS};
use crate::database::Database;

/// Hands out sessions that nobody has booked yet.
pub struct Studio<'a> {
    database: &'a Database,
    next_session: u64,
}

/// What a seat of a phase's sessions costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    Free,
    OneCredit,
}

const FREE_CLASS: &str = "01920000-0000-7000-8000-00000000be01";
const PRICED_CLASS: &str = "01920000-0000-7000-8000-00000000be02";
/// More than anybody books in all rounds together.
const CREDITS_EACH: u32 = 10_000;
/// More than a session gets in a phase.
const CAPACITY: u32 = 100_000;

impl<'a> Studio<'a> {
    /// Makes the classes, and a wallet for everybody through the function that every grant goes through.
    pub async fn open(database: &'a Database) -> Result<Self> {
        let tenant = TenantId::DEFAULT;
        database
            .run(&format!(
                "INSERT INTO booking.classes (tenant_id, id, title, duration_minutes, credit_cost, created_at) VALUES
                    ('{tenant}', '{FREE_CLASS}', 'Open practice', 60, 0, now()),
                    ('{tenant}', '{PRICED_CLASS}', 'Yoga', 60, 1, now());
                 INSERT INTO booking.policies (tenant_id, version, cancel_before_minutes, created_at)
                    VALUES ('{tenant}', 1, 720, now()) ON CONFLICT DO NOTHING"
            ))
            .await?;
        // The schema stays set until the ledger's deferred check has run at the commit.
        database.run("SET search_path = credits").await?;
        database
            .rows(&format!(
                "SELECT count(*) FILTER (WHERE grant_credits('{tenant}', lpad(n::text, 32, '0')::uuid,
                    ('a' || lpad(n::text, 31, '0'))::uuid, 'grant', 'bench-' || n, {CREDITS_EACH}, NULL,
                    ('b' || lpad(n::text, 31, '0'))::uuid, now())) FROM generate_series(1, {PEOPLE}) n"
            ))
            .await?;
        database.run("RESET search_path; ANALYZE").await?;
        Ok(Self { database, next_session: 1 })
    }

    /// Sessions of next week with room for everybody. Returns the number of the first.
    pub async fn fresh_sessions(&mut self, price: Price) -> Result<u64> {
        self.sessions(price, CAPACITY, 0).await
    }

    /// Sessions of one seat, which somebody has.
    pub async fn full_sessions(&mut self) -> Result<u64> {
        let first = self.sessions(Price::Free, 1, 1).await?;
        let (tenant, somebody) = (TenantId::DEFAULT, PEOPLE + 1);
        self.database
            .run(&format!(
                "INSERT INTO booking.reservations (tenant_id, id, session_id, customer_id, seats, credits, status, version,
                    hold_expires_at, cancel_deadline, policy_version, idempotency_key, created_at, changed_at, confirmed_at)
                 SELECT tenant_id, id, id, lpad('{somebody}', 32, '0')::uuid, 1, 0, 'confirmed', 1, now(), starts_at, 1,
                    'bench', now(), now(), now()
                 FROM booking.sessions WHERE tenant_id = '{tenant}' AND {}",
                among(first)
            ))
            .await?;
        Ok(first)
    }

    async fn sessions(&mut self, price: Price, capacity: u32, taken: u32) -> Result<u64> {
        let first = self.next_session;
        let last = first + SESSIONS - 1;
        self.next_session += SESSIONS;
        let (class, cost) = match price {
            Price::Free => (FREE_CLASS, 0),
            Price::OneCredit => (PRICED_CLASS, 1),
        };
        let tenant = TenantId::DEFAULT;
        self.database
            .run(&format!(
                "INSERT INTO booking.sessions (tenant_id, id, class_id, starts_at, ends_at, capacity, taken, credit_cost,
                    created_at)
                 SELECT '{tenant}', lpad(n::text, 32, '0')::uuid, '{class}', now() + interval '7 days',
                    now() + interval '7 days 1 hour', {capacity}, {taken}, {cost}, now()
                 FROM generate_series({first}, {last}) n"
            ))
            .await?;
        self.database.run("VACUUM ANALYZE booking.sessions").await?;
        Ok(first)
    }

    /// Seats taken in the sessions from `first` on, all of them confirmed.
    pub async fn confirmed_seats(&self, first: u64) -> Result<u64> {
        let row = self
            .database
            .rows(&format!(
                "SELECT (SELECT coalesce(sum(taken), 0) FROM booking.sessions WHERE {}),
                    (SELECT coalesce(sum(seats), 0) FROM booking.reservations r
                     JOIN booking.sessions s ON s.tenant_id = r.tenant_id AND s.id = r.session_id
                     WHERE r.status = 'confirmed' AND s.{})",
                among(first),
                among(first)
            ))
            .await?;
        let [row] = row.as_slice() else { bail!("no single answer about seats") };
        let count = |index| row.try_get(index).map(Option::unwrap_or_default);
        let (taken, confirmed): (u64, u64) = (count(0)?.parse()?, count(1)?.parse()?);
        if taken != confirmed {
            bail!("{taken} seats are taken and {confirmed} confirmed");
        }
        Ok(taken)
    }
}

fn among(first: u64) -> String {
    let last = first + SESSIONS - 1;
    format!("id BETWEEN lpad('{first}', 32, '0')::uuid AND lpad('{last}', 32, '0')::uuid")
}
