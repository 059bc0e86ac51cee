//! The steps of the booking saga that lie here: hold, capture, consume, release, refund.
//!
//! Each is one call of a database function in a transaction of its own, and idempotent by the state of the hold.

use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldRequest, HoldState, RefundReason};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::{TenantId, failpoint};
use shinkofa_web::Fault;

use crate::db::holds::{Answer, CaptureHold, ConsumeHold, HoldCredits, Outcome, ReturnHold};
use crate::domain::lot::{ReturnCause, grace};
use crate::error::Error;
use crate::{Credits, measures};

/// A reservation of a tenant.
pub(crate) type Reservation = (TenantId, ReservationId);

pub(crate) async fn hold(
    state: &Credits,
    (tenant, reservation): Reservation,
    request: &HoldRequest,
) -> Result<Hold, Error> {
    if request.amount < 1 {
        return Err(Error::NothingToHold);
    }
    let query = HoldCredits {
        tenant,
        reservation,
        holder: request.user_id,
        wanted: request.amount,
        ends_at: request.expires_at,
        journal: state.platform.clock.new_uuid(),
        at: state.now(),
    };
    let scope = Scope::tenant(tenant).with_user(request.user_id);
    let step = transaction(&state.platform.database, &scope, "hold_credits", async |tx| {
        let step = read(query.clone().get_result(tx).await?, reservation)?;
        failpoint!("credits.hold.before");
        Ok::<_, Error>(step)
    })
    .await?;
    failpoint!("credits.hold.after");
    Ok(step.counted("credits_held_total"))
}

pub(crate) async fn capture(state: &Credits, (tenant, reservation): Reservation) -> Result<Hold, Error> {
    let query =
        CaptureHold { tenant, reservation, journal: state.platform.clock.new_uuid(), at: state.now() };
    let step = transaction(&state.platform.database, &Scope::tenant(tenant), "capture_hold", async |tx| {
        let step = read(query.clone().get_result(tx).await?, reservation)?;
        failpoint!("credits.capture.before");
        Ok::<_, Error>(step)
    })
    .await?;
    failpoint!("credits.capture.after");
    Ok(step.counted("credits_captured_total"))
}

pub(crate) async fn consume(state: &Credits, (tenant, reservation): Reservation) -> Result<Hold, Error> {
    let clock = &state.platform.clock;
    let (capture_journal, journal) = (clock.new_uuid(), clock.new_uuid());
    let query = ConsumeHold { tenant, reservation, capture_journal, journal, at: clock.now() };
    let step = transaction(&state.platform.database, &Scope::tenant(tenant), "consume_hold", async |tx| {
        let step = read(query.clone().get_result(tx).await?, reservation)?;
        failpoint!("credits.consume.before");
        Ok::<_, Error>(step)
    })
    .await?;
    failpoint!("credits.consume.after");
    Ok(step.counted("credits_consumed_total"))
}

/// How a hold that was never captured ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unbooked {
    /// The reservation came to nothing.
    Released,
    /// Booking knows no such reservation.
    Expired,
}

/// Gives held units back. Before the hold itself has arrived it leaves a tombstone, so that a late one is refused.
pub(crate) async fn release(
    state: &Credits,
    (tenant, reservation): Reservation,
    ending: Unbooked,
) -> Result<Hold, Error> {
    let ending = match ending {
        Unbooked::Released => HoldState::Released,
        Unbooked::Expired => HoldState::Expired,
    };
    let query = give_back(state, (tenant, reservation), ending, ReturnCause::NeverBooked);
    let step = transaction(&state.platform.database, &Scope::tenant(tenant), "release_hold", async |tx| {
        let step = read(query.clone().get_result(tx).await?, reservation)?;
        failpoint!("credits.release.before");
        Ok::<_, Error>(step)
    })
    .await?;
    failpoint!("credits.release.after");
    Ok(step.counted("credits_released_total"))
}

/// Gives units back to the lots they came from, captured or not.
pub(crate) async fn refund(
    state: &Credits,
    (tenant, reservation): Reservation,
    reason: RefundReason,
) -> Result<Hold, Error> {
    let query = give_back(state, (tenant, reservation), HoldState::Refunded, ReturnCause::Refund(reason));
    let step = transaction(&state.platform.database, &Scope::tenant(tenant), "refund_hold", async |tx| {
        let step = read(query.clone().get_result(tx).await?, reservation)?;
        failpoint!("credits.refund.before");
        Ok::<_, Error>(step)
    })
    .await?;
    failpoint!("credits.refund.after");
    Ok(step.counted("credits_refunded_total"))
}

fn give_back(
    state: &Credits,
    (tenant, reservation): Reservation,
    ending: HoldState,
    cause: ReturnCause,
) -> ReturnHold {
    let at = state.now();
    let journal = state.platform.clock.new_uuid();
    ReturnHold { tenant, reservation, ending, grace_until: at + grace(cause), journal, at }
}

/// A step that was done, by this call or an earlier one.
struct Step {
    hold: Hold,
    fresh: bool,
}

impl Step {
    /// Repetitions do not count.
    fn counted(self, counter: &'static str) -> Hold {
        measures::credits(counter, if self.fresh { self.hold.amount } else { 0 });
        self.hold
    }
}

fn read(answer: Answer, reservation: ReservationId) -> Result<Step, Error> {
    let fresh = answer.outcome == Outcome::Done;
    match answer.outcome {
        Outcome::Done | Outcome::Repeated => {
            let hold = answer.hold(reservation)?;
            let hold = hold.ok_or_else(|| Fault::unexpected("a hold was settled and is not there"))?;
            Ok(Step { hold, fresh })
        }
        Outcome::Missing => Err(Error::NotFound),
        Outcome::Insufficient => Err(Error::InsufficientCredits),
        Outcome::Differs => Err(Error::HoldDiffers),
        Outcome::Closed => Err(Error::HoldClosed),
        Outcome::Captured => Err(Error::HoldCaptured),
        Outcome::Consumed => Err(Error::HoldConsumed),
    }
}

/// The hold as it is, for whoever looks.
pub(crate) async fn find(tx: &mut Connection, (tenant, reservation): Reservation) -> Result<Hold, Error> {
    crate::db::holds::find(tx, tenant, reservation).await?.ok_or(Error::NotFound)
}
