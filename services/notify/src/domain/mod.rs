//! What is said to whom, in which words, and when a message is out of our hands. Pure.

mod delivery;
mod kind;
mod letter;
mod occasion;
mod one_line;
mod wording;

pub use delivery::{Addressee, DeliveryId, DeliveryState, KEEP_CONTENT_FOR, Step, Suppression, Ticket};
pub use kind::{Channel, Kind};
pub use letter::{Letter, LetterTemplates, Letterhead};
pub use occasion::{Occasion, RejectionReason};
pub use one_line::one_line;
