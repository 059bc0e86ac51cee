//! How refusals about an account, and about what is kept of it, are told.

use actix_web::http::StatusCode;
use shinkofa_web::Problem;

use super::{Error, conflict, forbidden};

impl Error {
    pub(super) fn account_problem(&self) -> Problem {
        match self {
            Self::WrongPassword => forbidden(
                "wrong_password",
                "The present password is not right.",
                "Le mot de passe actuel n'est pas correct.",
            ),
            Self::Banned => forbidden(
                "banned",
                "You cannot sign in or sign up here. Please get in touch with us if you think that this is a mistake.",
                "Vous ne pouvez ni vous connecter ni vous inscrire ici. Contactez-nous si vous pensez qu'il s'agit d'une erreur.",
            ),
            Self::DeletionScheduled => conflict(
                "deletion_scheduled",
                "This account is due to be erased.",
                "L'effacement de ce compte est prévu.",
            ),
            Self::NoDeletion => conflict(
                "no_deletion",
                "This account is not due to be erased.",
                "L'effacement de ce compte n'est pas prévu.",
            ),
            Self::ExportIncomplete { service } => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "export_incomplete",
                format!("The part {service:?} of the platform is not answering, and a copy without it would not be whole. Try again shortly."),
                format!("La partie « {service} » de la plateforme ne répond pas, et la copie serait incomplète sans elle. Réessayez dans un instant."),
            )
            .retry_after(10),
            Self::RegisterIncomplete { service } => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "register_incomplete",
                format!("The part {service:?} of the platform is not answering, and a register without it would not be whole. Try again shortly."),
                format!("La partie « {service} » de la plateforme ne répond pas, et le registre serait incomplet sans elle. Réessayez dans un instant."),
            )
            .retry_after(10),
            _ => conflict(
                "not_available",
                "This cannot be made here now.",
                "Ceci ne peut pas être créé ici maintenant.",
            ),
        }
    }
}
