//! How somebody showed who they are, and how sure that makes us.

use chrono::{DateTime, Utc};
use shinkofa_identity::AssuranceLevel;
use shinkofa_kernel::text_enum;

use crate::domain::session_family::Origin;

text_enum! {
    /// One way of showing who somebody is, as `amr` names it (RFC 8176 where that has a name for it).
    AuthMethod {
        Password => "pwd",
        /// A link or a code that was sent to their address.
        Email => "email",
        /// Somebody else vouches for them.
        Federated => "fed",
        /// A passkey that somebody touched.
        Passkey => "hwk user",
        /// A passkey whose authenticator recognised its user: something they have, and something they know or are.
        VerifiedPasskey => "hwk user mfa",
        /// Nothing was shown: a guest.
        Guest => "guest",
    }
}

impl AuthMethod {
    /// What one step by this makes sure of.
    pub fn assurance(self) -> AssuranceLevel {
        match self {
            Self::VerifiedPasskey => AssuranceLevel::Aal2,
            Self::Password | Self::Email | Self::Federated | Self::Passkey | Self::Guest => {
                AssuranceLevel::Aal1
            }
        }
    }
}

/// The methods of one sign-in in their order, as sessions keep them: words with a space between. And the level that they
/// reach together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub methods: String,
    pub assurance: AssuranceLevel,
    /// Of the session that it was shown in first, where a second one is opened with it.
    pub carried: Option<Carried>,
}

/// When something was shown, until when it may serve at all, and in which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub shown_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub origin: Origin,
}

impl Proof {
    pub fn first(method: AuthMethod) -> Self {
        Self { methods: method.as_str().to_owned(), assurance: method.assurance(), carried: None }
    }

    pub fn two_factors(methods: String) -> Self {
        Self { methods, assurance: AssuranceLevel::Aal2, carried: None }
    }
}
