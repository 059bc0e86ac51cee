//! Shows how full the sessions are, and that none is fuller than it may be.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use super::{LEASE, every_tenant};
use crate::db::measures::upcoming_seats;
use crate::error::Error;
use crate::{Booking, measures};

#[derive(Debug, Serialize, Deserialize)]
pub struct MeasureSessions {}

impl Job for MeasureSessions {
    const NAME: &'static str = "measure_sessions";
    const LEASE: Duration = LEASE;
    type State = Booking;

    async fn run(self, booking: &Booking, _: Attempt) -> Result<(), Failure> {
        let (mut capacity, mut taken, mut oversold) = (0, 0, 0);
        for tenant in every_tenant(booking).await? {
            let (database, now) = (&booking.platform.database, booking.platform.clock.now());
            let seats = transaction(database, &Scope::tenant(tenant.id), "measure_sessions", async |tx| {
                Ok::<_, Error>(upcoming_seats(tx, tenant.id, now).await?)
            })
            .await?;
            capacity += seats.capacity;
            taken += seats.taken;
            oversold += seats.oversold;
        }
        #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
        {
            metrics::gauge!(measures::OVERSOLD).set(oversold as f64);
            metrics::gauge!(measures::FILL_RATIO).set(taken as f64 / capacity.max(1) as f64);
        }
        Ok(())
    }
}
