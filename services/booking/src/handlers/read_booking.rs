//! `GET /api/booking/{reservationId}`

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_contracts::{ClassSessionId, ReservationId};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, Unavailability};
use utoipa::ToSchema;

use crate::Booking;
use crate::db::reservations;
use crate::domain::Reservation;
use crate::error::Error;

/// Somebody's seats in a session, as their owner sees them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BookingView {
    reservation_id: ReservationId,
    status: ReservationStatus,
    session_id: ClassSessionId,
    #[schema(example = "Vinyasa yoga")]
    title: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    #[schema(required = true, example = "Studio 2")]
    location: Option<String>,
    #[schema(example = 2)]
    seats: i32,
    /// What the seats cost, in credits.
    #[schema(example = 2)]
    credits: i32,
    /// What of it was taken as things stand: 0 while it is pending, and after a cancellation in time.
    #[schema(example = 2)]
    credits_charged: i32,
    #[schema(example = 0)]
    credits_refunded: i32,
    /// A cancellation before this instant gives the credits back.
    cancel_deadline: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

impl From<Reservation> for BookingView {
    fn from(reservation: Reservation) -> Self {
        Self {
            credits_charged: reservation.credits_charged(),
            reservation_id: reservation.id,
            status: reservation.status,
            session_id: reservation.session_id,
            title: reservation.class_title,
            starts_at: reservation.starts_at,
            ends_at: reservation.ends_at,
            location: reservation.location,
            seats: reservation.seats,
            credits: reservation.credits,
            credits_refunded: reservation.credits_refunded,
            cancel_deadline: reservation.cancel_deadline,
            created_at: reservation.created_at,
        }
    }
}

/// One of my reservations
#[utoipa::path(
    tag = "booking",
    params(("reservationId" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = BookingView),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`wrong_tenant`"),
    ),
)]
#[get("/api/booking/{reservationId}")]
pub async fn read_booking(
    state: web::Data<Booking>,
    member: CurrentActor,
    id: Path<ReservationId>,
) -> Result<web::Json<BookingView>, Error> {
    let scope = Scope::tenant(member.tenant_id).with_user(member.user_id);
    let reservation = transaction(&state.platform.database, &scope, "read_booking", async |tx| {
        let found = reservations::find(tx, member.tenant_id, id.0).await?;
        found.filter(|reservation| reservation.customer_id == member.user_id).ok_or(Error::NotFound)
    })
    .await?;
    Ok(web::Json(reservation.into()))
}
