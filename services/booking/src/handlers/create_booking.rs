//! `POST /api/booking/create`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::ClassSessionId;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_identity::CurrentActor;
use shinkofa_web::idempotency::IdempotencyKey;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, NotFoundRefusal, ProblemDocument, Unavailability};
use utoipa::ToSchema;

use crate::Booking;
use crate::db::seats::SeatRequest;
use crate::domain::{Reservation, Seats};
use crate::error::Error;
use crate::saga::{self, BookingReceipt, Reserved, Told};

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateBookingRequest {
    session_id: ClassSessionId,
    /// 1 unless given.
    #[serde(default)]
    #[schema(value_type = i32, minimum = 1, maximum = 8, default = 1)]
    seats: Seats,
}

/// Book seats in a session
///
/// The seats are taken first, then the credits are set aside. When credits does not answer in time the reservation is
/// accepted as `pending` (202) and settles by itself: read it to see what became of it. The same request with the same
/// key books once and is answered the same; while a pending one settles, with its status of then.
#[utoipa::path(
    tag = "booking",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters of the caller's choice, new for each booking.")),
    request_body = CreateBookingRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, Unavailability,
        (status = 201, body = BookingReceipt, description = "The seats are the member's, and paid."),
        (status = 202, body = BookingReceipt, description = "The seats are kept while the credits are being set aside."),
        (status = 402, body = ProblemDocument, content_type = "application/problem+json", description = "`insufficient_credits`"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`wrong_tenant`"),
        (
            status = 409, body = ProblemDocument, content_type = "application/problem+json",
            description = "`session_full`, `already_booked`, `session_started`, `request_in_progress`",
        ),
    ),
)]
#[post("/api/booking/create")]
pub async fn create_booking(
    state: web::Data<Booking>,
    member: CurrentActor,
    key: IdempotencyKey,
    body: Body<CreateBookingRequest>,
) -> Result<HttpResponse, Error> {
    let tenant = member.tenant_id;
    let request = SeatRequest {
        tenant,
        session: body.0.session_id,
        customer: member.user_id,
        seats: body.0.seats.get(),
        idempotency_key: key.as_str().to_owned(),
    };
    let reservation = match saga::reserve(&state, &request).await? {
        Reserved::Answered(answer) => return Ok(answer.response()),
        Reserved::Made(reservation) | Reserved::MadeBefore(reservation) => reservation,
    };
    answer(&saga::advance(&state, tenant, reservation, Told::InTheAnswer).await?)
}

fn answer(reservation: &Reservation) -> Result<HttpResponse, Error> {
    let status = match reservation.status {
        ReservationStatus::Rejected => return Err(Error::InsufficientCredits),
        ReservationStatus::Confirmed => StatusCode::CREATED,
        _ => StatusCode::ACCEPTED,
    };
    Ok(HttpResponse::build(status).json(BookingReceipt::of(reservation)))
}
