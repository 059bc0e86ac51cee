//! How often one may ask. The progressive lock comes on top of these.

use std::time::Duration;

use shinkofa_web::RatePolicy;

use crate::domain::email::EmailAddress;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

pub const SIGN_IN_BY_NETWORK: RatePolicy = RatePolicy { name: "signin_network", limit: 60, window: MINUTE };
pub const SIGN_IN_BY_ADDRESS: RatePolicy = RatePolicy { name: "signin_address", limit: 20, window: MINUTE };
pub const SIGN_UP_BY_NETWORK: RatePolicy = RatePolicy { name: "signup_network", limit: 30, window: HOUR };
pub const SIGN_UP_BY_ADDRESS: RatePolicy = RatePolicy { name: "signup_address", limit: 5, window: HOUR };
pub const RESEND_BY_NETWORK: RatePolicy = RatePolicy { name: "resend_network", limit: 30, window: HOUR };
pub const RESEND_BY_ADDRESS: RatePolicy = RatePolicy { name: "resend_address", limit: 5, window: HOUR };
pub const VERIFY_BY_NETWORK: RatePolicy = RatePolicy { name: "verify_network", limit: 60, window: MINUTE };
pub const REFRESH_BY_NETWORK: RatePolicy = RatePolicy { name: "refresh_network", limit: 300, window: MINUTE };
pub const AUDIT_VERIFY_BY_USER: RatePolicy =
    RatePolicy { name: "audit_verify_user", limit: 20, window: MINUTE };
pub const IMPERSONATE_BY_USER: RatePolicy = RatePolicy { name: "impersonate_user", limit: 30, window: HOUR };
pub const EXPORT_BY_USER: RatePolicy = RatePolicy { name: "export_user", limit: 10, window: HOUR };
pub const DELETION_BY_USER: RatePolicy = RatePolicy { name: "deletion_user", limit: 10, window: HOUR };
pub const CERTIFICATE_BY_NETWORK: RatePolicy =
    RatePolicy { name: "certificate_network", limit: 60, window: MINUTE };
pub const REGISTER_BY_NETWORK: RatePolicy =
    RatePolicy { name: "register_network", limit: 60, window: MINUTE };

/// Counts an address without writing it into Redis.
pub fn key_of(email: &EmailAddress) -> String {
    hex::encode(crate::domain::device::digest_of(&["limit", email.canonical()]))
}
