//! `GET /api/booking`

use actix_web::{get, web};
use serde::Deserialize;
use shinkofa_contracts::ReservationId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{
    CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, ProblemDocument, Query, Unavailability,
};
use utoipa::IntoParams;

use super::read_booking::BookingView;
use crate::Booking;
use crate::db::reservations;
use crate::error::Error;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListBookingsQuery {
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ReservationId>>,
}

/// My reservations
///
/// Newest first.
#[utoipa::path(
    tag = "booking",
    params(ListBookingsQuery),
    security(("bearer" = [])),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<BookingView>),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`wrong_tenant`"),
    ),
)]
#[get("/api/booking")]
pub async fn list_bookings(
    state: web::Data<Booking>,
    member: CurrentActor,
    query: Query<ListBookingsQuery>,
) -> Result<web::Json<Page<BookingView>>, Error> {
    let query = query.0;
    let before = query.cursor.map(|cursor| cursor.0);
    let (tenant, customer) = (member.tenant_id, member.user_id);
    let scope = Scope::tenant(tenant).with_user(customer);
    let found = transaction(&state.platform.database, &scope, "list_bookings", async |tx| {
        Ok::<_, Error>(
            reservations::list_of_customer(tx, tenant, customer, before, query.limit.probe()).await?,
        )
    })
    .await?;
    Ok(web::Json(Page::new(found, query.limit, |reservation| reservation.id, BookingView::from)))
}
