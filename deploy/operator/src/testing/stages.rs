//! The stages of `deploy/test`, and what each needs around it.

use anyhow::{Context, Result};

use super::mutants::Record;
use super::tally::Tally;
use super::{checks, mutants, nextest};
use crate::binaries::{self, Build};
use crate::bring_up;
use crate::commands::test_env;
use crate::installation::Installation;
use crate::layout::Stack;
use crate::supervisor::Supervisor;
use crate::throwaway::{StopAtTheEnd, discard, give_back, start_over};
use crate::{certificates, launch, redis, seeds};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stage {
    /// Format, lints, scripts, the gateway's configuration.
    Checks,
    /// Every crate's own tests, on a PostgreSQL and a Redis of their own.
    Crates,
    /// The tests of known failures once more, with one defence at a time taken away: some have to fail.
    Mutants,
    /// The cross-service tests, on real binaries behind the real gateway.
    Suite,
}

pub(crate) async fn run(stage: Stage, record: Record) -> Result<Tally> {
    match stage {
        Stage::Checks => {
            let installation = Installation::open_for_suite()?;
            installation.layout.create(&installation.account)?;
            checks::run(&installation).await
        }
        Stage::Crates => crates().await,
        Stage::Mutants => mutants(record).await,
        Stage::Suite => suite().await,
    }
}

async fn crates() -> Result<Tally> {
    let (stores, wanted) = stores()?;
    let stop = StopAtTheEnd { installation: &stores, wanted };
    let tally = nextest::run(&stores, "not package(suite)", owned(test_env::variables(&stores)?)).await?;
    drop(stop);
    if wanted && tally.failed == 0 {
        give_back(&stores);
    }
    Ok(tally)
}

async fn mutants(record: Record) -> Result<Tally> {
    let (stores, wanted) = stores()?;
    let _stop = StopAtTheEnd { installation: &stores, wanted };
    mutants::run(&stores, &owned(test_env::variables(&stores)?), record).await
}

/// PostgreSQL and Redis for tests, without what a failed run left to be looked at, and whether to stop them at the end: whoever
/// started them for work of their own keeps them, also when this run is interrupted.
fn stores() -> Result<(Installation, bool)> {
    let before = Installation::open(Stack::TestStores)?;
    let was_running = Supervisor::running(&before.layout).is_some();
    if !was_running {
        discard(&before)?;
    }
    Ok((test_env::start()?, !was_running))
}

async fn suite() -> Result<Tally> {
    let (installation, lock) = start_over(Installation::open_for_suite()?)?;
    let stop = StopAtTheEnd { installation: &installation, wanted: true };
    let unguarded = binaries::build_unguarded_booking(&installation)?;
    bring_up::run(&installation, Build::Failpoints).await.context("bringing up the stack for the suite")?;
    // The suite restarts services through the operator, which takes the lock itself.
    drop(lock);
    let mut variables = suite_variables(&installation)?;
    variables.push(("SHINKOFA_SUITE_UNGUARDED_BOOKING".to_owned(), unguarded.display().to_string()));
    let tally = nextest::run(&installation, "package(suite)", variables).await?;
    drop(stop);
    if tally.failed == 0 {
        give_back(&installation);
    }
    Ok(tally)
}

/// How the suite finds the stack it plays on.
pub(crate) fn suite_variables(installation: &Installation) -> Result<Vec<(String, String)>> {
    let layout = &installation.layout;
    let stripe =
        installation.manifest.service("stripe-sim").map(|service| installation.ports.public(service, 0));
    let variables = [
        ("SHINKOFA_CHECKOUT", layout.checkout.display().to_string()),
        ("SHINKOFA_SUITE_CTL", binaries::operator()?.display().to_string()),
        ("SHINKOFA_SUITE_STACK", layout.stack.name().to_owned()),
        ("SHINKOFA_SUITE_DOMAIN", installation.settings.base_domain.clone()),
        ("SHINKOFA_SUITE_GATEWAY_PORT", installation.ports.https().to_string()),
        ("SHINKOFA_SUITE_HTTP_PORT", installation.ports.http().to_string()),
        ("SHINKOFA_SUITE_CA", certificates::authority_link(installation).display().to_string()),
        ("SHINKOFA_SUITE_DEMO", seeds::people_file(installation).display().to_string()),
        ("SHINKOFA_SUITE_HOME", layout.home.display().to_string()),
        ("SHINKOFA_SUITE_FAILPOINTS_DIR", launch::failpoints(installation).display().to_string()),
        ("SHINKOFA_SUITE_POSTGRES_SOCKET", layout.sockets.display().to_string()),
        ("SHINKOFA_SUITE_POSTGRES_PORT", installation.ports.postgres().to_string()),
        ("SHINKOFA_SUITE_REDIS_URL", redis::url_with_password(installation)?),
        ("SHINKOFA_SUITE_STRIPE_SIM_PORT", stripe.unwrap_or_default().to_string()),
    ];
    Ok(owned(variables.into()))
}

fn owned(variables: Vec<(&str, String)>) -> Vec<(String, String)> {
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
