//! Reads and writes. Nothing here begins a transaction.

pub mod classes;
pub mod measures;
pub mod personal;
pub mod policies;
pub mod reservations;
pub mod schema;
pub mod seats;
pub mod sessions;
