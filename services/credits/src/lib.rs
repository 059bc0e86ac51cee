//! Credits: what is sold, what was paid, and the wallet that bookings are paid from.

mod checkout;
mod clients;
mod commands;
mod db;
mod domain;
mod error;
mod handlers;
mod holding;
pub mod invariants;
mod jobs;
mod measures;
mod routes;
mod settlement;
mod state;

pub use state::Credits;

/// Where a test may kill the process: before the commit of a step and after it, before the answer leaves.
pub const FAILPOINTS: &[&str] = &[
    "credits.hold.before",
    "credits.hold.after",
    "credits.capture.before",
    "credits.capture.after",
    "credits.release.before",
    "credits.release.after",
    "credits.refund.before",
    "credits.refund.after",
    "credits.consume.before",
    "credits.consume.after",
    "credits.begin_checkout.before",
    "credits.begin_checkout.after",
    "credits.open_checkout.before",
    "credits.open_checkout.after",
    "credits.receive_event.before",
    "credits.receive_event.after",
    "credits.settle_payment.before",
    "credits.settle_payment.after",
];
