//! Tells credits what became of a reservation, until credits has heard it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shinkofa_contracts::{CallError, ReservationId};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::failpoint;

use super::{LEASE, PAUSE, tenant_of};
use crate::Booking;
use crate::domain::FollowUp;

/// Steps that follow one another may run in either order: credits refunds a hold that it has not captured yet, and a
/// capture that comes after the refund changes nothing.
#[derive(Debug, Serialize, Deserialize)]
pub struct SettleHold {
    pub reservation_id: ReservationId,
    pub follow_up: FollowUp,
}

impl SettleHold {
    /// One of each kind per reservation.
    pub fn key(&self) -> String {
        format!("{}:{:?}", self.reservation_id, self.follow_up)
    }
}

impl Job for SettleHold {
    const NAME: &'static str = "settle_hold";
    const LEASE: Duration = LEASE;
    type State = Booking;

    async fn run(self, booking: &Booking, attempt: Attempt) -> Result<(), Failure> {
        let tenant = tenant_of(attempt)?;
        let [before, after] = failpoints(self.follow_up);
        failpoint!(before);
        let told = booking.credits.follow_up(tenant, self.reservation_id, self.follow_up).await;
        failpoint!(after);
        match told {
            Ok(_) => Ok(()),
            Err(CallError::Unavailable { .. }) => Err(Failure::Wait(PAUSE)),
            // It should never refuse. When it does, trying later gives an operator the time to mend what is wrong.
            Err(refused @ CallError::Refused { .. }) => Err(Failure::Retry(refused.into())),
        }
    }
}

fn failpoints(follow_up: FollowUp) -> [&'static str; 2] {
    match follow_up {
        FollowUp::Capture => ["booking.capture.before", "booking.capture.after"],
        FollowUp::Release => ["booking.release.before", "booking.release.after"],
        FollowUp::Refund => ["booking.refund.before", "booking.refund.after"],
        FollowUp::Consume => ["booking.consume.before", "booking.consume.after"],
    }
}
