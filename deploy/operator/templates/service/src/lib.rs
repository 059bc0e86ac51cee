//! What this service is for, in one line.

mod db;
mod domain;
mod error;
mod events;
mod handlers;
mod routes;
mod state;

pub use domain::NoteId;
pub use events::NoteCreated;
pub use state::State;
