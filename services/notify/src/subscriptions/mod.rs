//! What the other services tell, and the message that each event asks for.

mod auth;
mod booking;
mod credits;
mod record;

pub use auth::AuthEvents;
pub use booking::BookingEvents;
pub use credits::CreditsEvents;
