//! From a request for seats to seats that are paid: the steps, each with its undo, and who drives them.
//!
//! 1. [`reserve`]: the seats are taken, the reservation is pending. Undo: expire or reject, which frees them.
//! 2. Credits holds the price. Undo: release, which is remembered even when it comes first.
//! 3. Pending becomes confirmed by compare-and-set. From here on there is no undo, only a cancellation.
//! 4. Credits captures the hold.
//!
//! [`advance`] does steps 2 and 3, for the request and for the job alike. Whatever follows a commit was enqueued in it.

mod advance;
mod cancel;
mod change;
mod receipt;
mod reserve;

pub use advance::{advance, expire};
pub use cancel::cancel;
pub use change::{Change, Told, carry_out, tell_credits};
pub use receipt::{BOOK, BookingReceipt};
pub use reserve::{Reserved, reserve};

/// Where a test may kill the process: before and after each step. `before` a commit is inside its transaction.
pub const FAILPOINTS: &[&str] = &[
    "booking.reserve.before",
    "booking.reserve.after",
    "booking.hold.before",
    "booking.hold.after",
    "booking.confirm.before",
    "booking.confirm.after",
    "booking.reject.before",
    "booking.reject.after",
    "booking.expire.before",
    "booking.expire.after",
    "booking.cancel.before",
    "booking.cancel.after",
    "booking.capture.before",
    "booking.capture.after",
    "booking.release.before",
    "booking.release.after",
    "booking.refund.before",
    "booking.refund.after",
    "booking.consume.before",
    "booking.consume.after",
];
