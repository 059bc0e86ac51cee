//! The numbers that booking tells about itself.

use shinkofa_contracts::booking::ReservationStatus;

use crate::domain::Transition;
use crate::error::Error;

const RESERVATIONS: &str = "booking_reservations_total";
pub const OVERSOLD: &str = "booking_oversold_sessions";
pub const FILL_RATIO: &str = "booking_fill_ratio";
pub const REPAIRS: &str = "booking_reconciler_repairs_total";
pub const UNPAID: &str = "booking_reservations_without_hold_total";

/// Every metric has its help text, also where nothing was counted yet.
pub fn describe() {
    metrics::describe_counter!(RESERVATIONS, "Reservations by what became of the request.");
    metrics::describe_gauge!(
        OVERSOLD,
        "Upcoming sessions with more reserved seats than capacity. Must be 0."
    );
    metrics::describe_gauge!(FILL_RATIO, "Taken seats over capacity of all upcoming sessions.");
    metrics::describe_counter!(REPAIRS, "Holds that the reconciler had to settle.");
    metrics::describe_counter!(
        UNPAID,
        "Confirmed priced reservations that the reconciler found without a hold."
    );
}

/// A request for seats was refused.
pub fn refused(error: &Error) {
    let outcome = match error {
        Error::SessionFull => "rejected_capacity",
        Error::AlreadyBooked => "rejected_already_booked",
        Error::SessionStarted => "rejected_started",
        _ => return,
    };
    metrics::counter!(RESERVATIONS, "outcome" => outcome).increment(1);
}

/// A reservation changed its status.
pub fn changed(transition: &Transition) {
    let outcome = match transition.to {
        ReservationStatus::Confirmed => "confirmed",
        ReservationStatus::Rejected => "rejected_credits",
        ReservationStatus::Expired => "expired",
        ReservationStatus::Cancelled if transition.from == ReservationStatus::Pending => "cancelled_pending",
        ReservationStatus::Cancelled => "cancelled_refunded",
        ReservationStatus::LateCancelled => "cancelled_late",
        _ => return,
    };
    metrics::counter!(RESERVATIONS, "outcome" => outcome).increment(1);
}

/// A reservation was confirmed as it was made, because there is nothing to pay.
pub fn confirmed_free() {
    metrics::counter!(RESERVATIONS, "outcome" => "confirmed").increment(1);
}
