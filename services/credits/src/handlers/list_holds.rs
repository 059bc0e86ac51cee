//! `GET /internal/v1/holds`: all holds of a tenant, for reconciliation.

use actix_web::{get, web};
use serde::Deserialize;
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Hold, HoldPage, HoldState, HoldsScope};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::IntoParams;

use crate::Credits;
use crate::db::holds;
use crate::error::Error;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListHoldsQuery {
    /// Only holds in this state.
    state: Option<HoldState>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ReservationId>>,
}

/// Holds of a tenant
///
/// In the order of their reservations' ids, tombstones included.
#[utoipa::path(
    tag = "holds",
    params(ListHoldsQuery),
    security(("bearer" = [])),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = HoldPage),
    ),
)]
#[get("/internal/v1/holds")]
pub(crate) async fn list_holds(
    state: web::Data<Credits>,
    peer: RequireScope<HoldsScope>,
    query: Query<ListHoldsQuery>,
) -> Result<web::Json<HoldPage>, Error> {
    let (tenant, Query(query)) = (peer.caller.require_tenant()?, query);
    let wanted = (query.state, query.cursor.map(|cursor| cursor.0));
    let rows = transaction(&state.platform.database, &Scope::tenant(tenant), "list_holds", async |tx| {
        Ok::<_, Error>(holds::page(tx, tenant, wanted, query.limit.probe()).await?)
    })
    .await?;
    Ok(web::Json(Page::new(rows, query.limit, |hold: &Hold| hold.reservation_id, |hold| hold)))
}
