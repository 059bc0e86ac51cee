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
    #[error("the only second factor is the mailbox that the first step was made by")]
    SameChannel,
    #[error("no code is mailed for this")]
    NoMailedCode,
    #[error("what was shown again is not right")]
    ReauthenticationRefused,
    #[error("the code does not confirm the factor")]
    CodeRefused,
    #[error("the account has as many factors as it may")]
    TooManyFactors,
    #[error("the account has this factor already")]
    FactorExists,
    #[error("the role needs the factor")]
    LastFactor,
    #[error("there is no second factor")]
    NoFactor,
    #[error("not there")]
    NotFound,
    #[error("no live session")]
    Unauthenticated,
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
            Self::SameChannel
            | Self::NoMailedCode
            | Self::ReauthenticationRefused
            | Self::CodeRefused
            | Self::TooManyFactors
            | Self::FactorExists
            | Self::LastFactor
            | Self::NoFactor => self.factor_problem(),
            Self::NotFound => Problem::not_found(),
            Self::Unauthenticated => shinkofa_identity::unauthenticated(),
            Self::Refused(problem) => problem.as_ref().clone(),
            Self::Fault(fault) => fault.problem(),
        }
    }
}

impl Error {
    /// Refusals about second factors.
    fn factor_problem(&self) -> Problem {
        match self {
            Self::SameChannel => forbidden(
                "same_channel_twice",
                "The second factor of this account is the mailbox that you just used. Sign in with your password instead.",
                "Le second facteur de ce compte est la boîte mail que vous venez d'utiliser. Connectez-vous plutôt avec votre mot de passe.",
            ),
            Self::NoMailedCode => forbidden(
                "mailed_code_not_available",
                "No code can be mailed here. Use another of your second factors.",
                "Aucun code ne peut être envoyé par mail ici. Utilisez un autre de vos seconds facteurs.",
            ),
            Self::ReauthenticationRefused => forbidden(
                "reauthentication_refused",
                "The password or the code is not right.",
                "Le mot de passe ou le code n'est pas correct.",
            ),
            Self::CodeRefused => {
                Problem::invalid_field("/code", "is not what the authenticator app shows now")
            }
            Self::TooManyFactors => conflict(
                "too_many_factors",
                "This account has as many second factors as it may. Remove one first.",
                "Ce compte a autant de seconds facteurs que possible. Supprimez-en un d'abord.",
            ),
            Self::FactorExists => conflict(
                "factor_exists",
                "This second factor is enrolled already.",
                "Ce second facteur est déjà enregistré.",
            ),
            Self::LastFactor => conflict(
                "last_factor_required",
                "Your role needs a second factor. Enrol another one before you remove this one.",
                "Votre rôle exige un second facteur. Enregistrez-en un autre avant de supprimer celui-ci.",
            ),
            _ => conflict(
                "no_second_factor",
                "Recovery codes stand in for a second factor. Enrol one first.",
                "Les codes de secours remplacent un second facteur. Enregistrez-en un d'abord.",
            ),
        }
    }
}

fn conflict(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, en, fr)
}

fn unauthorized(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, en, fr).with_header("www-authenticate", "Bearer")
}

fn forbidden(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, en, fr)
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

service_error!(Error);
