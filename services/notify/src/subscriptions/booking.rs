//! Booking's feed: what became of reservations.

use shinkofa_contracts::Event;
use shinkofa_contracts::booking::{
    self, ReservationCancelled, ReservationConfirmed, ReservationDetails, ReservationRejected,
};
use shinkofa_db::Connection;
use shinkofa_feed::{ApplyError, Subscriber};
use shinkofa_kernel::{Clock, UserId};

use super::record::{Address, Notice, record};
use crate::domain::{Occasion, RejectionReason};

#[derive(Clone)]
pub struct BookingEvents {
    pub clock: Clock,
}

impl Subscriber for BookingEvents {
    fn feed(&self) -> &'static str {
        booking::SERVICE
    }

    fn concerns(&self, event: &Event) -> bool {
        event.is::<ReservationConfirmed>()
            || event.is::<ReservationCancelled>()
            || event.is::<ReservationRejected>()
    }

    async fn apply(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        let Some((person, occasion)) = occasion(event)? else { return Ok(()) };
        let notice = Notice { person, occasion, address: Address::OfContact, sealed_token: None };
        record(tx, &self.clock, event, notice).await
    }
}

fn occasion(event: &Event) -> Result<Option<(UserId, Occasion)>, serde_json::Error> {
    let person = |reservation: &ReservationDetails| reservation.user_id;
    Ok(if event.is::<ReservationConfirmed>() {
        let ReservationConfirmed { reservation } = event.payload::<ReservationConfirmed>()?;
        Some((person(&reservation), Occasion::ReservationConfirmed { reservation }))
    } else if event.is::<ReservationCancelled>() {
        let ReservationCancelled { reservation, late, credits_refunded } =
            event.payload::<ReservationCancelled>()?;
        Some((person(&reservation), Occasion::ReservationCancelled { reservation, late, credits_refunded }))
    } else if event.is::<ReservationRejected>() {
        let ReservationRejected { reservation, reason } = event.payload::<ReservationRejected>()?;
        let reason = RejectionReason::of(&reason);
        Some((person(&reservation), Occasion::ReservationRejected { reservation, reason }))
    } else {
        None
    })
}
