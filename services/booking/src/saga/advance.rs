//! Steps 2 and 3: the credits are set aside, and the reservation is confirmed or comes to nothing.

use chrono::TimeDelta;
use shinkofa_contracts::CallError;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::{Actor, TenantId, failpoint};

use super::change::{carry_out, store_answer};
use super::{Change, Told};
use crate::db::reservations;
use crate::domain::{Reservation, Transition};
use crate::error::Error;
use crate::{Booking, measures};

/// So long after the seats have lapsed credits asks booking what became of a hold that nobody settled.
const HOLD_GRACE: TimeDelta = TimeDelta::hours(24);

/// Brings a pending reservation as far as credits lets it, and returns it as it then stands. Any number of requests and
/// jobs may advance the same one: credits knows the hold by the reservation's id, and one compare-and-set wins.
pub async fn advance(
    booking: &Booking,
    tenant: TenantId,
    reservation: Reservation,
    told: Told,
) -> Result<Reservation, Error> {
    let now = booking.platform.clock.now();
    if reservation.status != ReservationStatus::Pending {
        return Ok(reservation);
    }
    if reservation.has_lapsed(now) {
        return expire(booking, tenant, reservation).await;
    }
    failpoint!("booking.hold.before");
    let held = booking.credits.hold(tenant, &reservation, reservation.hold_expires_at + HOLD_GRACE).await;
    failpoint!("booking.hold.after");
    match held {
        Ok(_) => confirm(booking, tenant, reservation, told).await,
        Err(error) if error.code() == Some("insufficient_credits") => {
            reject(booking, tenant, reservation, told).await
        }
        // Somebody released the hold, so somebody ended the reservation: unless it is still pending, see what it became.
        Err(error) if error.code() == Some("hold_closed") => expire(booking, tenant, reservation).await,
        Err(error) => {
            note_unheld(&reservation, &error);
            Ok(reservation)
        }
    }
}

/// The pending reservation keeps its seats until it lapses: credits may answer before that.
fn note_unheld(reservation: &Reservation, error: &CallError) {
    match error {
        CallError::Unavailable { .. } => {
            tracing::info!(reservation = %reservation.id, %error, "the credits are not set aside yet");
        }
        CallError::Refused { .. } => {
            tracing::error!(reservation = %reservation.id, %error, "credits refuses a hold for no reason that we know");
        }
    }
}

async fn confirm(
    booking: &Booking,
    tenant: TenantId,
    reservation: Reservation,
    told: Told,
) -> Result<Reservation, Error> {
    let Ok(transition) = reservation.confirm(booking.platform.clock.now()) else { return Ok(reservation) };
    let settled = settle(booking, tenant, &reservation, transition, told).await?;
    failpoint!("booking.confirm.after");
    Ok(settled)
}

async fn reject(
    booking: &Booking,
    tenant: TenantId,
    reservation: Reservation,
    told: Told,
) -> Result<Reservation, Error> {
    let Ok(transition) = reservation.reject(booking.platform.clock.now()) else { return Ok(reservation) };
    let settled = settle(booking, tenant, &reservation, transition, told).await?;
    failpoint!("booking.reject.after");
    Ok(settled)
}

/// Gives up a pending reservation that nobody settled in time.
pub async fn expire(
    booking: &Booking,
    tenant: TenantId,
    reservation: Reservation,
) -> Result<Reservation, Error> {
    let Ok(transition) = reservation.expire(booking.platform.clock.now()) else { return Ok(reservation) };
    let settled = settle(booking, tenant, &reservation, transition, Told::ByEvent).await?;
    failpoint!("booking.expire.after");
    Ok(settled)
}

/// Carries out `transition`, or finds what was carried out instead. Returns the reservation as it stands.
async fn settle(
    booking: &Booking,
    tenant: TenantId,
    reservation: &Reservation,
    transition: Transition,
    told: Told,
) -> Result<Reservation, Error> {
    let platform = &booking.platform;
    let scope = Scope::tenant(tenant).with_user(reservation.customer_id);
    let actor = match told {
        Told::InTheAnswer => Actor::user(reservation.customer_id),
        Told::ByEvent => Actor::service("booking"),
    };
    let change = Change { tenant, reservation, transition, actor };
    let (settled, ours) = transaction(&platform.database, &scope, "settle_reservation", async |tx| {
        if !carry_out(booking, tx, &change, told).await? {
            let current = reservations::find(tx, tenant, reservation.id).await?.ok_or(Error::NotFound)?;
            // Whoever ended it has told credits to release the hold, also one that was made only now.
            return Ok::<_, Error>((current, false));
        }
        let settled = reservation.after(&transition);
        if transition.to == ReservationStatus::Confirmed {
            store_answer(tx, tenant, &settled).await?;
        }
        before_commit(transition.to);
        Ok((settled, true))
    })
    .await?;
    platform.committed();
    if ours {
        measures::changed(&transition);
    }
    Ok(settled)
}

fn before_commit(to: ReservationStatus) {
    match to {
        ReservationStatus::Confirmed => failpoint!("booking.confirm.before"),
        ReservationStatus::Rejected => failpoint!("booking.reject.before"),
        ReservationStatus::Expired => failpoint!("booking.expire.before"),
        _ => {}
    }
}
