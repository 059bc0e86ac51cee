//! What can go wrong between a service and its database.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be had, or the one in use died. The statement may or may not have run.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Query(DieselError),
}

/// Which kind of constraint refused a row. Name it together with the constraint's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    Unique,
    ForeignKey,
    Check,
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, info) => {
                Self::Unavailable(info.message().to_owned())
            }
            DieselError::BrokenTransactionManager => Self::Unavailable("the connection broke".to_owned()),
            DieselError::DatabaseError(_, ref info) if is_shutdown(info.message()) => {
                Self::Unavailable(info.message().to_owned())
            }
            other => Self::Query(other),
        }
    }
}

/// PostgreSQL says these in class 57 and 53 errors, whose codes diesel does not hand on.
fn is_shutdown(message: &str) -> bool {
    const SAYINGS: [&str; 5] = [
        "terminating connection due to",
        "the database system is",
        "sorry, too many clients already",
        "connection closed",
        "error communicating with the server",
    ];
    SAYINGS.iter().any(|saying| message.contains(saying))
}

impl Error {
    /// The server is there and answers nothing.
    pub(crate) fn silent() -> Self {
        Self::Unavailable("the server does not answer".to_owned())
    }

    /// Is this the refusal of the constraint called `name`?
    pub fn violates(&self, kind: Constraint, name: &str) -> bool {
        let Self::Query(DieselError::DatabaseError(seen, info)) = self else { return false };
        let same_kind = matches!(
            (kind, seen),
            (Constraint::Unique, DatabaseErrorKind::UniqueViolation)
                | (Constraint::ForeignKey, DatabaseErrorKind::ForeignKeyViolation)
                | (Constraint::Check, DatabaseErrorKind::CheckViolation)
        );
        same_kind && info.constraint_name() == Some(name)
    }

    /// Would the same transaction, run again from its start, have a fair chance?
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Query(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
            Self::Query(DieselError::DatabaseError(_, info)) => info.message().contains("deadlock detected"),
            _ => false,
        }
    }
}

/// An error a transaction may end with: one that can carry a database fault, and show it again.
pub trait TransactionError: From<Error> {
    fn database_fault(&self) -> Option<&Error>;
}

impl TransactionError for Error {
    fn database_fault(&self) -> Option<&Error> {
        Some(self)
    }
}
