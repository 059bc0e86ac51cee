//! `POST /api/booking/{reservationId}/cancel`

use actix_web::{post, web};
use serde::Serialize;
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, Unavailability};
use utoipa::ToSchema;

use crate::error::Error;
use crate::{Booking, saga};

/// What a cancellation gave back.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    reservation_id: ReservationId,
    /// `cancelled`, or `late_cancelled` from the deadline on.
    status: ReservationStatus,
    #[schema(example = 2)]
    credits_refunded: i32,
}

/// Cancel a reservation
///
/// Before its deadline the credits go back to the lots they came from. From the deadline on the seats become free and
/// the credits are spent. Repeated, it answers the same.
#[utoipa::path(
    tag = "booking",
    params(("reservationId" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = Cancellation),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`wrong_tenant`"),
        (
            status = 409, body = ProblemDocument, content_type = "application/problem+json",
            description = "`session_started`, `reservation_closed`",
        ),
    ),
)]
#[post("/api/booking/{reservationId}/cancel")]
pub async fn cancel_booking(
    state: web::Data<Booking>,
    member: CurrentActor,
    id: Path<ReservationId>,
) -> Result<web::Json<Cancellation>, Error> {
    let reservation = saga::cancel(&state, &member, id.0).await?;
    Ok(web::Json(Cancellation {
        reservation_id: reservation.id,
        status: reservation.status,
        credits_refunded: reservation.credits_refunded,
    }))
}
