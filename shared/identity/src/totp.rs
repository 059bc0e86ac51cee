//! Time-based one-time codes (RFC 6238): six digits, thirty seconds, SHA-1, as authenticator apps make them.

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};

pub const STEP_SECONDS: i64 = 30;
pub const DIGITS: u32 = 6;

/// The time step of an instant.
pub fn step_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(STEP_SECONDS)
}

/// What an app with this secret shows during `step` (RFC 4226 section 5.3).
pub fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0x0f);
    let truncated = u32::from_be_bytes(std::array::from_fn(|n| bytes[offset + n])) & 0x7fff_ffff;
    format!("{:06}", truncated % 10_u32.pow(DIGITS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, expected) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            assert_eq!(code(b"12345678901234567890", step_at(at)), expected);
        }
    }

    proptest! {
        #[test]
        fn a_code_has_six_digits_at_any_time_under_any_secret(
            secret in prop::collection::vec(any::<u8>(), 1..80),
            step in any::<i64>(),
        ) {
            let code = code(&secret, step);
            prop_assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
