//! Everything that booking refuses, and how it is said.

use actix_web::http::StatusCode;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_web::{Fault, Problem, idempotency};

use crate::db::seats;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not found")]
    NotFound,
    #[error("the session has fewer free seats")]
    SessionFull,
    #[error("there is an active reservation of the same session")]
    AlreadyBooked,
    #[error("the session has started")]
    SessionStarted,
    #[error("the wallet does not cover the price")]
    InsufficientCredits,
    #[error("the reservation is {0} and cannot be cancelled")]
    ReservationClosed(ReservationStatus),
    #[error("{pointer} {detail}")]
    InvalidField { pointer: &'static str, detail: String },
    #[error(transparent)]
    Idempotency(#[from] idempotency::Refusal),
    #[error(transparent)]
    Fault(Fault),
}

shinkofa_web::service_error!(Error);

impl Error {
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::not_found(),
            Self::SessionFull => Problem::new(
                StatusCode::CONFLICT,
                "session_full",
                "This session has not that many free seats. Choose another one.",
                "Cette séance n'a plus assez de places. Choisissez-en une autre.",
            ),
            Self::AlreadyBooked => Problem::new(
                StatusCode::CONFLICT,
                "already_booked",
                "You have booked this session already. See your reservations.",
                "Vous avez déjà réservé cette séance. Voyez vos réservations.",
            ),
            Self::SessionStarted => Problem::new(
                StatusCode::CONFLICT,
                "session_started",
                "This session has started.",
                "Cette séance a commencé.",
            ),
            Self::InsufficientCredits => Problem::new(
                StatusCode::PAYMENT_REQUIRED,
                "insufficient_credits",
                "You have not enough credits for this. Buy a pack, then book again with a new Idempotency-Key.",
                "Vous n'avez pas assez de crédits. Achetez un pack, puis réservez avec une nouvelle Idempotency-Key.",
            ),
            Self::ReservationClosed(status) => Problem::new(
                StatusCode::CONFLICT,
                "reservation_closed",
                format!("This reservation is {status}: there is nothing to cancel."),
                format!("Cette réservation est à l'état « {status} » : il n'y a rien à annuler."),
            ),
            Self::InvalidField { pointer, detail } => Problem::invalid_field(*pointer, detail.as_str()),
            Self::Idempotency(refusal) => refusal.problem(),
            Self::Fault(fault) => fault.problem(),
        }
    }
}

impl From<seats::Refusal> for Error {
    fn from(refusal: seats::Refusal) -> Self {
        match refusal {
            seats::Refusal::NoSuchSession => Self::NotFound,
            seats::Refusal::Started => Self::SessionStarted,
            seats::Refusal::AlreadyBooked => Self::AlreadyBooked,
            seats::Refusal::Full => Self::SessionFull,
        }
    }
}
