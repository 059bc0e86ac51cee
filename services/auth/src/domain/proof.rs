//! How somebody showed who they are, and how sure that makes us.

use chrono::{DateTime, Utc};
use shinkofa_identity::AssuranceLevel;
use shinkofa_kernel::text_enum;

text_enum! {
    /// One way of showing who somebody is, as `amr` names it (RFC 8176 where that has a name for it).
    AuthMethod {
        Password => "pwd",
        /// A link or a code that was sent to their address.
        Email => "email",
        /// Somebody else vouches for them.
        Federated => "fed",
        /// Nothing was shown: a guest.
        Guest => "guest",
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

/// When something was shown, and until when it may serve at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub shown_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

impl Proof {
    pub fn first(method: AuthMethod) -> Self {
        Self { methods: method.as_str().to_owned(), assurance: AssuranceLevel::Aal1, carried: None }
    }

    pub fn two_factors(methods: String) -> Self {
        Self { methods, assurance: AssuranceLevel::Aal2, carried: None }
    }
}
