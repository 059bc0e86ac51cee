//! Goes on where a booking request was left: credits did not answer it in time, or its process died.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use super::{LEASE, PAUSE, tenant_of};
use crate::Booking;
use crate::db::reservations;
use crate::error::Error;
use crate::saga::{self, Told};

#[derive(Debug, Serialize, Deserialize)]
pub struct SettleReservation {
    pub reservation_id: ReservationId,
}

impl Job for SettleReservation {
    const NAME: &'static str = "settle_reservation";
    const LEASE: Duration = LEASE;
    type State = Booking;

    async fn run(self, booking: &Booking, attempt: Attempt) -> Result<(), Failure> {
        let tenant = tenant_of(attempt)?;
        let database = &booking.platform.database;
        let found = transaction(database, &Scope::tenant(tenant), "find_reservation", async |tx| {
            Ok::<_, Error>(reservations::find(tx, tenant, self.reservation_id).await?)
        })
        .await?;
        let Some(reservation) = found else { return Ok(()) };
        let reservation = saga::advance(booking, tenant, reservation, Told::ByEvent).await?;
        if reservation.status == ReservationStatus::Pending { Err(Failure::Wait(PAUSE)) } else { Ok(()) }
    }
}
