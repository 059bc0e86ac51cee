//! Codes of second factors, as people type them, and the secret that an authenticator app makes its own from.

use shinkofa_kernel::defended;
use std::fmt;

use chrono::{DateTime, Utc};
use data_encoding::BASE32_NOPAD;
use serde::Deserialize;
use shinkofa_identity::totp;

/// A code as somebody types it: digits or letters, with the space that apps show left out.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FactorCode(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 64 characters")]
pub struct NotACode;

const LONGEST: usize = 64;

impl TryFrom<String> for FactorCode {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        if !(1..=LONGEST).contains(&text.len()) {
            return Err(NotACode);
        }
        Ok(Self(text.chars().filter(|c| !c.is_whitespace()).collect()))
    }
}

impl FactorCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The time step that this code is right for, when that is the present one and no code of it was used before. Earlier
    /// and later steps are refused (ASVS 5.0, 6.5.5).
    pub fn step_of(&self, secret: &[u8], last_step: Option<i64>, now: DateTime<Utc>) -> Option<i64> {
        let present = totp::step_at(now);
        let mut steps = if defended!("V14-step") { present..=present } else { present - 1..=present + 1 };
        let fresh = |step: i64| last_step.is_none_or(|last| step > last);
        steps.find(|step| fresh(*step) && self.is(&totp::code(secret, *step)))
    }

    /// Compares in a time that tells nothing about where they differ.
    pub fn is(&self, right: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(right.as_bytes(), self.0.as_bytes()).is_ok()
    }
}

impl fmt::Debug for FactorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FactorCode(..)")
    }
}

/// The secret that an app and we share: 160 bits, as RFC 4226 recommends.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 to 64 bytes in base 32")]
pub struct NotASecret;

const ISSUER: &str = "Shinkofa";

impl TotpSecret {
    pub const LENGTH: usize = 20;

    pub fn from_random(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes.to_vec())
    }

    /// Reads what [`base32`](Self::base32) wrote. RFC 4226 wants 128 bits at least.
    pub fn from_base32(text: &str) -> Result<Self, NotASecret> {
        let bytes = BASE32_NOPAD.decode(text.as_bytes()).map_err(|_| NotASecret)?;
        if (16..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(NotASecret) }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// To be typed into an app.
    pub fn base32(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// To be shown to an app as a QR code, in the form that all of them read.
    pub fn otpauth_uri(&self, email: &str) -> String {
        let account: String = form_urlencoded::byte_serialize(email.as_bytes()).collect();
        format!(
            "otpauth://totp/{ISSUER}:{account}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits={}&period={}",
            self.base32(),
            totp::DIGITS,
            totp::STEP_SECONDS
        )
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn typed(text: &str) -> FactorCode {
        FactorCode::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_code_is_right_in_its_own_step_and_once() {
        let step = typed("287 082").step_of(SECRET, None, at(59));
        assert_eq!(step, Some(1));
        assert_eq!(typed("287082").step_of(SECRET, step, at(59)), None);
        assert_eq!(typed("287082").step_of(SECRET, None, at(60)), None);
        assert_eq!(typed("287083").step_of(SECRET, None, at(59)), None);
    }

    #[test]
    fn a_secret_is_written_as_apps_read_it() {
        let secret = TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        assert_eq!(secret.as_bytes(), SECRET);
        assert_eq!(
            secret.otpauth_uri("anna+yoga@example.org"),
            "otpauth://totp/Shinkofa:anna%2Byoga%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Shinkofa&algorithm=SHA1&digits=6&period=30"
        );
        for text in ["", "GEZDGNBV", "gezdgnbvgy3tqojqgezdgnbvgy3tqojq", "GEZDGNBVGY3TQOJ1GEZDGNBVGY3TQOJ1"] {
            assert_eq!(TotpSecret::from_base32(text), Err(NotASecret), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_no_fault_and_is_read_once(text in "[0-9 ]{1,10}|(?s).{0,70}") {
            let fits = (1..=LONGEST).contains(&text.len());
            let code = FactorCode::try_from(text);
            prop_assert_eq!(code.is_ok(), fits);
            if let Some(code) = code.ok().filter(|code| !code.as_str().is_empty()) {
                prop_assert!(!code.as_str().contains(char::is_whitespace));
                prop_assert_eq!(typed(code.as_str()), code);
            }
        }

        #[test]
        fn no_changed_digit_and_no_other_step_passes(
            secret in prop::collection::vec(any::<u8>(), 16..64),
            seconds in 0..4_000_000_000_i64,
            place in 0..6_usize,
            other in "[0-9]|.",
        ) {
            let step = totp::step_at(at(seconds));
            let right = totp::code(&secret, step);
            let taken = |text: &str, last_step| typed(text).step_of(&secret, last_step, at(seconds));
            prop_assert_eq!(taken(&right, None), Some(step));
            prop_assert_eq!(taken(&right, Some(step - 1)), Some(step));
            prop_assert_eq!(taken(&right, Some(step)), None);
            let mut changed = right.clone();
            changed.replace_range(place..=place, &other);
            for shown in [changed, right[..place].to_owned() + " ", right.clone() + &other + "0"] {
                prop_assert_eq!(taken(&shown, None).is_some(), shown == right);
            }
        }

        #[test]
        fn a_secret_has_one_spelling(
            bytes in prop::collection::vec(any::<u8>(), 0..70),
            text in "[A-Z2-7]{26,32}|[A-Za-z0-9=]{0,32}|.{0,20}",
        ) {
            let read = TotpSecret::from_base32(&BASE32_NOPAD.encode(&bytes));
            prop_assert_eq!(read.ok().map(|secret| secret.0), (16..=64).contains(&bytes.len()).then_some(bytes));
            if let Ok(secret) = TotpSecret::from_base32(&text) {
                prop_assert_eq!(secret.base32(), text);
            }
        }
    }
}
