//! What a service tells the others: an append-only log of events, read by cursor, applied exactly once.

mod append;
mod read;
mod reader;
mod store;
mod subscriber;

pub use append::{Occurrence, append, append_each};
pub use read::{Appended, read_feed};
pub use reader::{FeedReader, Step};
pub use store::is_past;
pub use subscriber::{ApplyError, Subscriber};

/// The tables that this crate needs in a service's schema.
pub const MIGRATIONS: diesel_migrations::EmbeddedMigrations = diesel_migrations::embed_migrations!();
