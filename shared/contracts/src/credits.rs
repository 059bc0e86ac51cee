//! What credits tells: its events, and the holds that bookings are paid with.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_identity::Scope;
use shinkofa_kernel::{Currency, UserId, text_enum};
use utoipa::ToSchema;

use crate::{EventPayload, LotId, PackageId, PaymentId, ReservationId};

/// How credits is called.
pub const SERVICE: &str = "credits";

/// Holding, capturing, releasing and refunding: `/internal/v1/holds/...`.
#[derive(Clone, Copy, Debug)]
pub struct HoldsScope;

impl Scope for HoldsScope {
    const NAME: &'static str = "holds";
}

text_enum! {
    /// Where held credits are. `held` ends once, in one of the others; `captured` may still be refunded.
    HoldState {
        Held => "held",
        Captured => "captured",
        Released => "released",
        Expired => "expired",
        Refunded => "refunded",
        Consumed => "consumed",
    }
}

text_enum! {
    /// Why captured credits go back.
    RefundReason {
        /// The member cancelled before the deadline.
        CancelledInTime => "cancelled_in_time",
        /// The studio cancelled the session.
        CancelledByStudio => "cancelled_by_studio",
    }
}

/// `PUT /internal/v1/holds/{reservationId}`: sets `amount` credits of the user aside, soonest expiry first.
///
/// Repeated with the same body it answers the same; with another body 422 `hold_differs`. 402 `insufficient_credits`
/// when the wallet cannot cover it. 409 `hold_closed` when the reservation was released before: a late hold after a
/// release must not come back to life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HoldRequest {
    pub user_id: UserId,
    pub amount: i32,
    /// After this credits asks booking what became of the reservation.
    pub expires_at: DateTime<Utc>,
}

/// The state of a hold: the answer of every endpoint beneath `/internal/v1/holds`.
///
/// Beside `hold` and `refund` there are, each a `PUT` without a body, repeatable and answering the same:
/// - `{reservationId}/capture`: the credits are spent. Never fails for funds; 409 `hold_closed` after a release.
/// - `{reservationId}/release`: the credits go back. Before the hold has arrived it leaves a tombstone: state
///   `released`, amount 0, and the nil UUID as `user_id`. 409 `hold_captured` after a capture.
/// - `{reservationId}/consume`: the class is over for the member, who came, did not come, or cancelled too late.
///
/// 404 `not_found` for a reservation without a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    pub reservation_id: ReservationId,
    pub user_id: UserId,
    pub amount: i32,
    pub state: HoldState,
    pub allocations: Vec<Allocation>,
}

/// How many of a hold's credits come from which lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    pub lot_id: LotId,
    pub amount: i32,
}

/// `PUT /internal/v1/holds/{reservationId}/refund`: gives credits back to the lots they came from, captured or not yet.
///
/// Units of a lot that expired in the meantime live on in a lot of their own: seven days when the member cancelled in
/// time, thirty when the studio did. 409 `hold_consumed` when they are used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefundRequest {
    pub reason: RefundReason,
}

/// A page of `GET /internal/v1/holds?state=&cursor=&limit=`, for reconciliation.
pub type HoldPage = shinkofa_web::Page<Hold>;

/// A purchase is paid and its credits are in the wallet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPaid {
    pub payment_id: PaymentId,
    pub user_id: UserId,
    pub package_id: PackageId,
    pub package_name: String,
    pub credits: i32,
    pub amount_minor: i64,
    pub currency: Currency,
    pub lot_id: LotId,
    pub expires_at: Option<DateTime<Utc>>,
}

impl EventPayload for PaymentPaid {
    const TYPE: &'static str = "payment.paid";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "payment";
    type Personal = ();
}
