//! What a booking request is answered, at once or when it is repeated.

use serde::Serialize;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_contracts::{ClassSessionId, ReservationId};
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_web::Fault;
use shinkofa_web::idempotency::Operation;
use utoipa::ToSchema;

use crate::domain::Reservation;

/// Under which name booking requests are remembered.
pub const BOOK: &str = "create_booking";

/// The reservation that a request made.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BookingReceipt {
    pub reservation_id: ReservationId,
    pub status: ReservationStatus,
    pub session_id: ClassSessionId,
    #[schema(example = 1)]
    pub seats: i32,
    /// 0 while it is pending.
    #[schema(example = 1)]
    pub credits_charged: i32,
}

impl BookingReceipt {
    pub fn of(reservation: &Reservation) -> Self {
        Self {
            reservation_id: reservation.id,
            status: reservation.status,
            session_id: reservation.session_id,
            seats: reservation.seats,
            credits_charged: reservation.credits_charged(),
        }
    }
}

/// What makes a booking request the request it is.
#[derive(Serialize)]
struct Identity {
    session_id: ClassSessionId,
    seats: i32,
}

/// The request as its repetitions are recognised.
pub fn operation(
    tenant: TenantId,
    customer: UserId,
    key: &str,
    session_id: ClassSessionId,
    seats: i32,
) -> Result<Operation, Fault> {
    Operation::new(tenant, customer, BOOK, key, &Identity { session_id, seats })
}
