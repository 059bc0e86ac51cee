//! `GET /internal/v1/reservations`

use actix_web::{get, web};
use serde::Deserialize;
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::booking::{ReservationPage, ReservationSummary, ReservationsScope};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_web::{
    CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Problem, Query, Unavailability,
};
use utoipa::IntoParams;

use crate::Booking;
use crate::db::reservations::{self, Standing};
use crate::error::Error;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListReservationsQuery {
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ReservationId>>,
}

pub(super) fn summary(standing: Standing) -> ReservationSummary {
    ReservationSummary {
        reservation_id: standing.id,
        user_id: standing.customer_id,
        status: standing.status,
        credits: standing.credits,
    }
}

/// Every reservation of a tenant
///
/// By id, for reconciliation.
#[utoipa::path(
    tag = "reservations",
    params(ListReservationsQuery),
    security(("bearer" = [])),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = ReservationPage),
    ),
)]
#[get("/internal/v1/reservations")]
pub async fn list_reservations(
    state: web::Data<Booking>,
    caller: RequireScope<ReservationsScope>,
    query: Query<ListReservationsQuery>,
) -> Result<web::Json<ReservationPage>, Problem> {
    let (tenant, query) = (caller.caller.require_tenant()?, query.0);
    let after = query.cursor.map(|cursor| cursor.0);
    let found =
        transaction(&state.platform.database, &Scope::tenant(tenant), "list_reservations", async |tx| {
            Ok::<_, Error>(reservations::list_standings(tx, tenant, after, query.limit.probe()).await?)
        })
        .await
        .map_err(|error| error.problem())?;
    Ok(web::Json(Page::new(found, query.limit, |standing| standing.id, summary)))
}
