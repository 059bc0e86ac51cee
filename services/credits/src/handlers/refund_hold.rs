//! `PUT /internal/v1/holds/{reservationId}/refund`: the reservation was cancelled, the credits go back to their lots.

use actix_web::{put, web};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldsScope, RefundRequest};
use shinkofa_identity::RequireScope;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, ProblemDocument, Unavailability,
};

use crate::error::Error;
use crate::{Credits, holding};

/// Refund a hold
///
/// Units of a lot that has expired since live on in a lot of their own for a period of grace. Repeated it answers the same.
#[utoipa::path(
    tag = "holds",
    params(("reservationId" = ReservationId, Path)),
    request_body = RefundRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = Hold),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`hold_closed`, `hold_captured` or `hold_consumed`: what became of it"),
    ),
)]
#[put("/internal/v1/holds/{reservationId}/refund")]
pub(crate) async fn refund_hold(
    state: web::Data<Credits>,
    peer: RequireScope<HoldsScope>,
    reservation: Path<ReservationId>,
    body: Body<RefundRequest>,
) -> Result<web::Json<Hold>, Error> {
    let reservation = (peer.caller.require_tenant()?, reservation.0);
    holding::refund(&state, reservation, body.0.reason).await.map(web::Json)
}
