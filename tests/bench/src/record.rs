//! Has the platform do each thing once while PostgreSQL writes down what it is asked, and makes the yardsticks from that.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use shinkofa_kernel::TenantId;

use crate::capture::{self, Transaction};
use crate::database::Database;
use crate::load::Connection;
use crate::phase::{Ground, Yardstick};
use crate::scenario::Scenario;
use crate::script::{self, Request, Runner};
use crate::studio::Studio;

/// May do what booking and credits may, and nothing more: runs the saga's statements of both.
const BOTH_ROLE: &str = "bench_rt";

pub async fn create_role(ground: &Ground<'_>) -> Result<()> {
    let password = ground.stack.secret("booking-rt-password")?;
    ground
        .database
        .run(&format!(
            "SET log_min_error_statement = panic;
             CREATE ROLE {BOTH_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '{password}';
             GRANT booking_rt, credits_rt TO {BOTH_ROLE};
             RESET log_min_error_statement;"
        ))
        .await
}

/// The script of `scenario`, from one request that was really made.
pub async fn yardstick(
    ground: &Ground<'_>,
    scenario: Scenario,
    (studio, full): (&mut Studio<'_>, u64),
) -> Result<Yardstick> {
    let first_session = match scenario.price() {
        Some(price) => studio.fresh_sessions(price).await?,
        None => full,
    };
    set_logging(ground.database, "all").await?;
    let recorded = one_request(ground, scenario, first_session).await;
    set_logging(ground.database, "none").await?;
    let (request, transactions) = recorded?;
    let one_role = transactions.iter().all(|transaction| transaction.role == "booking_rt");
    let (runner, role) =
        if one_role { (Runner::SameRole, "booking_rt") } else { (Runner::OverSchemas, BOTH_ROLE) };
    let script = script::write(&transactions, &request, runner)?;
    let file = ground.stack.output.join(scenario.file_name());
    std::fs::write(&file, &script.text).with_context(|| format!("writing {}", file.display()))?;
    Ok(Yardstick { script, file, role })
}

/// A reload reaches every connection of the services before their next statement.
async fn set_logging(database: &Database, what: &str) -> Result<()> {
    database.run(&format!("ALTER SYSTEM SET log_statement = '{what}'")).await?;
    database.rows("SELECT pg_reload_conf()").await?;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while database.text("SHOW log_statement").await? != what {
        if tokio::time::Instant::now() > deadline {
            bail!("PostgreSQL did not read its configuration again");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The other connections were told in the same moment; none answers for having heard it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(())
}

async fn one_request(
    ground: &Ground<'_>,
    scenario: Scenario,
    first_session: u64,
) -> Result<(Request, Vec<Transaction>)> {
    let log = ground.stack.postgres_log();
    let mut connection = Connection::open(ground.stack.booking).await?;
    let booking = ground.crowd.booking(0, first_session);
    let request = Request {
        person: booking.person,
        session: booking.session,
        key: booking.key,
        tenant: TenantId::DEFAULT.as_uuid(),
        sent: ground.clock.now(),
    };
    let offset = std::fs::metadata(&log).with_context(|| format!("finding {}", log.display()))?.len();
    let answer = connection.ask(&booking.bytes).await?;
    // A statement is logged before it runs, so all that the answer took is there.
    let text = capture::read_from(&log, offset)?;
    if answer.status != scenario.status() {
        bail!("{}: {} {}", scenario.name(), answer.status, String::from_utf8_lossy(&answer.body));
    }
    let (person, key) = (request.person.to_string(), request.key.to_string());
    let ours = |transaction: &Transaction| {
        let role = transaction.role.as_str();
        matches!(role, "booking_rt" | "credits_rt")
            && (transaction.mentions(&person) || transaction.mentions(&key))
    };
    let transactions: Vec<Transaction> = capture::transactions(&text).into_iter().filter(ours).collect();
    if transactions.is_empty() {
        bail!("{}: the log of PostgreSQL shows no transaction of the request", scenario.name());
    }
    Ok((request, transactions))
}
