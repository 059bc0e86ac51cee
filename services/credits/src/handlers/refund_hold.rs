//! `PUT /internal/v1/holds/{reservationId}/refund`: the reservation was cancelled, the credits go back to their lots.

use actix_web::{put, web};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldsScope, RefundRequest};
use shinkofa_identity::RequireScope;
use shinkofa_web::{Body, Path, ProblemDocument};

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
        (status = 200, body = Hold),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
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
