//! Everything this service refuses, and how it says so.

mod accounts;
mod provisioning;
mod signing_in;
mod studios;

use actix_web::http::StatusCode;
use shinkofa_web::{Fault, Problem, service_error};

use crate::domain::password::UnfitPassword;
use crate::domain::pkce::PkceMissing;
use crate::domain::scim::Refusal;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One answer for an unknown address, one that is not confirmed yet, and a wrong password.
    #[error("the address or the password is wrong, or the address is not confirmed")]
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
    #[error("the code is wrong, used, or too old")]
    CodeRefused,
    #[error("the verifier is not that of the challenge")]
    VerifierRefused,
    #[error("the second factor is not right")]
    SecondFactorRefused,
    #[error("a code challenge by S256 and its verifier are required")]
    PkceMissing(#[from] PkceMissing),
    #[error("the account is a guest's")]
    GuestAccount,
    #[error("the account is no guest's")]
    NotAGuest,
    #[error("no such provider, or it is switched off")]
    ProviderUnknown,
    #[error("this redirect URI is not one of ours")]
    RedirectRefused,
    #[error("the provider was not begun with here, or came back already")]
    StateRefused,
    #[error("the provider vouches for nobody: {0}")]
    IdentityRefused(&'static str),
    #[error("the provider has not verified an address of theirs")]
    ProviderEmailUnverified,
    #[error("the way through the provider was redeemed or has expired")]
    ExchangeGone,
    #[error("the identity is somebody else's")]
    IdentityTaken,
    #[error("the account has another identity of this provider")]
    ProviderLinked,
    #[error("an account with a second factor is not linked by address alone")]
    LinkFirst,
    #[error("it is the last way in")]
    LastWayIn,
    #[error("the only second factor is the mailbox that the first step was made by")]
    SameChannel,
    #[error("no code is mailed for this")]
    NoMailedCode,
    #[error("what was shown again is not right")]
    ReauthenticationRefused,
    #[error("the code does not confirm the factor")]
    FactorCodeRefused,
    #[error("the account has as many factors as it may")]
    TooManyFactors,
    #[error("the account has this factor already")]
    FactorExists,
    #[error("the role needs the factor")]
    LastFactor,
    #[error("there is no second factor")]
    NoFactor,
    #[error("the challenge was used, has expired or was given out for something else")]
    ChallengeGone,
    #[error("the passkey is not known, or what it says is not to be believed")]
    PasskeyRefused,
    #[error("the counter of the passkey went back")]
    PasskeyCloned,
    #[error("the account has no passkey")]
    PasskeyNotAvailable,
    #[error("the passkey is registered already")]
    PasskeyExists,
    #[error("the page is not one of ours")]
    OriginRefused,
    #[error("the CSRF token is missing, or is not one of this session")]
    CsrfRefused,
    #[error("the session of a browser belongs to one host")]
    SignInThere,
    #[error("no live session")]
    Unauthenticated,
    /// Said to somebody who is signed in, so it is no 401: their token is good.
    #[error("the present password is wrong")]
    WrongPassword,
    #[error("the password {unfit}")]
    UnfitPassword { pointer: &'static str, unfit: UnfitPassword },
    #[error("there is nothing here, or it is somebody else's")]
    NotFound,
    #[error("the member ranks too high to be managed by this one")]
    CannotManage,
    #[error("somebody would manage themselves")]
    OwnAccount,
    #[error("somebody would ban what they come with themselves")]
    OwnSurroundings,
    #[error("the membership is not active")]
    NotActive,
    #[error("the membership is not locked")]
    NotLocked,
    #[error("this member cannot be impersonated")]
    CannotImpersonate,
    /// One answer for a key that never was, one of another tenant, a revoked and an expired one.
    #[error("the key is not good")]
    KeyRefused,
    #[error("the caller may not do all of it themselves")]
    ScopeNotHeld,
    #[error("the account has as many live keys as it may")]
    TooManyKeys,
    #[error("the tenant has as many service accounts as it may")]
    TooManyServiceAccounts,
    #[error("the service account is disabled")]
    Disabled,
    #[error("the tenant has as many webhooks as it may")]
    TooManyWebhooks,
    #[error("the webhook is disabled")]
    WebhookDisabled,
    #[error("what the caller came with is banned")]
    Banned,
    #[error("it belongs to another tenant")]
    NotAvailable,
    #[error("the account is due to be erased")]
    DeletionScheduled,
    #[error("the account is not due to be erased")]
    NoDeletion,
    #[error("the tenant would be left without an admin")]
    LastAdmin,
    #[error("the tenant is suspended or closed")]
    TenantClosed,
    #[error("only who was invited signs up here")]
    SignUpClosed,
    #[error("the slug is taken")]
    SlugTaken,
    #[error("the domain is another tenant's")]
    DomainTaken,
    #[error("the person administers as many open tenants as they may")]
    TooManyTenants,
    #[error("the person administers as many tenants as they may, the closed ones among them")]
    TooManyTenantsEver,
    #[error("the tenant that every installation has cannot be closed")]
    DefaultTenant,
    #[error("the tenant has a role of this name")]
    RoleExists,
    #[error("the role is a member's, or promised")]
    RoleInUse,
    #[error("the role is one of the system's")]
    SystemRole,
    #[error("the tenant has as many roles as it may")]
    TooManyRoles,
    #[error("somebody would give more than they hold")]
    RaisesAbove,
    #[error("the invitation was used, revoked or has expired, or there never was one")]
    InvitationGone,
    #[error("the invitation is to another address")]
    OtherAddress,
    #[error("the person is a member already")]
    AlreadyMember,
    #[error("the address has an open invitation")]
    AlreadyInvited,
    #[error("the membership is suspended")]
    MembershipSuspended,
    #[error("the membership was ended by the studio")]
    MembershipRemoved,
    #[error("nobody has an account with the address of the invitation")]
    SignUpFirst,
    #[error("the tenant has as many open invitations as it may")]
    TooManyInvitations,
    #[error("somebody here has the user name already")]
    UserNameTaken,
    #[error("somebody here has the external id already")]
    ExternalIdTaken,
    #[error("the filter is not one of those that are understood")]
    FilterRefused,
    #[error("the path is none")]
    PathRefused,
    #[error("a removal names nothing")]
    NoTarget,
    #[error("the attribute is not the provider's to set")]
    ReadOnlyAttribute,
    #[error("{attribute} {detail}")]
    AttributeRefused { attribute: String, detail: String },
    #[error("the member was suspended by the studio's staff")]
    SuspendedByStaff,
    #[error("the identity provider says that the member is not to be active")]
    DeactivatedByProvider,
    #[error("the terms were not agreed to in version {version}")]
    TermsNotAccepted { version: String },
    #[error("{service} does not answer, so the copy would not be whole")]
    ExportIncomplete { service: String },
    #[error("{service} does not answer, so the register would not be whole")]
    RegisterIncomplete { service: String },
    #[error("{0}")]
    Refused(Box<Problem>),
    #[error(transparent)]
    Fault(Fault),
}

impl Error {
    /// Every refusal is in this list, so that none is forgotten: hence its length. What each says stands with its kind.
    pub fn problem(&self) -> Problem {
        match self {
            Self::WrongCredentials
            | Self::EmailNotVerified
            | Self::AccountSuspended
            | Self::NotAMember
            | Self::Locked { .. }
            | Self::Busy
            | Self::LinkGone
            | Self::RefreshRefused
            | Self::CodeRefused
            | Self::VerifierRefused
            | Self::SecondFactorRefused
            | Self::PkceMissing(_)
            | Self::GuestAccount
            | Self::NotAGuest => self.sign_in_problem(),
            Self::ProviderUnknown
            | Self::RedirectRefused
            | Self::StateRefused
            | Self::IdentityRefused(_)
            | Self::ProviderEmailUnverified
            | Self::ExchangeGone
            | Self::IdentityTaken
            | Self::ProviderLinked
            | Self::LinkFirst
            | Self::LastWayIn => self.provider_problem(),
            Self::SameChannel
            | Self::NoMailedCode
            | Self::ReauthenticationRefused
            | Self::FactorCodeRefused
            | Self::TooManyFactors
            | Self::FactorExists
            | Self::LastFactor
            | Self::NoFactor => self.factor_problem(),
            Self::KeyRefused
            | Self::ScopeNotHeld
            | Self::TooManyKeys
            | Self::TooManyServiceAccounts
            | Self::Disabled
            | Self::TooManyWebhooks
            | Self::WebhookDisabled => self.machine_problem(),
            Self::ChallengeGone
            | Self::PasskeyRefused
            | Self::PasskeyCloned
            | Self::PasskeyNotAvailable
            | Self::PasskeyExists => self.passkey_problem(),
            Self::OriginRefused | Self::CsrfRefused | Self::SignInThere => self.browser_problem(),
            Self::WrongPassword
            | Self::Banned
            | Self::NotAvailable
            | Self::DeletionScheduled
            | Self::NoDeletion
            | Self::ExportIncomplete { .. }
            | Self::RegisterIncomplete { .. } => self.account_problem(),
            Self::TenantClosed
            | Self::SignUpClosed
            | Self::TermsNotAccepted { .. }
            | Self::SlugTaken
            | Self::DomainTaken
            | Self::TooManyTenants
            | Self::TooManyTenantsEver
            | Self::DefaultTenant
            | Self::RoleExists
            | Self::RoleInUse
            | Self::SystemRole
            | Self::TooManyRoles
            | Self::RaisesAbove
            | Self::OwnSurroundings => self.tenant_problem(),
            Self::InvitationGone
            | Self::OtherAddress
            | Self::AlreadyMember
            | Self::AlreadyInvited
            | Self::MembershipSuspended
            | Self::MembershipRemoved
            | Self::SignUpFirst
            | Self::TooManyInvitations => self.invitation_problem(),
            Self::UserNameTaken
            | Self::ExternalIdTaken
            | Self::FilterRefused
            | Self::PathRefused
            | Self::NoTarget
            | Self::ReadOnlyAttribute
            | Self::AttributeRefused { .. }
            | Self::SuspendedByStaff
            | Self::DeactivatedByProvider => self.provisioning_problem(),
            Self::LastAdmin
            | Self::CannotManage
            | Self::OwnAccount
            | Self::NotActive
            | Self::NotLocked
            | Self::CannotImpersonate => self.member_problem(),
            Self::Unauthenticated => shinkofa_identity::unauthenticated(),
            Self::UnfitPassword { pointer, unfit } => Problem::invalid_field(*pointer, unfit.to_string()),
            Self::NotFound => Problem::not_found(),
            Self::Refused(problem) => problem.as_ref().clone(),
            Self::Fault(fault) => fault.problem(),
        }
    }

    /// Refusals of signing in and up, and of what goes on from there.
    fn sign_in_problem(&self) -> Problem {
        match self {
            Self::WrongCredentials => unauthorized(
                "invalid_credentials",
                "The address or the password is not right, or the address is not confirmed yet. If you have just signed up, open the link that we sent you, or ask for a new one.",
                "L'adresse ou le mot de passe n'est pas correct, ou l'adresse n'est pas encore confirmée. Si vous venez de vous inscrire, ouvrez le lien que nous vous avons envoyé, ou demandez-en un nouveau.",
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
            Self::CodeRefused => unauthorized(
                "code_refused",
                "The code is not right, was used, or has expired. Check it, or ask for a new one.",
                "Le code n'est pas correct, a déjà été utilisé ou a expiré. Vérifiez-le, ou demandez-en un nouveau.",
            ),
            Self::VerifierRefused => unauthorized(
                "verifier_refused",
                "This sign-in was not begun here. Finish it where you began it.",
                "Cette connexion n'a pas commencé ici. Terminez-la là où vous l'avez commencée.",
            ),
            Self::SecondFactorRefused => unauthorized(
                "second_factor_refused",
                "The code is not right, or too much time has passed. Please sign in again.",
                "Le code n'est pas correct, ou le délai est dépassé. Veuillez vous reconnecter.",
            ),
            Self::PkceMissing(_) => bad_request(
                "pkce_required",
                "Send a code challenge by S256 when you begin, and its verifier when you finish.",
                "Envoyez un défi S256 au début, et son vérificateur à la fin.",
            ),
            Self::GuestAccount => forbidden(
                "guest_account",
                "Confirm an address first: this account is a guest's.",
                "Confirmez d'abord une adresse : ce compte est celui d'un invité.",
            ),
            _ => conflict(
                "not_a_guest",
                "This account has an address already.",
                "Ce compte a déjà une adresse.",
            ),
        }
    }
}

fn unauthorized(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, en, fr).with_header("www-authenticate", "Bearer")
}

fn bad_request(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, en, fr)
}

fn forbidden(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, en, fr)
}

fn conflict(code: &'static str, en: &str, fr: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, en, fr)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Path => Self::PathRefused,
            Refusal::NoTarget => Self::NoTarget,
            Refusal::ReadOnly => Self::ReadOnlyAttribute,
            Refusal::Value { attribute, detail } => {
                Self::AttributeRefused { attribute: attribute.to_owned(), detail }
            }
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

service_error!(Error);
