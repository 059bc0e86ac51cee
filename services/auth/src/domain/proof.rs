//! How somebody showed who they are, and how sure that makes us.

use serde::{Deserialize, Serialize};
use shinkofa_identity::AssuranceLevel;
use shinkofa_kernel::text_enum;

use crate::domain::account::FactorKind;

text_enum! {
    /// One way of showing who somebody is, as `amr` names it (RFC 8176 where that has a name for it).
    AuthMethod {
        Password => "pwd",
        /// A code of a second factor.
        Code => "otp",
        /// A link or a code that was sent to their address.
        Email => "email",
        /// Somebody else vouches for them.
        Federated => "fed",
        /// Nothing was shown: a guest.
        Guest => "guest",
    }
}

/// The methods of one sign-in in their order, and the level they reach together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub methods: Vec<AuthMethod>,
    pub assurance: AssuranceLevel,
}

/// What is kept beside a token that stands between the two steps of signing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstStep {
    pub amr: Vec<AuthMethod>,
}

impl Proof {
    pub fn first(method: AuthMethod) -> Self {
        Self { methods: vec![method], assurance: AssuranceLevel::Aal1 }
    }

    /// A second factor after `first`.
    pub fn second(first: FirstStep, method: AuthMethod) -> Self {
        let mut methods = first.amr;
        methods.push(method);
        Self { methods, assurance: AssuranceLevel::Aal2 }
    }

    /// As sessions keep it: words with a space between.
    pub fn amr(&self) -> String {
        let words: Vec<_> = self.methods.iter().map(|method| method.as_str()).collect();
        words.join(" ")
    }
}

impl FirstStep {
    /// May this factor follow? What reaches somebody by the same channel shows nothing new: whoever reads their mail passes
    /// both.
    pub fn may_be_followed_by(&self, factor: FactorKind) -> bool {
        !(factor == FactorKind::EmailCode && self.amr.contains(&AuthMethod::Email))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v15_email_cannot_be_both_factors() {
        let by_mail = FirstStep { amr: vec![AuthMethod::Email] };
        assert!(!by_mail.may_be_followed_by(FactorKind::EmailCode));
        assert!(by_mail.may_be_followed_by(FactorKind::Totp));
        assert!(FirstStep { amr: vec![AuthMethod::Password] }.may_be_followed_by(FactorKind::EmailCode));
    }

    #[test]
    fn a_second_factor_is_named_behind_the_first_and_raises_the_level() {
        let proof = Proof::second(FirstStep { amr: vec![AuthMethod::Password] }, AuthMethod::Code);
        assert_eq!((proof.amr().as_str(), proof.assurance), ("pwd otp", AssuranceLevel::Aal2));
        assert_eq!(Proof::first(AuthMethod::Federated).assurance, AssuranceLevel::Aal1);
    }
}
