//! What booking tells: its events, and the state of a reservation.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_identity::Scope;
use shinkofa_kernel::{UserId, text_enum};
use utoipa::ToSchema;

use crate::{ClassSessionId, EventPayload, ReservationId};

/// How booking is called.
pub const SERVICE: &str = "booking";

/// Asking what became of a reservation: `/internal/v1/reservations/...`.
#[derive(Clone, Copy, Debug)]
pub struct ReservationsScope;

impl Scope for ReservationsScope {
    const NAME: &'static str = "reservations";
}

text_enum! {
    /// Where a reservation is in its life.
    ReservationStatus {
        /// The seat is kept while the credits are being set aside.
        Pending => "pending",
        Confirmed => "confirmed",
        /// The credits could not be set aside.
        Rejected => "rejected",
        /// The credits were not set aside in time.
        Expired => "expired",
        /// Cancelled by the member before the deadline.
        Cancelled => "cancelled",
        /// Cancelled by the member after it: the seat is free, the credits are spent.
        LateCancelled => "late_cancelled",
        /// Cancelled with its session by the studio.
        StudioCancelled => "studio_cancelled",
        Attended => "attended",
        NoShow => "no_show",
    }
}

/// `GET /internal/v1/reservations/{reservationId}`: 404 when there is none, and then there never will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationSummary {
    pub reservation_id: ReservationId,
    pub user_id: UserId,
    pub status: ReservationStatus,
    pub credits: i32,
}

/// A page of `GET /internal/v1/reservations?cursor=&limit=`, by id, for reconciliation.
pub type ReservationPage = shinkofa_web::Page<ReservationSummary>;

/// What a message about a reservation says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationDetails {
    pub reservation_id: ReservationId,
    pub user_id: UserId,
    pub session_id: ClassSessionId,
    pub class_title: String,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub location: Option<String>,
    pub seats: i32,
    pub credits: i32,
    /// Until this instant a cancellation gives the credits back.
    pub cancel_deadline: DateTime<Utc>,
}

/// The seats are the member's, and paid.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationConfirmed {
    #[serde(flatten)]
    pub reservation: ReservationDetails,
}

impl EventPayload for ReservationConfirmed {
    const TYPE: &'static str = "reservation.confirmed";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "reservation";
    type Personal = ();
}

/// A booking that was answered `pending` came to nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationRejected {
    #[serde(flatten)]
    pub reservation: ReservationDetails,
    /// `insufficient_credits` or `expired`.
    pub reason: String,
}

impl EventPayload for ReservationRejected {
    const TYPE: &'static str = "reservation.rejected";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "reservation";
    type Personal = ();
}

/// The member gave the seats back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationCancelled {
    #[serde(flatten)]
    pub reservation: ReservationDetails,
    pub late: bool,
    pub credits_refunded: i32,
}

impl EventPayload for ReservationCancelled {
    const TYPE: &'static str = "reservation.cancelled";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "reservation";
    type Personal = ();
}
