//! Everything this service refuses, and how it says so.

use actix_web::http::StatusCode;
use shinkofa_web::{Fault, Problem, service_error};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One answer for an unknown address and a wrong password.
    #[error("the address or the password is wrong")]
    WrongCredentials,
    #[error("the address is not confirmed")]
    EmailNotVerified,
    #[error("the account is suspended")]
    AccountSuspended,
    #[error("the account is no member of this tenant")]
    NotAMember,
    #[error("too many failed attempts: {wait_seconds} s to wait")]
    Locked { wait_seconds: u64 },
    #[error("no turn at hashing came in time")]
    Busy,
    #[error("the link was used or has expired")]
    LinkGone,
    #[error("the refresh token is not good")]
    RefreshRefused,
    #[error("the second factor is not right")]
    SecondFactorRefused,
    #[error("no live session")]
    Unauthenticated,
    #[error("the member ranks too high to be managed by this one")]
    CannotManage,
    #[error("somebody would manage themselves")]
    OwnAccount,
    #[error("the membership is not active")]
    NotActive,
    #[error("the membership is not locked")]
    NotLocked,
    #[error("this member cannot be impersonated")]
    CannotImpersonate,
    /// The caller is signed in, but did not show that it is them.
    #[error("the password is wrong")]
    WrongPassword,
    #[error("what the caller came with is banned")]
    Banned,
    #[error("it belongs to another tenant")]
    NotAvailable,
    #[error("the account is already due to be erased")]
    DeletionScheduled,
    #[error("the account is not due to be erased")]
    NoDeletion,
    #[error("the tenant would be left without an admin")]
    LastAdmin,
    #[error("{service} does not answer, so the copy would not be whole")]
    ExportIncomplete { service: String },
    #[error("{0}")]
    Refused(Box<Problem>),
    #[error(transparent)]
    Fault(Fault),
}

impl Error {
    fn problem(&self) -> Problem {
        match self {
            Self::WrongCredentials => unauthorized(
                "invalid_credentials",
                "The address or the password is not right.",
                "L'adresse ou le mot de passe n'est pas correct.",
            ),
            Self::EmailNotVerified => forbidden(
                "email_not_verified",
                "Confirm your address first: open the link that we sent you, or ask for a new one.",
                "Confirmez d'abord votre adresse : ouvrez le lien que nous vous avons envoyé, ou demandez-en un nouveau.",
            ),
            Self::AccountSuspended => forbidden(
                "account_suspended",
                "This account is suspended. Please get in touch with us.",
                "Ce compte est suspendu. Veuillez nous contacter.",
            ),
            Self::NotAMember => forbidden(
                "not_a_member",
                "This account is not a member here.",
                "Ce compte n'est pas membre ici.",
            ),
            Self::Locked { wait_seconds } => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                format!("Too many failed attempts. Try again in {wait_seconds} s."),
                format!("Trop de tentatives infructueuses. Réessayez dans {wait_seconds} s."),
            )
            .retry_after(*wait_seconds),
            Self::Busy => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "sign_in_busy",
                "Very many people are signing in at this moment. Please try again in a few seconds.",
                "De très nombreuses connexions sont en cours. Réessayez dans quelques secondes.",
            )
            .retry_after(2),
            Self::LinkGone => Problem::new(
                StatusCode::GONE,
                "link_gone",
                "This link was already used or has expired. Ask for a new one.",
                "Ce lien a déjà été utilisé ou a expiré. Demandez-en un nouveau.",
            ),
            Self::RefreshRefused => unauthorized(
                "refresh_refused",
                "This session has ended. Please sign in again.",
                "Cette session est terminée. Veuillez vous reconnecter.",
            ),
            Self::SecondFactorRefused => unauthorized(
                "second_factor_refused",
                "The code is not right, or too much time has passed. Please sign in again.",
                "Le code n'est pas correct, ou le délai est dépassé. Veuillez vous reconnecter.",
            ),
            Self::Banned => forbidden(
                "banned",
                "You cannot sign in or sign up here. Please get in touch with us if you think that this is a mistake.",
                "Vous ne pouvez ni vous connecter ni vous inscrire ici. Contactez-nous si vous pensez qu'il s'agit d'une erreur.",
            ),
            Self::NotAvailable => conflict(
                "not_available",
                "This cannot be made here now.",
                "Ceci ne peut pas être créé ici maintenant.",
            ),
            Self::WrongPassword => forbidden(
                "wrong_password",
                "The password is not right. Nothing was changed.",
                "Le mot de passe n'est pas correct. Rien n'a été modifié.",
            ),
            Self::DeletionScheduled => conflict(
                "deletion_scheduled",
                "This account is already due to be erased.",
                "L'effacement de ce compte est déjà prévu.",
            ),
            Self::NoDeletion => conflict(
                "no_deletion",
                "This account is not due to be erased.",
                "L'effacement de ce compte n'est pas prévu.",
            ),
            Self::LastAdmin => conflict(
                "last_admin",
                "You are the only admin here: make somebody else one first.",
                "Vous êtes le seul administrateur ici : nommez-en d'abord un autre.",
            ),
            Self::ExportIncomplete { service } => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "export_incomplete",
                format!("The part {service:?} of the platform is not answering, and a copy without it would not be whole. Try again shortly."),
                format!("La partie « {service} » de la plateforme ne répond pas, et la copie serait incomplète sans elle. Réessayez dans un instant."),
            )
            .retry_after(10),
            Self::CannotManage => forbidden(
                "cannot_manage",
                "Only an admin can do this to an admin or a manager.",
                "Seul un administrateur peut faire cela à un administrateur ou à un gestionnaire.",
            ),
            Self::OwnAccount => conflict(
                "own_account",
                "This is your own account: ask another admin.",
                "Il s'agit de votre propre compte : demandez à un autre administrateur.",
            ),
            Self::NotActive => conflict(
                "not_active",
                "This member is not active at the moment.",
                "Ce membre n'est pas actif en ce moment.",
            ),
            Self::NotLocked => {
                conflict("not_locked", "This member is not locked.", "Ce membre n'est pas verrouillé.")
            }
            Self::CannotImpersonate => forbidden(
                "cannot_impersonate",
                "Nobody can take the place of an admin, or of somebody who is not active.",
                "Personne ne peut prendre la place d'un administrateur, ni de quelqu'un qui n'est pas actif.",
            ),
            Self::Unauthenticated => shinkofa_identity::unauthenticated(),
            Self::Refused(problem) => problem.as_ref().clone(),
            Self::Fault(fault) => fault.problem(),
        }
    }
}

fn unauthorized(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, en, fr).with_header("www-authenticate", "Bearer")
}

fn forbidden(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, en, fr)
}

fn conflict(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, en, fr)
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

service_error!(Error);
