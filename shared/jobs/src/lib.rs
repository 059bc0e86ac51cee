//! A service's own queue in PostgreSQL: what must follow a commit is enqueued in the same transaction.
//!
//! A job runs at least once, and is removed only after it returned `Ok`. So a job is written to be run twice: it
//! looks at the rows it is about, and does what is still missing.

mod enqueue;
mod job;
mod lanes;
mod runner;
mod store;

pub use enqueue::{cancel, enqueue, enqueue_each, enqueue_keyed};
pub use job::{Attempt, Failure, Job, Lane};
pub use runner::{Jobs, Runner, Wake};

/// The tables that this crate needs in a service's schema.
pub const MIGRATIONS: diesel_migrations::EmbeddedMigrations = diesel_migrations::embed_migrations!();
