//! Gives back the seats of pending reservations that nobody settled in time.
//!
//! Bookings of the same session do so themselves when they need the seats: this is for all the others.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use super::{LEASE, every_tenant};
use crate::Booking;
use crate::db::reservations;
use crate::error::Error;
use crate::saga;

#[derive(Debug, Serialize, Deserialize)]
pub struct ExpireReservations {}

/// The next run takes what is left.
const MOST_PER_TENANT: i64 = 500;

impl Job for ExpireReservations {
    const NAME: &'static str = "expire_reservations";
    const LEASE: Duration = LEASE;
    type State = Booking;

    async fn run(self, booking: &Booking, _: Attempt) -> Result<(), Failure> {
        for tenant in every_tenant(booking).await? {
            let (database, now) = (&booking.platform.database, booking.platform.clock.now());
            let lapsed = transaction(database, &Scope::tenant(tenant.id), "list_lapsed", async |tx| {
                Ok::<_, Error>(reservations::list_lapsed(tx, tenant.id, now, MOST_PER_TENANT).await?)
            })
            .await?;
            for reservation in lapsed {
                saga::expire(booking, tenant.id, reservation).await?;
            }
        }
        Ok(())
    }
}
