//! One endpoint per file: request, answer, handler.

pub mod cancel_booking;
pub mod create_booking;
pub mod create_class;
pub mod create_session;
pub mod list_bookings;
pub mod list_classes;
pub mod list_reservations;
pub mod list_sessions;
mod once;
pub mod read_booking;
pub mod read_class;
pub mod read_reservation;
pub mod read_session;
