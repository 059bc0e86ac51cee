//! `Stripe-Signature` (<https://docs.stripe.com/webhooks#verify-manually>): who sent these bytes, and when.
//!
//! The `stripe-webhook` crate verifies too, but only together with parsing the whole event into its own types: an event
//! of a newer API version would be refused though its signature is good.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// How far the sender's clock may be from ours, either way.
const TOLERANCE_SECONDS: u64 = 300;

/// The secrets of the webhook endpoint: while one is being rotated, two are good.
#[derive(Clone, Debug)]
pub(crate) struct WebhookSecrets(Vec<SecretString>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureFault {
    #[error("the Stripe-Signature header is missing or malformed")]
    Malformed,
    #[error("no signature in Stripe-Signature fits the body")]
    Forged,
    #[error("the signature is too old or from the future")]
    Stale,
}

impl WebhookSecrets {
    /// One secret, or several with commas between them.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let secrets: Vec<_> = text.split(',').map(str::trim).collect();
        if secrets.iter().all(|secret| secret.starts_with("whsec_") && secret.len() >= 16) {
            Ok(Self(secrets.into_iter().map(SecretString::from).collect()))
        } else {
            Err("must be `whsec_...`, or several of them with commas between")
        }
    }

    /// Checks the signature over the raw bytes, in constant time, before its age: a forger learns nothing.
    pub(crate) fn verify(&self, header: &str, body: &[u8], now: DateTime<Utc>) -> Result<(), SignatureFault> {
        let signature = Signature::parse(header).ok_or(SignatureFault::Malformed)?;
        if !self.0.iter().any(|secret| signature.fits(secret, body)) {
            return Err(SignatureFault::Forged);
        }
        if now.timestamp().abs_diff(signature.signed_at) > TOLERANCE_SECONDS {
            return Err(SignatureFault::Stale);
        }
        Ok(())
    }
}

struct Signature<'a> {
    /// As it was written, because the writing is what was signed.
    timestamp: &'a str,
    signed_at: i64,
    digests: Vec<Vec<u8>>,
}

impl<'a> Signature<'a> {
    /// `t=<seconds>,v1=<hex>[,v1=<hex>...]`; other schemes are skipped.
    fn parse(header: &'a str) -> Option<Self> {
        let (mut timestamp, mut digests) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=')? {
                ("t", value) => timestamp = Some(value),
                ("v1", value) => digests.push(hex::decode(value).ok()?),
                _ => {}
            }
        }
        let timestamp = timestamp?;
        (!digests.is_empty()).then_some(Self { timestamp, signed_at: timestamp.parse().ok()?, digests })
    }

    fn fits(&self, secret: &SecretString, body: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
            return false;
        };
        mac.update(self.timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        self.digests.iter().any(|digest| mac.clone().verify_slice(digest).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use stripe_webhook::Webhook;

    use super::*;

    const SECRET: &str = "whsec_0123456789abcdef";
    const BODY: &str = r#"{"id":"evt_1"}"#;
    const SIGNED_AT: i64 = 1_800_000_000;

    fn check(secrets: &str, header: &str, body: &str, seconds_later: i64) -> Result<(), SignatureFault> {
        let now = DateTime::from_timestamp(SIGNED_AT + seconds_later, 0).unwrap();
        WebhookSecrets::parse(secrets).unwrap().verify(header, body.as_bytes(), now)
    }

    fn header() -> String {
        Webhook::generate_test_header(BODY, SECRET, Some(SIGNED_AT))
    }

    #[test]
    fn what_stripes_own_scheme_signed_is_accepted_for_five_minutes_either_way() {
        for age in [-300, 0, 300] {
            assert_eq!(check(SECRET, &header(), BODY, age), Ok(()));
        }
        for age in [-301, 301] {
            assert_eq!(check(SECRET, &header(), BODY, age), Err(SignatureFault::Stale));
        }
    }

    #[test]
    fn one_changed_byte_of_body_or_time_is_a_forgery() {
        assert_eq!(check(SECRET, &header(), r#"{"id":"evt_2"}"#, 0), Err(SignatureFault::Forged));
        let later = header().replace("t=1800000000", "t=1800000001");
        assert_eq!(check(SECRET, &later, BODY, 0), Err(SignatureFault::Forged));
        assert_eq!(check("whsec_another_secret__", &header(), BODY, 0), Err(SignatureFault::Forged));
    }

    #[test]
    fn during_a_rotation_either_secret_and_either_signature_will_do() {
        let both = format!("whsec_another_secret__,{SECRET}");
        assert_eq!(check(&both, &header(), BODY, 0), Ok(()));
        let two = header().replace("v1=", &format!("v1={},v1=", "00".repeat(32)));
        assert_eq!(check(SECRET, &two, BODY, 0), Ok(()));
    }

    #[test]
    fn a_header_without_time_or_signature_is_malformed() {
        for bad in
            ["", "t=1800000000", "v1=00", "t=soon,v1=00", "t=1800000000,v0=00", "t=1,v1=xyz", "nonsense"]
        {
            assert_eq!(check(SECRET, bad, BODY, 0), Err(SignatureFault::Malformed), "{bad}");
        }
    }

    #[test]
    fn secrets_that_are_none_are_refused_at_the_start() {
        for bad in ["", "whsec_", "secret_0123456789abcdef", "whsec_0123456789abcdef,"] {
            assert!(WebhookSecrets::parse(bad).is_err(), "{bad}");
        }
    }
}
