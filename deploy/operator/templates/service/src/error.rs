//! Everything that this service refuses, and how it says so.

use shinkofa_web::{Fault, Problem, service_error};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no such note")]
    NoteNotFound,
    #[error(transparent)]
    Fault(Fault),
}

service_error!(Error);

impl Error {
    fn problem(&self) -> Problem {
        match self {
            Self::NoteNotFound => Problem::not_found(),
            Self::Fault(fault) => fault.problem(),
        }
    }
}
