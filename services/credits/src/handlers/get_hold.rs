//! `GET /internal/v1/holds/{reservationId}`: where a reservation's credits are.

use actix_web::{get, web};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldsScope};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};

use crate::error::Error;
use crate::{Credits, holding};

/// One hold
#[utoipa::path(
    tag = "holds",
    params(("reservationId" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = Hold),
    ),
)]
#[get("/internal/v1/holds/{reservationId}")]
pub(crate) async fn get_hold(
    state: web::Data<Credits>,
    peer: RequireScope<HoldsScope>,
    reservation: Path<ReservationId>,
) -> Result<web::Json<Hold>, Error> {
    let tenant = peer.caller.require_tenant()?;
    let hold = transaction(&state.platform.database, &Scope::tenant(tenant), "get_hold", async |tx| {
        holding::find(tx, (tenant, reservation.0)).await
    })
    .await?;
    Ok(web::Json(hold))
}
