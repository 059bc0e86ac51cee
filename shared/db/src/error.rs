//! What can go wrong between a service and its database.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be had, the one in use died, or the server has no room or no time for the statement. It may or may
    /// not have run.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The server ended the statement: it, or a lock that it waited for, took too long. Nothing of the transaction happened.
    #[error("the database took too long: {0}")]
    TimedOut(String),
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
            DieselError::DatabaseError(_, ref info) if is_unavailability(info.message()) => {
                Self::Unavailable(info.message().to_owned())
            }
            DieselError::DatabaseError(_, ref info) if is_timeout(info.message()) => {
                Self::TimedOut(info.message().to_owned())
            }
            other => Self::Query(other),
        }
    }
}

/// PostgreSQL says these in class 57, 53 and 58 errors: trouble of the server, not of the statement. Diesel does not hand their
/// codes on.
fn is_unavailability(message: &str) -> bool {
    const SAYINGS: [&str; 8] = [
        "terminating connection due to",
        "the database system is",
        "sorry, too many clients already",
        "connection closed",
        "error communicating with the server",
        "No space left on device",
        "could not extend file",
        "could not write to file",
    ];
    SAYINGS.iter().any(|saying| message.contains(saying))
}

/// The same of statements that took too long (57014), and of locks that were not to be had in time (55P03).
fn is_timeout(message: &str) -> bool {
    let sayings = ["canceling statement due to statement timeout", "canceling statement due to lock timeout"];
    sayings.iter().any(|saying| message.contains(saying))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: DatabaseErrorKind, message: &str) -> Error {
        DieselError::DatabaseError(kind, Box::new(message.to_owned())).into()
    }

    #[test]
    fn a_server_without_room_or_connections_is_unavailable() {
        for message in [
            "could not extend file \"base/16384/16421\": No space left on device",
            "could not extend file \"base/16384/16421\": wrote only 4096 of 8192 bytes at block 7",
            "could not write to file \"pg_wal/xlogtemp.71\": No space left on device",
            "sorry, too many clients already",
            "the database system is shutting down",
            "terminating connection due to administrator command",
        ] {
            let error = said(DatabaseErrorKind::Unknown, message);
            assert!(matches!(&error, Error::Unavailable(reason) if reason == message), "{error:?}");
            assert!(!error.is_conflict(), "it is not tried again at once: {message}");
        }
    }

    #[test]
    fn a_statement_that_took_too_long_is_neither_the_servers_fault_nor_a_conflict() {
        for what in ["statement", "lock"] {
            let message = format!("canceling statement due to {what} timeout");
            let error = said(DatabaseErrorKind::Unknown, &message);
            assert!(matches!(&error, Error::TimedOut(reason) if *reason == message), "{error:?}");
            assert!(!error.is_conflict());
        }
    }

    #[test]
    fn a_fault_of_the_statement_stays_one_and_a_conflict_is_tried_again() {
        for message in ["division by zero", "relation \"users\" does not exist", "permission denied"] {
            assert!(matches!(said(DatabaseErrorKind::Unknown, message), Error::Query(_)), "{message}");
        }
        assert!(said(DatabaseErrorKind::Unknown, "deadlock detected").is_conflict());
        assert!(said(DatabaseErrorKind::SerializationFailure, "could not serialize access").is_conflict());
    }
}
