//! The promises of booking, through HTTP, on a real PostgreSQL, beside a stand-in for credits.

mod bookings;
mod calendar;
mod cancellations;
mod fake_credits;
mod invariants;
mod platform;
mod race;
mod reconciliation;
mod repetitions;
mod saga;
mod studio;
