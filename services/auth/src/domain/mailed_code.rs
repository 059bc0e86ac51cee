//! Codes that somebody reads in a letter and types.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

use crate::domain::one_time_token::OneTimeToken;

/// A code without what people add or mistake: no spaces and hyphens, capitals, 0 for O, 1 for I and L.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MailedCode(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 32 characters")]
pub struct NotACode;

const LONGEST: usize = 32;
/// Crockford's base 32: what is left out is read as what it looks like.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGITS: u64 = 1_000_000;

impl MailedCode {
    /// Six digits.
    pub fn digits(random: [u8; 8]) -> Self {
        Self(format!("{:06}", u64::from_be_bytes(random) % DIGITS))
    }

    /// The short code of a link: eight characters that a page can work out from the link's token as well, so that somebody who
    /// opened the link in another browser is shown what to type in the first.
    pub fn of_link(token: &OneTimeToken) -> Self {
        let hash = digest(&SHA256, format!("short code of {}", token.as_str()).as_bytes());
        let bits = hash.as_ref().iter().take(5).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let character = |place: u32| {
            let index = usize::try_from(bits >> (35 - 5 * place) & 31).unwrap_or_default();
            char::from(ALPHABET[index])
        };
        Self((0..8).map(character).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in a letter.
    pub fn shown(&self) -> String {
        match self.0.split_at_checked(4) {
            Some((first, second)) if second.len() == 4 => format!("{first}-{second}"),
            _ => self.0.clone(),
        }
    }

    /// Compared in constant time.
    pub fn is(&self, kept: &[u8]) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), kept).is_ok()
    }
}

impl TryFrom<String> for MailedCode {
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

impl std::fmt::Debug for MailedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailedCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(text: &str) -> MailedCode {
        MailedCode::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_code_survives_the_way_people_type_it() {
        let code = MailedCode::of_link(&OneTimeToken::from_random([7; 32]));
        assert_eq!(code.as_str().len(), 8);
        assert!(typed(&format!(" {} ", code.shown().to_lowercase())).is(code.as_str().as_bytes()));
        assert!(typed("oil1-0abc").is(b"01110ABC"));
        assert!(!typed("01110ABD").is(b"01110ABC"));
        assert!(MailedCode::try_from(String::new()).is_err());
    }

    #[test]
    fn digits_are_always_six() {
        assert_eq!(MailedCode::digits([0; 8]).as_str(), "000000");
        assert_eq!(MailedCode::digits(1_000_042_u64.to_be_bytes()).as_str(), "000042");
    }

    proptest! {
        #[test]
        fn every_token_has_a_code_of_the_alphabet(bytes in any::<[u8; 32]>()) {
            let code = MailedCode::of_link(&OneTimeToken::from_random(bytes));
            prop_assert!(code.as_str().bytes().all(|byte| ALPHABET.contains(&byte)));
            prop_assert!(typed(&code.shown()).is(code.as_str().as_bytes()));
        }

        #[test]
        fn whatever_is_typed_is_no_fault_and_means_the_same_as_it_is_shown(text in "[A-Za-z0-9 é-]{1,12}|(?s).{0,40}") {
            if let Ok(code) = MailedCode::try_from(text) {
                // Of hyphens and spaces alone nothing is left, which is no code of anybody's.
                prop_assert!(code.as_str().is_empty() || typed(&code.shown()).is(code.as_str().as_bytes()));
            }
        }
    }
}
