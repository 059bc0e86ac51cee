//! What a service does with the events of another.

use shinkofa_contracts::Event;
use shinkofa_db::Connection;

/// Applies the events of one feed to this service's own tables.
///
/// `apply` runs inside the transaction that moves the cursor, in the event's tenant: its writes happen exactly once. It
/// calls nobody; what must follow is enqueued as a job in the same transaction.
pub trait Subscriber {
    /// The service whose feed it reads.
    fn feed(&self) -> &'static str;

    /// Under which its cursor is kept. Two subscribers of one feed need two names.
    fn name(&self) -> &'static str {
        self.feed()
    }

    /// Is the event any concern of this subscriber? The others are passed in runs, without a transaction for each.
    fn concerns(&self, event: &Event) -> bool;

    /// Applies one event that concerns it.
    fn apply(&self, tx: &mut Connection, event: &Event) -> impl Future<Output = Result<(), ApplyError>>;
}

/// Why an event was not applied.
#[derive(Debug)]
pub enum ApplyError {
    /// The database; tried again until it works.
    Database(shinkofa_db::Error),
    /// The event itself: parked after a few tries.
    Poison(anyhow::Error),
}

impl From<shinkofa_db::Error> for ApplyError {
    fn from(error: shinkofa_db::Error) -> Self {
        Self::Database(error)
    }
}

impl From<diesel::result::Error> for ApplyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<serde_json::Error> for ApplyError {
    fn from(error: serde_json::Error) -> Self {
        Self::Poison(error.into())
    }
}

impl From<anyhow::Error> for ApplyError {
    fn from(error: anyhow::Error) -> Self {
        Self::Poison(error)
    }
}

impl shinkofa_db::TransactionError for ApplyError {
    fn database_fault(&self) -> Option<&shinkofa_db::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Poison(_) => None,
        }
    }
}
