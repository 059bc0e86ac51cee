//! `PUT /internal/v1/holds/{reservationId}/capture`: the reservation is confirmed, the credits are spent.

use actix_web::{put, web};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldsScope};
use shinkofa_identity::RequireScope;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, Unavailability};

use crate::error::Error;
use crate::{Credits, holding};

/// Capture a hold
///
/// Never fails for funds: they were set aside. Repeated it answers the same.
#[utoipa::path(
    tag = "holds",
    params(("reservationId" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = Hold),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`hold_closed`, `hold_captured` or `hold_consumed`: what became of it"),
    ),
)]
#[put("/internal/v1/holds/{reservationId}/capture")]
pub(crate) async fn capture_hold(
    state: web::Data<Credits>,
    peer: RequireScope<HoldsScope>,
    reservation: Path<ReservationId>,
) -> Result<web::Json<Hold>, Error> {
    let reservation = (peer.caller.require_tenant()?, reservation.0);
    holding::capture(&state, reservation).await.map(web::Json)
}
