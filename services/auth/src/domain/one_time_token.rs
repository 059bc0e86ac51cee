//! Links and codes that work once, for one purpose, for a while.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde::Deserialize;
use shinkofa_kernel::text_enum;

use crate::domain::device::{Digest, digest_of};

text_enum! {
    /// What a token is for. It is part of the key that the token is found by: one never works for another purpose.
    TokenPurpose {
        EmailVerification => "email_verification",
        SecondFactor => "second_factor",
        MagicLink => "magic_link",
        SignInCode => "sign_in_code",
        /// A mailed code, beside the step that it is for.
        MailedCode => "mailed_code",
        PasswordReset => "password_reset",
        EmailChange => "email_change",
        EmailChangeUndo => "email_change_undo",
        NotMe => "not_me",
    }
}

impl TokenPurpose {
    pub fn lifetime(self) -> TimeDelta {
        match self {
            Self::EmailVerification => TimeDelta::hours(24),
            Self::SecondFactor => TimeDelta::minutes(5),
            // What signs in out of band is good for ten minutes (ASVS 5.0, 6.5.5).
            Self::MagicLink | Self::SignInCode | Self::MailedCode => TimeDelta::minutes(10),
            Self::PasswordReset => TimeDelta::minutes(30),
            Self::EmailChange => TimeDelta::hours(24),
            Self::EmailChangeUndo | Self::NotMe => TimeDelta::days(7),
        }
    }
}

/// A token as its holder presents it. Any text may be presented; only one that was given out is found.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct OneTimeToken(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 512 bytes")]
pub struct NotAToken;

const LONGEST: usize = 512;

impl OneTimeToken {
    /// 256 random bits, as base64url.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it. The token is random and long, so a fast digest cannot be turned back.
    pub fn digest(&self) -> Digest {
        digest_of(&["one_time_token", &self.0])
    }
}

impl TryFrom<String> for OneTimeToken {
    type Error = NotAToken;

    fn try_from(text: String) -> Result<Self, NotAToken> {
        if (1..=LONGEST).contains(&text.len()) { Ok(Self(text)) } else { Err(NotAToken) }
    }
}

impl fmt::Debug for OneTimeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_given_out_and_no_other_text_is_it(
            bytes in any::<[u8; 32]>(),
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_=-]|.",
        ) {
            let token = OneTimeToken::from_random(bytes);
            let text = token.as_str().to_owned();
            prop_assert_eq!(OneTimeToken::try_from(text.clone()).unwrap().digest(), token.digest());
            let place = place.index(text.len());
            let mut changed = text.clone();
            changed.replace_range(place..=place, &other);
            let longer = text.clone() + &other;
            for shown in [changed, text[..place].to_owned(), longer] {
                let is_it =
                    OneTimeToken::try_from(shown.clone()).is_ok_and(|shown| shown.digest() == token.digest());
                prop_assert_eq!(is_it, shown == text);
            }
        }

        #[test]
        fn any_text_may_be_shown_that_is_not_too_long(text in "(?s).{0,200}") {
            let fits = (1..=LONGEST).contains(&text.len());
            let kept = OneTimeToken::try_from(text.clone()).ok().map(|token| token.0);
            prop_assert_eq!(kept, fits.then_some(text));
        }
    }
}
