//! Booking: classes, their dated sessions, and the seats that people reserve in them.

mod clients;
mod db;
mod domain;
mod error;
mod handlers;
mod jobs;
mod measures;
mod privacy;
mod routes;
mod saga;
mod state;

pub use saga::FAILPOINTS;
pub use state::Booking;
