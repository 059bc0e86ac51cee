//! The rules of booking, without any input or output.

mod instant;
mod number;
mod reconciliation;
mod reservation;
mod text;
mod window;

pub use instant::Instant;
pub use number::{Capacity, CreditCost, DurationMinutes, Seats};
pub use reconciliation::repair;
pub use reservation::{CancelRefusal, FollowUp, Reservation, Transition};
pub use text::{ClassTitle, Description, Level, Location};
pub use window::{Window, WindowError};

/// Until when a cancellation is free, where a studio has decided nothing: twelve hours before the start.
pub const DEFAULT_CANCEL_BEFORE_MINUTES: i32 = 12 * 60;
