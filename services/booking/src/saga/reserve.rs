//! Step 1: the seats.

use chrono::TimeDelta;
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::{Actor, failpoint};
use shinkofa_web::idempotency::{self, Begin, StoredAnswer};

use super::change::{follow, store_answer};
use super::{BOOK, Change, Told, receipt};
use crate::db::reservations;
use crate::db::seats::{self, SeatRequest, Taken};
use crate::domain::{Reservation, Transition};
use crate::error::Error;
use crate::jobs::SettleReservation;
use crate::{Booking, measures};

/// What a request for seats found or made.
#[derive(Debug)]
pub enum Reserved {
    /// The seats are taken.
    Made(Reservation),
    /// The same request took them before, and has no stored answer.
    MadeBefore(Reservation),
    /// The same request was answered before.
    Answered(StoredAnswer),
}

/// The request itself asks credits next. The job does so only where the request did not live to.
const SETTLE_DELAY: TimeDelta = TimeDelta::seconds(3);

/// Takes the seats, or says why not, in one transaction.
///
/// A refusal needs no idempotency key, because it has no effect that a repetition could double. So it is looked for first,
/// reading only: a sold-out session costs its losers neither a lock nor a written row. The look passes over requests that
/// were made before, whose answer is the one of then; and it promises nothing, the guarded statement decides.
pub async fn reserve(booking: &Booking, request: &SeatRequest) -> Result<Reserved, Error> {
    let platform = &booking.platform;
    let scope = Scope::tenant(request.tenant).with_user(request.customer);
    let result = transaction(&platform.database, &scope, "book_seats", async |tx| {
        let now = platform.clock.now();
        if let Some(refusal) = seats::look(tx, request, BOOK, now).await? {
            return Err(Error::from(refusal));
        }
        let key = &request.idempotency_key;
        let operation =
            receipt::operation(request.tenant, request.customer, key, request.session, request.seats)?;
        match idempotency::begin(tx, &operation, now).await?? {
            Begin::Fresh => {}
            Begin::Replay(answer) => return Ok(Reserved::Answered(answer)),
            Begin::Unfinished => {
                let made = reservations::find_by_key(tx, request.tenant, request.customer, key).await?;
                return made.map(Reserved::MadeBefore).ok_or(Error::NotFound);
            }
        }
        let id = ReservationId::new(&platform.clock);
        let taken = seats::take(tx, request, id, now + booking.seat_hold, now).await??;
        begin_saga(booking, tx, request, &taken).await?;
        failpoint!("booking.reserve.before");
        Ok(Reserved::Made(taken.reservation))
    })
    .await;
    match &result {
        Ok(Reserved::Made(reservation)) => {
            failpoint!("booking.reserve.after");
            platform.committed();
            if reservation.status == ReservationStatus::Confirmed {
                measures::confirmed_free();
            }
        }
        Ok(_) => {}
        Err(error) => measures::refused(error),
    }
    result
}

/// What has to follow the seats, in their transaction.
async fn begin_saga(
    booking: &Booking,
    tx: &mut Connection,
    request: &SeatRequest,
    taken: &Taken,
) -> Result<(), Error> {
    let (clock, tenant, reservation) = (&booking.platform.clock, request.tenant, &taken.reservation);
    for lapsed in &taken.lapsed {
        let Some(lapsed) = reservations::find(tx, tenant, *lapsed).await? else { continue };
        let transition = Transition {
            from: ReservationStatus::Pending,
            to: ReservationStatus::Expired,
            at: reservation.created_at,
            credits_refunded: 0,
        };
        let change = Change { tenant, reservation: &lapsed, transition, actor: Actor::service("booking") };
        follow(booking, tx, &change, Told::ByEvent).await?;
    }
    if reservation.status == ReservationStatus::Confirmed {
        let transition = Transition {
            from: ReservationStatus::Pending,
            to: ReservationStatus::Confirmed,
            at: reservation.created_at,
            credits_refunded: 0,
        };
        let change = Change { tenant, reservation, transition, actor: Actor::user(request.customer) };
        super::change::tell(booking, tx, &change, Told::InTheAnswer).await?;
        return store_answer(tx, tenant, reservation).await;
    }
    let job = SettleReservation { reservation_id: reservation.id };
    let run_at = reservation.created_at + SETTLE_DELAY;
    shinkofa_jobs::enqueue_keyed(tx, clock, Some(tenant), run_at, (reservation.id, &job)).await?;
    Ok(())
}
