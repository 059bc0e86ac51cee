//! From credits to here: every hold that is still open belongs to a reservation that is still open.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldState};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;

use super::{LEASE, every_tenant};
use crate::db::reservations::{self, Standing};
use crate::domain::repair;
use crate::error::Error;
use crate::{Booking, measures, saga};

#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileHeld {}

/// The saga's own jobs get this long before anybody helps them.
pub(super) const LAG: TimeDelta = TimeDelta::seconds(60);

impl Job for ReconcileHeld {
    const NAME: &'static str = "reconcile_held";
    const LEASE: Duration = LEASE;
    type State = Booking;

    async fn run(self, booking: &Booking, _: Attempt) -> Result<(), Failure> {
        for tenant in every_tenant(booking).await? {
            let mut cursor = None;
            loop {
                let page = booking.credits.holds(tenant.id, HoldState::Held, cursor.as_deref()).await?;
                repair_page(booking, tenant.id, &page.items).await?;
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Enqueues what credits must be told about these holds.
pub(super) async fn repair_page(booking: &Booking, tenant: TenantId, holds: &[Hold]) -> Result<(), Error> {
    if holds.is_empty() {
        return Ok(());
    }
    let platform = &booking.platform;
    let repaired = transaction(&platform.database, &Scope::tenant(tenant), "reconcile_holds", async |tx| {
        let standings = standings_of(tx, tenant, holds).await?;
        let mut repaired = 0;
        for hold in holds {
            let standing = standings.get(&hold.reservation_id);
            let settled = standing.is_none_or(|standing| standing.changed_at + LAG < platform.clock.now());
            let step = repair(hold.state, standing.map(|standing| standing.status)).filter(|_| settled);
            if let Some(step) = step {
                saga::tell_credits(booking, tx, tenant, (hold.reservation_id, step)).await?;
                repaired += 1;
            }
        }
        Ok::<_, Error>(repaired)
    })
    .await?;
    if repaired > 0 {
        tracing::warn!(tenant = %tenant, repaired, "holds did not follow their reservations");
        metrics::counter!(measures::REPAIRS).increment(repaired);
        platform.committed();
    }
    Ok(())
}

async fn standings_of(
    tx: &mut Connection,
    tenant: TenantId,
    holds: &[Hold],
) -> Result<HashMap<ReservationId, Standing>, Error> {
    let ids = holds.iter().map(|hold| hold.reservation_id).collect();
    let standings = reservations::standings_of(tx, tenant, ids).await?;
    Ok(standings.into_iter().map(|standing| (standing.id, standing)).collect())
}
