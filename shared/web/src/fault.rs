//! What is nobody's business outside: faults of our own, answered opaquely and logged once.

use crate::Problem;

/// A failure that the caller did not cause and cannot mend.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("database: {0}")]
    Database(#[from] shinkofa_db::Error),
    /// Another service or a foreign system does not answer. The code says which.
    #[error("{code}: {source}")]
    Dependency { code: &'static str, source: anyhow::Error },
    #[error("unexpected: {0:#}")]
    Unexpected(#[from] anyhow::Error),
}

impl Fault {
    pub fn dependency(code: &'static str, source: impl Into<anyhow::Error>) -> Self {
        Self::Dependency { code, source: source.into() }
    }

    pub fn unexpected(message: impl std::fmt::Display) -> Self {
        Self::Unexpected(anyhow::anyhow!("{message}"))
    }

    /// Turns the fault into its answer, and writes it to the log: call it once, at the boundary.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Database(shinkofa_db::Error::Unavailable(reason)) => {
                tracing::warn!(%reason, "the database is unavailable");
                Problem::unavailable("database_unavailable")
            }
            Self::Database(shinkofa_db::Error::TimedOut(reason)) => {
                tracing::warn!(%reason, "the database took too long");
                Problem::unavailable("database_unavailable")
            }
            Self::Dependency { code, source } => {
                tracing::warn!(code, error = format!("{source:#}"), "a dependency is unavailable");
                Problem::unavailable(code)
            }
            Self::Database(error) => {
                tracing::error!(error = %error, "unexpected database error");
                Problem::internal()
            }
            Self::Unexpected(error) => {
                tracing::error!(error = format!("{error:#}"), "unexpected error");
                Problem::internal()
            }
        }
    }
}

/// Gives a service's error enum its place in HTTP and in transactions.
///
/// The enum has a variant `Fault(Fault)` and a method `problem(&self) -> Problem`.
#[macro_export]
macro_rules! service_error {
    ($error:ident) => {
        impl $crate::macros::actix_web::ResponseError for $error {
            fn status_code(&self) -> $crate::macros::actix_web::http::StatusCode {
                self.problem().status()
            }

            fn error_response(&self) -> $crate::macros::actix_web::HttpResponse {
                self.problem().response()
            }
        }

        impl From<$crate::Fault> for $error {
            fn from(fault: $crate::Fault) -> Self {
                Self::Fault(fault)
            }
        }

        impl From<$crate::macros::shinkofa_db::Error> for $error {
            fn from(error: $crate::macros::shinkofa_db::Error) -> Self {
                Self::Fault($crate::Fault::Database(error))
            }
        }

        impl From<$crate::macros::diesel::result::Error> for $error {
            fn from(error: $crate::macros::diesel::result::Error) -> Self {
                Self::Fault($crate::Fault::Database(error.into()))
            }
        }

        impl $crate::macros::shinkofa_db::TransactionError for $error {
            fn database_fault(&self) -> Option<&$crate::macros::shinkofa_db::Error> {
                match self {
                    Self::Fault($crate::Fault::Database(error)) => Some(error),
                    _ => None,
                }
            }
        }
    };
}
