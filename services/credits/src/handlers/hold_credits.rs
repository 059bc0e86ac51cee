//! `PUT /internal/v1/holds/{reservationId}`: sets credits of a member aside for a reservation.

use actix_web::{put, web};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldRequest, HoldsScope};
use shinkofa_identity::RequireScope;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, ProblemDocument, Unavailability,
};

use crate::error::Error;
use crate::{Credits, holding};

/// Hold credits
///
/// Soonest expiry first. Repeated with the same body it answers the same.
#[utoipa::path(
    tag = "holds",
    params(("reservationId" = ReservationId, Path)),
    request_body = HoldRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = Hold),
        (status = 402, body = ProblemDocument, content_type = "application/problem+json", description = "`insufficient_credits`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`hold_closed`"),
    ),
)]
#[put("/internal/v1/holds/{reservationId}")]
pub(crate) async fn hold_credits(
    state: web::Data<Credits>,
    peer: RequireScope<HoldsScope>,
    reservation: Path<ReservationId>,
    body: Body<HoldRequest>,
) -> Result<web::Json<Hold>, Error> {
    let reservation = (peer.caller.require_tenant()?, reservation.0);
    holding::hold(&state, reservation, &body.0).await.map(web::Json)
}
