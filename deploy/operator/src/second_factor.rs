//! The authenticator app of the demo accounts whose role needs one (RFC 6238). Its like is in `shared/identity`: the operator
//! is built before everything else, and takes nothing from there.

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use data_encoding::BASE32_NOPAD;

use crate::secrets;

/// 160 bits in base 32, as auth's `create-user` reads it.
pub(crate) fn new_secret() -> Result<String> {
    Ok(BASE32_NOPAD.encode(&secrets::random::<20>()?))
}

/// The time step of an instant: a code is good in one, and once.
pub(crate) fn step_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(30)
}

/// What an app with this secret shows during `step`.
pub(crate) fn code(secret: &str, step: i64) -> Result<String> {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).context("the secret is not base 32")?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0x0f);
    let number = u32::from_be_bytes(std::array::from_fn(|n| bytes[offset + n])) & 0x7fff_ffff;
    Ok(format!("{:06}", number % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            assert_eq!(code(secret, step_at(at)).unwrap(), expected);
        }
        assert_eq!(new_secret().unwrap().len(), 32);
    }
}
