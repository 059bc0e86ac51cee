//! The services that this one calls.

mod credits;

pub use credits::Credits;
