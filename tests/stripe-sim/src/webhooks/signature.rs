//! The `Stripe-Signature` header (Stripe: "Verify webhook signatures manually").

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `t=<seconds>,v1=<hex of HMAC-SHA256 over "<seconds>.<payload>">`.
pub fn header(secret: &str, payload: &str, seconds: i64) -> String {
    // HMAC takes keys of every length, so this cannot fail; an empty signature would only be refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{seconds}.{payload}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}
