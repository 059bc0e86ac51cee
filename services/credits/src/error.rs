//! Every way a request can be refused, and its answer.

use actix_web::http::StatusCode;
use shinkofa_web::idempotency::Refusal;
use shinkofa_web::{Fault, Problem};

use crate::domain::package::UnsellablePrice;
use crate::domain::signature::SignatureFault;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no such thing")]
    NotFound,
    #[error("priceMinor {0}")]
    UnsellablePrice(UnsellablePrice),
    #[error("amount is not positive")]
    NothingToHold,
    #[error("the wallet does not cover it")]
    InsufficientCredits,
    #[error("the reservation has another hold")]
    HoldDiffers,
    #[error("the hold was given back")]
    HoldClosed,
    #[error("the hold was captured")]
    HoldCaptured,
    #[error("the hold was consumed")]
    HoldConsumed,
    #[error("Stripe refused the checkout")]
    CheckoutRefused,
    #[error(transparent)]
    Signature(SignatureFault),
    #[error("the event cannot be read")]
    UnreadableEvent,
    #[error("the body is too large")]
    BodyTooLarge,
    #[error(transparent)]
    Idempotency(Refusal),
    /// A refusal that a shared part put into words.
    #[error(transparent)]
    Refused(Problem),
    #[error(transparent)]
    Fault(Fault),
}

shinkofa_web::service_error!(Error);

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl Error {
    fn problem(&self) -> Problem {
        let refuse = |status, code, en: &str, fr: &str| Problem::new(status, code, en, fr);
        match self {
            Self::NotFound => Problem::not_found(),
            Self::UnsellablePrice(reason) => Problem::invalid_field("/priceMinor", reason.to_string()),
            Self::NothingToHold => Problem::invalid_field("/amount", "must be at least 1"),
            Self::InsufficientCredits => refuse(
                StatusCode::PAYMENT_REQUIRED,
                "insufficient_credits",
                "There are not enough credits. Buy a package and try again.",
                "Il n'y a pas assez de crédits. Achetez un forfait puis réessayez.",
            ),
            Self::HoldDiffers => refuse(
                StatusCode::UNPROCESSABLE_ENTITY,
                "hold_differs",
                "This reservation already has a hold of another member or amount.",
                "Cette réservation a déjà une retenue d'un autre membre ou montant.",
            ),
            Self::HoldClosed => refuse(
                StatusCode::CONFLICT,
                "hold_closed",
                "The credits of this reservation went back to the wallet; it cannot be paid with them any more.",
                "Les crédits de cette réservation ont été rendus ; elle ne peut plus être payée avec.",
            ),
            Self::HoldCaptured => refuse(
                StatusCode::CONFLICT,
                "hold_captured",
                "The credits of this reservation are spent: refund them instead of releasing them.",
                "Les crédits de cette réservation sont dépensés : remboursez-les au lieu de les libérer.",
            ),
            Self::HoldConsumed => refuse(
                StatusCode::CONFLICT,
                "hold_consumed",
                "The credits of this reservation are used up.",
                "Les crédits de cette réservation sont consommés.",
            ),
            Self::CheckoutRefused => refuse(
                StatusCode::UNPROCESSABLE_ENTITY,
                "checkout_refused",
                "The payment provider does not accept this purchase. Nothing was charged; please tell the studio.",
                "Le prestataire de paiement refuse cet achat. Rien n'a été débité ; prévenez le studio.",
            ),
            Self::Signature(fault) => signature_problem(*fault),
            Self::UnreadableEvent => Problem::malformed(
                "The body is not an event of Stripe's.",
                "Le corps n'est pas un événement de Stripe.",
            ),
            Self::BodyTooLarge => refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is larger than this endpoint accepts.",
                "Le corps dépasse la taille acceptée ici.",
            ),
            Self::Idempotency(refusal) => refusal.problem(),
            Self::Refused(problem) => problem.clone(),
            Self::Fault(fault) => fault.problem(),
        }
    }
}

fn signature_problem(fault: SignatureFault) -> Problem {
    let (code, en, fr) = match fault {
        SignatureFault::Malformed => (
            "signature_missing",
            "Send the Stripe-Signature header of this event.",
            "Envoyez l'en-tête Stripe-Signature de cet événement.",
        ),
        SignatureFault::Forged => (
            "signature_invalid",
            "The signature does not fit the body.",
            "La signature ne correspond pas au corps.",
        ),
        SignatureFault::Stale => (
            "signature_stale",
            "The signature is more than five minutes away from now.",
            "La signature date de plus de cinq minutes.",
        ),
    };
    Problem::new(StatusCode::BAD_REQUEST, code, en, fr)
}
