//! What booking does by itself.

mod expire_reservations;
mod measure_sessions;
mod reconcile_captured;
mod reconcile_held;
mod settle_hold;
mod settle_reservation;

use std::time::Duration;

use shinkofa_jobs::{Attempt, Failure, Jobs};
use shinkofa_kernel::TenantId;
use shinkofa_runtime::Tenant;

pub use settle_hold::SettleHold;
pub use settle_reservation::SettleReservation;

use crate::Booking;

/// A worker that was killed gives its job up after this long. No call within a job takes as long.
const LEASE: Duration = Duration::from_secs(20);
/// How soon credits is asked again when it did not answer.
const PAUSE: Duration = Duration::from_secs(2);

pub fn all() -> Jobs<Booking> {
    Jobs::default()
        .register::<SettleReservation>()
        .register::<SettleHold>()
        .every(Duration::from_secs(10), &expire_reservations::ExpireReservations {})
        .every(Duration::from_secs(30), &reconcile_held::ReconcileHeld {})
        .every(Duration::from_secs(3600), &reconcile_captured::ReconcileCaptured {})
        .every(Duration::from_secs(30), &measure_sessions::MeasureSessions {})
}

/// The tenant that a job was enqueued for.
fn tenant_of(attempt: Attempt) -> Result<TenantId, Failure> {
    attempt.tenant.ok_or_else(|| Failure::Abort(anyhow::anyhow!("the job names no tenant")))
}

/// Every tenant there is, for the jobs that go through all of them.
async fn every_tenant(booking: &Booking) -> Result<Vec<Tenant>, shinkofa_db::Error> {
    let scope = shinkofa_db::Scope::infrastructure();
    shinkofa_db::transaction(&booking.platform.database, &scope, "list_tenants", async |tx| {
        shinkofa_runtime::tenants(tx).await.map_err(shinkofa_db::Error::from)
    })
    .await
}
