//! Has the platform do each thing once while PostgreSQL writes down what it is asked, and makes the yardsticks from that.

use anyhow::{Context, Result, bail};
use shinkofa_kernel::TenantId;

use super::phase::Trial;
use super::scenario::Scenario;
use super::studio::Studio;
use crate::capture::Transaction;
use crate::load::{Connection, Http};
use crate::logging;
use crate::observe::{Ground, Yardstick};
use crate::script::{self, Pattern, Runner};

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
    trial: &Trial<'_>,
    scenario: Scenario,
    (studio, full): (&mut Studio<'_>, u64),
) -> Result<Yardstick> {
    let first_session = match scenario.price() {
        Some(price) => studio.fresh_sessions(price).await?,
        None => full,
    };
    let (pattern, transactions) = one_request(trial, scenario, first_session).await?;
    let one_role = transactions.iter().all(|transaction| transaction.role == "booking_rt");
    let (runner, role) =
        if one_role { (Runner::SameRole, "booking_rt") } else { (Runner::OverSchemas, BOTH_ROLE) };
    let script = script::write(&transactions, &pattern, runner)?;
    let file = trial.ground.stack.output.join(scenario.file_name());
    std::fs::write(&file, &script.text).with_context(|| format!("writing {}", file.display()))?;
    Ok(Yardstick { script, file, role })
}

/// pgbench's own numbers of who books what.
const PAIR: &str = "\\set person 1 + :n % :people\n\
    \\set session :sessions_from + (:n + :n / :people) % :sessions\n";

async fn one_request(
    trial: &Trial<'_>,
    scenario: Scenario,
    first_session: u64,
) -> Result<(Pattern, Vec<Transaction>)> {
    let ground = &trial.ground;
    let mut connection = Connection::<Http>::open(ground.stack.booking).await?;
    let booking = trial.crowd.booking(0, first_session);
    let work = async { Ok((ground.clock.now(), connection.ask(&booking.bytes).await?)) };
    let ((sent, answer), seen) = logging::recorded(ground.stack, ground.database, work).await?;
    if answer.status != scenario.status() {
        bail!("{}: {} {}", scenario.name(), answer.status, String::from_utf8_lossy(&answer.body));
    }
    let pattern = Pattern {
        preamble: PAIR,
        varying: vec![
            (booking.person.to_string(), script::padded("person")),
            (booking.session.to_string(), script::padded("session")),
        ],
        fresh: vec![booking.key],
        fixed: vec![TenantId::DEFAULT.as_uuid()],
        sent,
    };
    let (person, key) = (booking.person.to_string(), booking.key.to_string());
    let ours = |transaction: &Transaction| {
        let role = transaction.role.as_str();
        matches!(role, "booking_rt" | "credits_rt")
            && (transaction.mentions(&person) || transaction.mentions(&key))
    };
    let transactions: Vec<Transaction> = seen.into_iter().filter(ours).collect();
    if transactions.is_empty() {
        bail!("{}: the log of PostgreSQL shows no transaction of the request", scenario.name());
    }
    Ok((pattern, transactions))
}
