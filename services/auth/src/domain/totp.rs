//! Time-based one-time codes (RFC 6238): six digits, thirty seconds, SHA-1, as authenticator apps make them.

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// A code as somebody types it: digits, with the space that apps show left out.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FactorCode(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 64 characters")]
pub struct NotACode;

const LONGEST: usize = 64;
const STEP_SECONDS: i64 = 30;
const DIGITS: u32 = 6;

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
    /// The time step that this code is right for, when that is the present one and no code of it was used before. Earlier
    /// and later steps are refused (ASVS 5.0, 6.5.5).
    pub fn step_of(&self, secret: &[u8], last_step: Option<i64>, now: DateTime<Utc>) -> Option<i64> {
        let step = now.timestamp().div_euclid(STEP_SECONDS);
        let fresh = last_step.is_none_or(|last| step > last);
        let right = code(secret, step);
        let same =
            aws_lc_rs::constant_time::verify_slices_are_equal(right.as_bytes(), self.0.as_bytes()).is_ok();
        (fresh && same).then_some(step)
    }
}

/// RFC 4226 section 5.3.
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0x0f);
    let truncated = u32::from_be_bytes(std::array::from_fn(|n| bytes[offset + n])) & 0x7fff_ffff;
    format!("{:06}", truncated % 10_u32.pow(DIGITS))
}

impl std::fmt::Debug for FactorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FactorCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn typed(text: &str) -> FactorCode {
        FactorCode::try_from(text.to_owned()).unwrap()
    }

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, expected) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(code(SECRET, seconds / 30), expected);
        }
    }

    #[test]
    fn a_code_is_right_in_its_own_step_and_once() {
        let step = typed("287 082").step_of(SECRET, None, at(59));
        assert_eq!(step, Some(1));
        assert_eq!(typed("287082").step_of(SECRET, step, at(59)), None);
        assert_eq!(typed("287082").step_of(SECRET, None, at(60)), None);
        assert_eq!(typed("287083").step_of(SECRET, None, at(59)), None);
    }
}
