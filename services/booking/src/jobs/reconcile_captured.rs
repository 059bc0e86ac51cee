//! Both ways, over everything that is paid: what credits captured is confirmed here, and what is confirmed here and has a
//! price is captured there.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{HoldPage, HoldState};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;

use super::reconcile_held::{LAG, repair_page};
use super::{LEASE, every_tenant};
use crate::db::reservations;
use crate::domain::FollowUp;
use crate::error::Error;
use crate::{Booking, measures, saga};

#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileCaptured {}

impl Job for ReconcileCaptured {
    const NAME: &'static str = "reconcile_captured";
    const LEASE: Duration = LEASE;
    type State = Booking;

    async fn run(self, booking: &Booking, _: Attempt) -> Result<(), Failure> {
        for tenant in every_tenant(booking).await? {
            let (mut cursor, mut after) = (None, None);
            loop {
                let page = booking.credits.holds(tenant.id, HoldState::Captured, cursor.as_deref()).await?;
                repair_page(booking, tenant.id, &page.items).await?;
                after = capture_missing(booking, tenant.id, after, &page).await?;
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Both sides are ordered by reservation: whatever is confirmed here between `after` and the end of the page and is not on
/// the page has no captured hold. Capturing again is harmless, and its refusal is an operator's business. Returns where
/// the next page begins.
async fn capture_missing(
    booking: &Booking,
    tenant: TenantId,
    after: Option<ReservationId>,
    page: &HoldPage,
) -> Result<Option<ReservationId>, Error> {
    let platform = &booking.platform;
    let last = page.items.last().map(|hold| hold.reservation_id);
    let up_to = last.filter(|_| page.next_cursor.is_some());
    let captured: HashSet<_> = page.items.iter().map(|hold| hold.reservation_id).collect();
    let before = platform.clock.now() - LAG;
    let missing =
        transaction(&platform.database, &Scope::tenant(tenant), "reconcile_reservations", async |tx| {
            let confirmed = reservations::list_confirmed_priced(tx, tenant, (after, up_to), before).await?;
            let missing: Vec<_> = confirmed.into_iter().filter(|id| !captured.contains(id)).collect();
            for id in &missing {
                saga::tell_credits(booking, tx, tenant, (*id, FollowUp::Capture)).await?;
            }
            Ok::<_, Error>(missing.len())
        })
        .await?;
    if missing > 0 {
        tracing::error!(tenant = %tenant, missing, "confirmed reservations have no captured hold");
        metrics::counter!(measures::UNPAID).increment(missing as u64);
        platform.committed();
    }
    Ok(last.or(after))
}
