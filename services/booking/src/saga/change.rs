//! A change of status with everything that belongs to it, in one transaction.

use actix_web::http::StatusCode;
use diesel::QueryResult;
use shinkofa_contracts::booking::{
    ReservationCancelled, ReservationConfirmed, ReservationRejected, ReservationStatus,
};
use shinkofa_db::Connection;
use shinkofa_feed::{Occurrence, append};
use shinkofa_kernel::{Actor, TenantId};
use shinkofa_web::idempotency;

use super::receipt::{self, BookingReceipt};
use crate::Booking;
use crate::db::reservations;
use crate::domain::{FollowUp, Reservation, Transition};
use crate::error::Error;
use crate::jobs::{SettleHold, SettleReservation};

/// Whose reservation changes how, and who caused it.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    pub tenant: TenantId,
    /// As it was read before the change.
    pub reservation: &'a Reservation,
    pub transition: Transition,
    pub actor: Actor,
}

/// How the member learns that their booking came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// They wait for the answer that says so: no message has to follow.
    InTheAnswer,
    /// They were answered `pending`, and hear of it by message.
    ByEvent,
}

/// Changes the status and enqueues and records what follows; false when somebody else was faster.
pub async fn carry_out(
    booking: &Booking,
    tx: &mut Connection,
    change: &Change<'_>,
    told: Told,
) -> QueryResult<bool> {
    if !reservations::change_status(tx, change.tenant, change.reservation, &change.transition).await? {
        return Ok(false);
    }
    follow(booking, tx, change, told).await?;
    Ok(true)
}

/// What follows a change of status that this transaction made.
pub(super) async fn follow(
    booking: &Booking,
    tx: &mut Connection,
    change: &Change<'_>,
    told: Told,
) -> QueryResult<()> {
    let Change { tenant, reservation, transition, .. } = change;
    if reservation.credits > 0 {
        tell_credits(booking, tx, *tenant, (reservation.id, transition.follow_up())).await?;
    }
    if transition.from == ReservationStatus::Pending {
        shinkofa_jobs::cancel::<SettleReservation>(tx, reservation.id).await?;
    }
    tell(booking, tx, change, told).await
}

/// Enqueues the call that tells credits what became of a reservation.
pub async fn tell_credits(
    booking: &Booking,
    tx: &mut Connection,
    tenant: TenantId,
    (reservation_id, follow_up): (shinkofa_contracts::ReservationId, FollowUp),
) -> QueryResult<()> {
    let clock = &booking.platform.clock;
    let job = SettleHold { reservation_id, follow_up };
    shinkofa_jobs::enqueue_keyed(tx, clock, Some(tenant), clock.now(), (job.key(), &job)).await
}

/// Records the event of a change.
pub(super) async fn tell(
    booking: &Booking,
    tx: &mut Connection,
    change: &Change<'_>,
    told: Told,
) -> QueryResult<()> {
    let Change { tenant, reservation, transition, actor } = change;
    let occurrence =
        Occurrence { clock: &booking.platform.clock, tenant: Some(*tenant), actor: actor.clone() };
    let (id, details) = (reservation.id.as_uuid(), reservation.details());
    match transition.to {
        ReservationStatus::Confirmed => {
            append(tx, &occurrence, id, &ReservationConfirmed { reservation: details }, None).await?;
        }
        ReservationStatus::Rejected | ReservationStatus::Expired if told == Told::ByEvent => {
            let reason = match transition.to {
                ReservationStatus::Rejected => "insufficient_credits",
                _ => "expired",
            };
            let rejected = ReservationRejected { reservation: details, reason: reason.to_owned() };
            append(tx, &occurrence, id, &rejected, None).await?;
        }
        ReservationStatus::Cancelled | ReservationStatus::LateCancelled => {
            let cancelled = ReservationCancelled {
                reservation: details,
                late: transition.to == ReservationStatus::LateCancelled,
                credits_refunded: transition.credits_refunded,
            };
            append(tx, &occurrence, id, &cancelled, None).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Keeps the answer of a confirmed booking for the repetitions of its request. Other outcomes are not kept: they are
/// told from the reservation as it then stands.
pub(super) async fn store_answer(
    tx: &mut Connection,
    tenant: TenantId,
    reservation: &Reservation,
) -> Result<(), Error> {
    let Reservation { customer_id, idempotency_key, session_id, seats, .. } = reservation;
    let operation = receipt::operation(tenant, *customer_id, idempotency_key, *session_id, *seats)?;
    idempotency::complete(tx, &operation, StatusCode::CREATED, &BookingReceipt::of(reservation)).await?;
    Ok(())
}
