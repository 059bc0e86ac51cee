//! Invitations to a tenant: by a link in a letter to one address, or by a code that is passed on by hand.

use std::fmt;

use chrono::TimeDelta;
use serde::Deserialize;
use shinkofa_kernel::text_enum;

use crate::domain::one_time_token::OneTimeToken;

text_enum! {
    /// How an invitation reaches somebody.
    InvitationKind {
        /// To one address: only its confirmed owner accepts.
        Email => "email",
        /// To whoever was given the code.
        Code => "code",
    }
}

text_enum! {
    /// What has become of an invitation.
    InvitationState {
        Open => "open",
        Accepted => "accepted",
        Expired => "expired",
        Revoked => "revoked",
    }
}

/// How long an invitation is open unless somebody chose otherwise, in days.
pub const DAYS_OPEN: u16 = 7;
/// The longest that one may be open, in days.
pub const MOST_DAYS_OPEN: u16 = 90;
/// So many people may use one code.
pub const MOST_USES: u16 = 1_000;
/// So many invitations of one tenant may be open at once.
pub const MOST_OPEN: i64 = 500;
/// Who was invited is forgotten so long after the invitation could last be accepted.
pub const KEPT: TimeDelta = TimeDelta::days(30);

/// Ten letters and digits that cannot be mistaken for one another: 50 random bits, in two groups.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct InvitationCode(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 32 characters")]
pub struct NotACode;

/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 10;
const LONGEST: usize = 32;

impl InvitationCode {
    pub fn from_random(bytes: [u8; LENGTH]) -> Self {
        // 256 is a multiple of 32: every letter is as likely as any other.
        Self(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people pass it on.
    pub fn shown(&self) -> String {
        let groups: Vec<_> = self.0.as_bytes().chunks(LENGTH / 2).map(String::from_utf8_lossy).collect();
        groups.join("-")
    }
}

/// Any text may be typed: only a code that was given out is found.
impl TryFrom<String> for InvitationCode {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        if !(1..=LONGEST).contains(&text.len()) {
            return Err(NotACode);
        }
        let read = |c: char| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        Ok(Self(text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(read).collect()))
    }
}

impl fmt::Debug for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationCode(..)")
    }
}

/// What somebody has of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvitationSecret {
    /// From the link of a letter.
    Token(OneTimeToken),
    Code(InvitationCode),
}

impl InvitationSecret {
    /// Exactly one of the two, as requests bring them.
    pub fn of(token: Option<OneTimeToken>, code: Option<InvitationCode>) -> Option<Self> {
        match (token, code) {
            (Some(token), None) => Some(Self::Token(token)),
            (None, Some(code)) => Some(Self::Code(code)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = InvitationCode::from_random([0, 1, 2, 3, 10, 20, 30, 31, 0, 255]);
        assert_eq!(code.shown(), "0123A-MYZ0Z");
        for text in ["0123A-MYZ0Z", " 0123a myz0z ", "OI23-A-MYZoz"] {
            assert!(InvitationCode::try_from(text.to_owned()).unwrap() == code, "{text}");
        }
        for refused in [String::new(), "0".repeat(33)] {
            assert!(InvitationCode::try_from(refused).is_err());
        }
        assert!(!format!("{code:?}").contains("0123"));
    }

    #[test]
    fn one_of_token_and_code_is_asked_for() {
        let token = || Some(OneTimeToken::from_random([7; 32]));
        let code = || Some(InvitationCode::from_random([7; LENGTH]));
        assert!(
            InvitationSecret::of(token(), None).is_some() && InvitationSecret::of(None, code()).is_some()
        );
        assert!(
            InvitationSecret::of(token(), code()).is_none() && InvitationSecret::of(None, None).is_none()
        );
    }

    proptest! {
        #[test]
        fn a_code_is_read_as_it_is_shown(bytes in any::<[u8; LENGTH]>()) {
            let code = InvitationCode::from_random(bytes);
            let typed = code.shown().to_lowercase();
            prop_assert_eq!(InvitationCode::try_from(typed).map(|typed| typed.0), Ok(code.0));
        }

        #[test]
        fn whatever_is_typed_is_no_fault_and_is_read_once(text in "[A-Za-z0-9 -]{0,34}|(?s).{0,40}") {
            if let Ok(code) = InvitationCode::try_from(text) {
                let again = InvitationCode::try_from(code.as_str().to_owned()).ok();
                // Of hyphens and spaces alone nothing is left, which is no code of anybody's.
                prop_assert_eq!(again.map(|again| again.0), Some(code.0).filter(|code| !code.is_empty()));
            }
        }
    }
}
