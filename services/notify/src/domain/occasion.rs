//! What happened, as far as a message about it needs to know.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::auth::{AccountLetter, SignInPlace};
use shinkofa_contracts::booking::ReservationDetails;
use shinkofa_contracts::credits::PaymentPaid;

use super::Kind;

/// Kept with the delivery as JSON: additive only, like the contracts it is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Occasion {
    /// The token is kept apart, sealed.
    EmailVerification {
        expires_at: DateTime<Utc>,
    },
    SignupKnownAddress,
    /// Its link's token and its code are kept apart, sealed.
    Account {
        letter: AccountLetter,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<SignInPlace>,
    },
    PaymentPaid {
        payment: PaymentPaid,
    },
    ReservationConfirmed {
        reservation: ReservationDetails,
    },
    ReservationCancelled {
        reservation: ReservationDetails,
        late: bool,
        credits_refunded: i32,
    },
    ReservationRejected {
        reservation: ReservationDetails,
        reason: RejectionReason,
    },
}

/// Why a booking came to nothing. Reasons that booking may learn to give are told without a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionReason {
    InsufficientCredits,
    Expired,
    #[serde(other)]
    Other,
}

impl RejectionReason {
    pub fn of(word: &str) -> Self {
        match word {
            "insufficient_credits" => Self::InsufficientCredits,
            "expired" => Self::Expired,
            _ => Self::Other,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientCredits => "insufficient_credits",
            Self::Expired => "expired",
            Self::Other => "other",
        }
    }
}

impl Occasion {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::EmailVerification { .. } => Kind::EmailVerification,
            Self::SignupKnownAddress => Kind::SignupKnownAddress,
            Self::Account { letter, .. } => kind_of(letter),
            Self::PaymentPaid { .. } => Kind::PaymentPaid,
            Self::ReservationConfirmed { .. } => Kind::ReservationConfirmed,
            Self::ReservationCancelled { .. } => Kind::ReservationCancelled,
            Self::ReservationRejected { .. } => Kind::ReservationRejected,
        }
    }

    /// From this instant on the message would be of no use to anybody.
    pub const fn worthless_from(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::EmailVerification { expires_at }
            | Self::Account {
                letter:
                    AccountLetter::PasswordReset { expires_at }
                    | AccountLetter::MagicLink { expires_at }
                    | AccountLetter::SignInCode { expires_at }
                    | AccountLetter::SecondFactorCode { expires_at }
                    | AccountLetter::EmailChangeConfirmation { expires_at }
                    | AccountLetter::Invitation { expires_at },
                ..
            } => Some(*expires_at),
            _ => None,
        }
    }
}

const fn kind_of(letter: &AccountLetter) -> Kind {
    match letter {
        AccountLetter::PasswordReset { .. } => Kind::PasswordReset,
        AccountLetter::PasswordChanged => Kind::PasswordChanged,
        AccountLetter::MagicLink { .. } => Kind::MagicLink,
        AccountLetter::SignInCode { .. } => Kind::SignInCode,
        AccountLetter::ProviderLinked { .. } => Kind::ProviderLinked,
        AccountLetter::ProviderUnlinked { .. } => Kind::ProviderUnlinked,
        AccountLetter::SecondFactorCode { .. } => Kind::SecondFactorCode,
        AccountLetter::FactorAdded { .. } => Kind::FactorAdded,
        AccountLetter::FactorRemoved { .. } => Kind::FactorRemoved,
        AccountLetter::RecoveryCodeUsed { .. } => Kind::RecoveryCodeUsed,
        AccountLetter::RecoveryCodesReplaced => Kind::RecoveryCodesReplaced,
        AccountLetter::EmailChangeConfirmation { .. } => Kind::EmailChangeConfirmation,
        AccountLetter::EmailChanged { .. } => Kind::EmailChanged,
        AccountLetter::EmailChangeTaken => Kind::EmailChangeTaken,
        AccountLetter::NewSignIn { .. } => Kind::NewSignIn,
        AccountLetter::TokenReused { .. } => Kind::TokenReused,
        AccountLetter::ImpersonationStarted { .. } => Kind::ImpersonationStarted,
        AccountLetter::ApiKeyCreated { .. } => Kind::ApiKeyCreated,
        AccountLetter::DeletionScheduled { .. } => Kind::DeletionScheduled,
        AccountLetter::DeletionCancelled => Kind::DeletionCancelled,
        AccountLetter::Invitation { .. } => Kind::Invitation,
    }
}

impl Occasion {
    /// The page that the letter's link opens.
    pub const fn page(&self) -> Option<&'static str> {
        match self {
            Self::EmailVerification { .. } => Some("/verify-email"),
            Self::Account { letter, .. } => page_of(letter),
            _ => None,
        }
    }
}

const fn page_of(letter: &AccountLetter) -> Option<&'static str> {
    match letter {
        AccountLetter::PasswordReset { .. } => Some("/reset-password"),
        AccountLetter::EmailChangeConfirmation { .. } => Some("/confirm-email-change"),
        AccountLetter::EmailChanged { .. } => Some("/undo-email-change"),
        AccountLetter::NewSignIn { .. } | AccountLetter::TokenReused { .. } => Some("/not-me"),
        AccountLetter::MagicLink { .. } => Some("/magic-link"),
        AccountLetter::Invitation { .. } => Some("/invitation"),
        _ => None,
    }
}
