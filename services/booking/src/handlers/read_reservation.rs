//! `GET /internal/v1/reservations/{reservationId}`

use actix_web::{get, web};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::booking::{ReservationSummary, ReservationsScope};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Problem, Unavailability};

use super::list_reservations::summary;
use crate::Booking;
use crate::db::reservations;
use crate::error::Error;

/// What became of a reservation
///
/// 404 means that there is none and never will be: a hold is asked for only after its reservation was made.
#[utoipa::path(
    tag = "reservations",
    params(("reservationId" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = ReservationSummary),
    ),
)]
#[get("/internal/v1/reservations/{reservationId}")]
pub async fn read_reservation(
    state: web::Data<Booking>,
    caller: RequireScope<ReservationsScope>,
    id: Path<ReservationId>,
) -> Result<web::Json<ReservationSummary>, Problem> {
    let tenant = caller.caller.require_tenant()?;
    let standing =
        transaction(&state.platform.database, &Scope::tenant(tenant), "read_reservation", async |tx| {
            let found = reservations::standings_of(tx, tenant, vec![id.0]).await?;
            found.into_iter().next().ok_or(Error::NotFound)
        })
        .await
        .map_err(|error| error.problem())?;
    Ok(web::Json(summary(standing)))
}
