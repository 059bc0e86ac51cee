//! The privacy contract: what booking knows about a person, and how it forgets them.

use serde_json::json;
use shinkofa_db::{Connection, Error};
use shinkofa_kernel::{Actor, UserId};

use crate::Booking;
use crate::db::{personal, reservations, sessions};
use crate::saga::{self, Change, Told};

/// Nobody has more reservations or lessons than this to read in one copy.
const MOST_EXPORTED: i64 = 100_000;

/// Every reservation of the person, and every lesson that they give. Booking keeps no name and no address.
pub async fn export(tx: &mut Connection, user: UserId) -> Result<serde_json::Value, Error> {
    let Some(tenant) = personal::current_tenant(tx).await? else {
        return Ok(json!({ "reservations": [], "lessons": [] }));
    };
    let reservations = reservations::list_of_customer(tx, tenant, user, None, MOST_EXPORTED).await?;
    let reservations: Vec<_> = reservations
        .iter()
        .map(|reservation| {
            json!({
                "reservation": reservation.details(),
                "status": reservation.status,
                "creditsRefunded": reservation.credits_refunded,
                "idempotencyKey": reservation.idempotency_key,
                "createdAt": reservation.created_at,
            })
        })
        .collect();
    let lessons = sessions::list_of_coach(tx, tenant, user, MOST_EXPORTED).await?;
    let lessons: Vec<_> = lessons
        .iter()
        .map(|(session, class_title)| {
            json!({
                "sessionId": session.id,
                "coachId": session.coach_id,
                "classTitle": class_title,
                "startsAt": session.starts_at,
                "endsAt": session.ends_at,
                "location": session.location,
            })
        })
        .collect();
    Ok(json!({ "reservations": reservations, "lessons": lessons }))
}

/// Cancels what the person has still before them, and puts a pseudonym in their place everywhere else.
pub async fn erase(booking: &Booking, tx: &mut Connection, user: UserId) -> Result<(), Error> {
    let Some(tenant) = personal::current_tenant(tx).await? else { return Ok(()) };
    let now = booking.platform.clock.now();
    for reservation in reservations::list_active_of_customer(tx, tenant, user, now).await? {
        if let Ok(transition) = reservation.cancel(now) {
            let change =
                Change { tenant, reservation: &reservation, transition, actor: Actor::service("booking") };
            saga::carry_out(booking, tx, &change, Told::InTheAnswer).await?;
        }
    }
    personal::pseudonymise(tx, user, UserId::new(&booking.platform.clock)).await?;
    Ok(())
}
