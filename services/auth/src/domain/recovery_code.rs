//! Recovery codes: what is left to whoever lost their other factors.

use std::fmt;

use shinkofa_kernel::UserId;

use crate::domain::device::{Digest, digest_of};
use crate::domain::totp::FactorCode;

/// Twenty-four letters and digits that cannot be mistaken for one another: 120 random bits, in six groups.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

/// So many are given out at once.
pub const RECOVERY_CODES: usize = 10;

/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 24;

impl RecoveryCode {
    pub fn from_random(bytes: [u8; LENGTH]) -> Self {
        // 256 is a multiple of 32: every letter is as likely as any other.
        Self(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
    }

    /// Takes a typed code for one of these, as people copy them: in small letters, with or without the dashes, an O for a
    /// zero, an I or L for a one.
    pub fn read(typed: &FactorCode) -> Option<Self> {
        let letters: String = typed
            .as_str()
            .chars()
            .filter(|c| *c != '-')
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect();
        let is_one = letters.len() == LENGTH && letters.bytes().all(|byte| ALPHABET.contains(&byte));
        is_one.then_some(Self(letters))
    }

    /// As it is shown, once.
    pub fn shown(&self) -> String {
        let groups: Vec<_> = self.0.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        groups.join("-")
    }

    /// What is kept of it. A slow hash is for what people choose: it makes each of few likely guesses dear. Of 2^120 equally
    /// likely ones none can be found at any price, so a fast digest gives nothing away (ASVS 5.0, 6.5.2: from 112 bits on);
    /// and the person inside it, as its key, keeps one table of digests from serving against everybody at once.
    pub fn digest(&self, user: UserId) -> Digest {
        digest_of(&["recovery_code", &user.to_string(), &self.0])
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(text: &str) -> Option<RecoveryCode> {
        RecoveryCode::read(&FactorCode::try_from(text.to_owned()).unwrap())
    }

    #[test]
    fn a_code_is_read_as_people_type_it_and_nothing_else_is_one() {
        let mut bytes = [7; LENGTH];
        bytes[..16].copy_from_slice(&[0, 1, 2, 3, 10, 20, 30, 31, 0, 1, 2, 3, 4, 5, 6, 255]);
        let code = RecoveryCode::from_random(bytes);
        assert_eq!(code.shown(), "0123-AMYZ-0123-456Z-7777-7777");
        for text in [
            "0123-AMYZ-0123-456Z-7777-7777",
            "0123amyz0123456z77777777",
            "O123 AMYZ oL23 456z 7777 7777",
            "0i23-amyz-0123-456z-7777-7777",
        ] {
            assert!(typed(text).as_ref() == Some(&code), "{text}");
        }
        for text in [
            "123456",
            "0123-AMYZ-0123-456Z",
            "0123-AMYZ-0123-456Z-7777-777",
            "0123-AMYZ-0123-456Z-7777-777é",
            "0123-AMYU-0123-456Z-7777-7777",
            "----",
        ] {
            assert!(typed(text).is_none(), "{text}");
        }
    }

    #[test]
    fn one_code_of_two_people_has_two_digests() {
        let code = RecoveryCode::from_random([7; LENGTH]);
        let [anna, bob] =
            [1, 2].map(|n| UserId::from_uuid(shinkofa_kernel::macros::uuid::Uuid::from_u128(n)));
        assert_ne!(code.digest(anna), code.digest(bob));
    }

    proptest! {
        #[test]
        fn a_code_is_read_as_it_is_shown_and_letter_by_letter(
            bytes in any::<[u8; LENGTH]>(),
            place in 0..LENGTH,
            other in prop::sample::select(ALPHABET.to_vec()),
        ) {
            let code = RecoveryCode::from_random(bytes);
            prop_assert_eq!(typed(&code.shown()), Some(code.clone()));
            let mut changed = code.0;
            changed.replace_range(place..=place, &char::from(other).to_string());
            prop_assert_eq!(typed(&changed).map(|read| read.0), Some(changed));
        }

        #[test]
        fn whatever_is_typed_is_no_fault_and_means_the_same_as_it_is_shown(text in "[0-9A-Za-z -]{1,40}|.{1,16}") {
            if let Some(read) = typed(&text) {
                prop_assert_eq!(typed(&read.shown()), Some(read));
            }
        }
    }
}
