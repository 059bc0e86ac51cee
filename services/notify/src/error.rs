//! Everything a request can fail with, and the answer to each.

use shinkofa_web::{Fault, FieldError, Problem};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The development mailbox is off.
    #[error("there is nothing here")]
    NotFound,
    #[error("messages of this kind cannot be switched off")]
    KindNotOptional { position: usize },
    #[error("the kind stands in the list twice")]
    KindRepeated { position: usize },
    #[error(transparent)]
    Fault(Fault),
}

impl Error {
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::KindNotOptional { position } => self.field(format!("/items/{position}/enabled")),
            Self::KindRepeated { position } => self.field(format!("/items/{position}/kind")),
            Self::Fault(fault) => fault.problem(),
        }
    }

    fn field(&self, pointer: String) -> Problem {
        Problem::invalid_fields(vec![FieldError { pointer, detail: self.to_string() }])
    }
}

shinkofa_web::service_error!(Error);
