//! How every service reaches PostgreSQL: pools, named transactions with their tenant, migrations.

mod database;
mod error;
mod migrate;
mod prepared;
mod scope;
mod together;
mod transaction;

pub use database::{Database, Patience, WorkerIndex};
pub use error::{Constraint, Error, TransactionError};
pub use migrate::{MigrationError, Migrations, SchemaState, migrate, schema_state};
pub use scope::Scope;
pub use transaction::{glance, transaction, transaction_after};

#[doc(hidden)]
pub use tokio;

/// What query functions take: a connection inside somebody else's transaction, or glance. Those that take it by `&` can be sent with
/// others: see [`together!`].
pub type Connection = diesel_async::AsyncPgConnection;

/// The functions and tables that every service's schema starts with.
pub const MIGRATIONS: diesel_migrations::EmbeddedMigrations = diesel_migrations::embed_migrations!();
