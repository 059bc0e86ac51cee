//! `PUT /internal/v1/holds/{reservationId}/release`: the reservation came to nothing, the credits go back.

use actix_web::{put, web};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldsScope};
use shinkofa_identity::RequireScope;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, Unavailability};

use crate::Credits;
use crate::error::Error;
use crate::holding::{self, Unbooked};

/// Release a hold
///
/// Repeated it answers the same. Released before it was held, the reservation can not be held any more.
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
#[put("/internal/v1/holds/{reservationId}/release")]
pub(crate) async fn release_hold(
    state: web::Data<Credits>,
    peer: RequireScope<HoldsScope>,
    reservation: Path<ReservationId>,
) -> Result<web::Json<Hold>, Error> {
    let reservation = (peer.caller.require_tenant()?, reservation.0);
    holding::release(&state, reservation, Unbooked::Released).await.map(web::Json)
}
