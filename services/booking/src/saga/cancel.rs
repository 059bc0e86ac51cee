//! The member gives the seats back.

use shinkofa_contracts::ReservationId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::failpoint;

use super::{Change, Told, carry_out};
use crate::db::reservations;
use crate::domain::{CancelRefusal, Reservation};
use crate::error::Error;
use crate::{Booking, measures};

/// Cancels a reservation of the caller's own, and returns it as it stands. Repeated, it changes nothing more.
pub async fn cancel(
    booking: &Booking,
    member: &CurrentActor,
    id: ReservationId,
) -> Result<Reservation, Error> {
    let platform = &booking.platform;
    let tenant = member.tenant_id;
    let scope = Scope::tenant(tenant).with_user(member.user_id);
    let (reservation, transition) =
        transaction(&platform.database, &scope, "cancel_reservation", async |tx| {
            loop {
                let reservation = reservations::find(tx, tenant, id)
                    .await?
                    .filter(|reservation| reservation.customer_id == member.user_id)
                    .ok_or(Error::NotFound)?;
                let transition = match reservation.cancel(platform.clock.now()) {
                    Ok(transition) => transition,
                    Err(CancelRefusal::Already) => return Ok((reservation, None)),
                    Err(CancelRefusal::Started) => return Err(Error::SessionStarted),
                    Err(CancelRefusal::Invalid(invalid)) => {
                        return Err(Error::ReservationClosed(invalid.from));
                    }
                };
                let change = Change { tenant, reservation: &reservation, transition, actor: member.actor() };
                if carry_out(booking, tx, &change, Told::InTheAnswer).await? {
                    failpoint!("booking.cancel.before");
                    return Ok((reservation.after(&transition), Some(transition)));
                }
                // It changed under our hands, which a reservation does at most twice in its life: look again.
            }
        })
        .await?;
    if let Some(transition) = transition {
        failpoint!("booking.cancel.after");
        platform.committed();
        measures::changed(&transition);
    }
    Ok(reservation)
}
