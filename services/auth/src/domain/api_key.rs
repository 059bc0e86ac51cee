//! What a program shows to get its tokens.
//!
//! `shk_<prefix>_<secret><checksum>`, in the lower-case alphabet of base 32 (RFC 4648): the first part is the same for all keys, so
//! that scanners of code and logs find one that was left lying about; the prefix names the key and is no secret; the secret has 256
//! bits; the checksum tells a typing error from a wrong key without a look into the database.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::TimeDelta;
use data_encoding::BASE32_NOPAD;
use serde::Deserialize;
use shinkofa_kernel::text_enum;

use crate::domain::device::{Digest, digest_of};

/// How the methods of a session name this one.
pub const API_KEY: &str = "api_key";

/// One in use, and the one that takes its place.
pub const MOST_LIVE_KEYS: usize = 2;

/// So long the one session behind a key's tokens lasts without the key being shown again.
pub const SESSION_LASTS: TimeDelta = TimeDelta::hours(1);

/// A session with less than this before it is prolonged when its key is shown. More than a token lasts, so that none is cut short.
pub const SESSION_PROLONGED_BELOW: TimeDelta = TimeDelta::minutes(30);

/// A key's last use is told as exactly as this.
pub const LAST_USE_TOLD_EVERY: TimeDelta = TimeDelta::minutes(1);

text_enum! {
    /// Why a key is good no more before its time.
    KeyEnd {
        /// Somebody who manages service accounts revoked it.
        Revoked => "revoked",
        /// Who made it is no member here any more.
        MakerLeft => "maker_left",
        /// The membership or the account of who made it was locked.
        MakerLocked => "maker_locked",
        /// Who made it may manage service accounts no longer.
        MakerDemoted => "maker_demoted",
        /// Its maker says that it was somebody else who was in their account then.
        MakerDisowned => "maker_disowned",
    }
}

const BRAND: &str = "shk";
const PREFIX_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 52;
const CHECKSUM_BYTES: usize = 4;
const CHECKSUM_LENGTH: usize = 7;
/// A text of another length is no key: nothing longer is looked at.
const LENGTH: usize = BRAND.len() + 1 + PREFIX_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH;

/// A key of the right form, which may have been given out.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    pub fn from_random(prefix: [u8; 8], secret: [u8; 32]) -> Self {
        let mut prefix = base32(&prefix);
        prefix.truncate(PREFIX_LENGTH);
        let body = format!("{BRAND}_{prefix}_{}", base32(&secret));
        let checksum = checksum(&body);
        Self(body + &checksum)
    }

    /// Takes a text for a key, if its form and checksum are right.
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = text.len() == LENGTH && text.is_ascii();
        let (body, sum) = text.split_at_checked(LENGTH - CHECKSUM_LENGTH).filter(|_| is_ours)?;
        let mut parts = body.split('_');
        let (brand, prefix, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let is_formed = brand == BRAND
            && is_base32(prefix, PREFIX_LENGTH)
            && is_base32(secret, SECRET_LENGTH)
            && parts.next().is_none();
        (is_formed && sum == checksum(body)).then(|| Self(text.to_owned()))
    }

    /// Does somebody mean this text to be a key, a right one or not?
    pub fn is_meant_by(text: &str) -> bool {
        text.split_once('_').is_some_and(|(brand, _)| brand == BRAND)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that is shown and written down.
    pub fn prefix(&self) -> &str {
        &self.0[..BRAND.len() + 1 + PREFIX_LENGTH]
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        digest_of(&["api_key", &self.0])
    }

    /// Is it the one that was kept? Compared in constant time; where none was kept, just as long.
    pub fn is(&self, kept: Option<&[u8]>) -> bool {
        let nobodys = Digest::default();
        let equal = verify_slices_are_equal(&self.digest(), kept.unwrap_or(&nobodys)).is_ok();
        equal && kept.is_some()
    }
}

/// A key is a secret.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

fn is_base32(text: &str, length: usize) -> bool {
    text.len() == length
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte))
}

fn checksum(body: &str) -> String {
    base32(&digest_of(&["api_key checksum", body])[..CHECKSUM_BYTES])
}

/// A key as somebody presents it. Any text may be presented.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct PresentedKey(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 4096 bytes")]
pub struct NotAPresentedKey;

const LONGEST: usize = 4_096;

impl PresentedKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PresentedKey {
    type Error = NotAPresentedKey;

    fn try_from(text: String) -> Result<Self, NotAPresentedKey> {
        if (1..=LONGEST).contains(&text.len()) { Ok(Self(text)) } else { Err(NotAPresentedKey) }
    }
}

impl fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedKey(..)")
    }
}

/// How long a key is good: every key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct KeyLife(TimeDelta);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be between 1 and 365 days")]
pub struct NotAKeyLife;

impl KeyLife {
    pub fn as_delta(self) -> TimeDelta {
        self.0
    }
}

impl Default for KeyLife {
    fn default() -> Self {
        Self(TimeDelta::days(90))
    }
}

impl TryFrom<i64> for KeyLife {
    type Error = NotAKeyLife;

    fn try_from(days: i64) -> Result<Self, NotAKeyLife> {
        if (1..=365).contains(&days) { Ok(Self(TimeDelta::days(days))) } else { Err(NotAKeyLife) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> ApiKey {
        ApiKey::from_random([7; 8], std::array::from_fn(|n| u8::try_from(n * 7).unwrap()))
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_shows_its_prefix_alone() {
        let key = key();
        assert_eq!(ApiKey::parse(key.as_str()), Some(key.clone()));
        assert_eq!(key.as_str().len(), LENGTH);
        assert!(key.as_str().starts_with(key.prefix()) && key.prefix().starts_with("shk_"));
        assert_eq!(format!("{key:?}"), "ApiKey(..)");
        assert!(key.is(Some(&key.digest())));
        assert!(!key.is(None) && !key.is(Some(&[0; 32])) && !key.is(Some(&[])));
    }

    #[test]
    fn every_altered_character_is_noticed_by_the_checksum() {
        let text = key().as_str().to_owned();
        for n in 0..text.len() {
            for other in ["a", "q", "7", "_", "A", "-"] {
                let mut altered = text.clone();
                altered.replace_range(n..=n, other);
                assert!(altered == text || ApiKey::parse(&altered).is_none(), "{altered}");
            }
        }
        for hostile in [
            "",
            "shk_",
            "shk__",
            &text[1..],
            &format!("{text}a"),
            &"é".repeat(LENGTH / 2),
            &"_".repeat(LENGTH),
        ] {
            assert_eq!(ApiKey::parse(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn every_key_ends_within_a_year() {
        assert!(
            KeyLife::try_from(0).is_err()
                && KeyLife::try_from(366).is_err()
                && KeyLife::try_from(-1).is_err()
        );
        assert_eq!(KeyLife::try_from(365).unwrap().as_delta(), TimeDelta::days(365));
        assert_eq!(KeyLife::default().as_delta(), TimeDelta::days(90));
    }

    proptest! {
        #[test]
        fn no_changed_missing_or_further_character_goes_unnoticed(
            prefix in any::<[u8; 8]>(),
            secret in any::<[u8; 32]>(),
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_=-]|.",
        ) {
            let key = ApiKey::from_random(prefix, secret);
            let text = key.as_str().to_owned();
            let place = place.index(text.len());
            let mut changed = text.clone();
            changed.replace_range(place..=place, &other);
            let longer = text.clone() + &other;
            for shown in [text.clone(), changed, text[..place].to_owned(), longer] {
                prop_assert_eq!(ApiKey::parse(&shown), (shown == text).then(|| key.clone()));
            }
        }

        #[test]
        fn what_is_taken_for_a_key_is_taken_to_the_letter(
            body in "(shk_[a-z2-7]{12}_|.{0,20})([a-z2-7]{52}|.{0,60})",
        ) {
            let text = body.clone() + &checksum(&body);
            if let Some(key) = ApiKey::parse(&text) {
                prop_assert_eq!(key.as_str(), text.as_str());
                prop_assert_eq!(key.prefix(), &body[..16]);
                prop_assert!(ApiKey::is_meant_by(&text));
            }
        }

        #[test]
        fn whatever_is_shown_is_no_fault_and_hardly_ever_a_key(text in "shk_.{0,90}|(?s).{0,90}") {
            prop_assert_eq!(ApiKey::parse(&text), None);
            prop_assert_eq!(ApiKey::is_meant_by(&text), text.starts_with("shk_"));
            prop_assert_eq!(PresentedKey::try_from(text.clone()).is_ok(), !text.is_empty());
        }
    }
}
