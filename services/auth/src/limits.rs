//! How often one may ask. The progressive lock comes on top of these.

use std::time::Duration;

use shinkofa_web::RatePolicy;

use crate::domain::device::{DeviceId, digest_of};
use crate::domain::email::EmailAddress;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

pub const SIGN_IN_BY_NETWORK: RatePolicy = RatePolicy { name: "signin_network", limit: 60, window: MINUTE };
/// Of one address on one device: strangers use up nothing of what a device has that its owner signs in on. What they guess is
/// slowed by the lock, on however many devices they say they are.
pub const SIGN_IN_BY_ADDRESS: RatePolicy = RatePolicy { name: "signin_address", limit: 20, window: MINUTE };
pub const SIGN_UP_BY_NETWORK: RatePolicy = RatePolicy { name: "signup_network", limit: 30, window: HOUR };
pub const SIGN_UP_BY_ADDRESS: RatePolicy = RatePolicy { name: "signup_address", limit: 5, window: HOUR };
pub const RESEND_BY_NETWORK: RatePolicy = RatePolicy { name: "resend_network", limit: 30, window: HOUR };
pub const RESEND_BY_ADDRESS: RatePolicy = RatePolicy { name: "resend_address", limit: 5, window: HOUR };
pub const VERIFY_BY_NETWORK: RatePolicy = RatePolicy { name: "verify_network", limit: 60, window: MINUTE };
pub const REFRESH_BY_NETWORK: RatePolicy = RatePolicy { name: "refresh_network", limit: 300, window: MINUTE };
pub const MAGIC_LINK_BY_NETWORK: RatePolicy =
    RatePolicy { name: "magic_link_network", limit: 30, window: HOUR };
/// Letters that anybody may ask for, to sign in by or to choose another password: those asked for on a device that the address's
/// owner signed in on are counted on their own, so that strangers leave the owner as many (`attempts::require_letters_left`).
pub const MAGIC_LINK_BY_ADDRESS: RatePolicy =
    RatePolicy { name: "magic_link_address", limit: 5, window: HOUR };
pub const SIGN_IN_CODE_BY_NETWORK: RatePolicy =
    RatePolicy { name: "signin_code_network", limit: 30, window: HOUR };
pub const SIGN_IN_CODE_BY_ADDRESS: RatePolicy =
    RatePolicy { name: "signin_code_address", limit: 5, window: HOUR };
pub const GUESTS_BY_NETWORK: RatePolicy = RatePolicy { name: "guest_network", limit: 10, window: HOUR };
pub const OAUTH_BY_NETWORK: RatePolicy = RatePolicy { name: "oauth_network", limit: 60, window: MINUTE };
pub const MAILED_CODE_BY_USER: RatePolicy =
    RatePolicy { name: "mailed_code_user", limit: 5, window: Duration::from_secs(900) };
pub const FACTORS_BY_USER: RatePolicy = RatePolicy { name: "factors_user", limit: 30, window: HOUR };
/// Challenges for passkeys, which anybody may ask for.
pub const PASSKEY_BY_NETWORK: RatePolicy = RatePolicy { name: "passkey_network", limit: 60, window: MINUTE };
pub const FORGOT_BY_NETWORK: RatePolicy = RatePolicy { name: "forgot_network", limit: 30, window: HOUR };
pub const FORGOT_BY_ADDRESS: RatePolicy = RatePolicy { name: "forgot_address", limit: 5, window: HOUR };
/// Links of letters, opened: a reset, an address confirmed or taken back, a sign-in disowned.
pub const LINK_BY_NETWORK: RatePolicy = RatePolicy { name: "link_network", limit: 60, window: MINUTE };
pub const REAUTHENTICATE_BY_USER: RatePolicy =
    RatePolicy { name: "reauthenticate_user", limit: 20, window: MINUTE };
pub const EMAIL_CHANGE_BY_USER: RatePolicy =
    RatePolicy { name: "email_change_user", limit: 10, window: HOUR };
/// However many accounts ask for it, an address gets no more letters about a change than this.
pub const EMAIL_CHANGE_BY_ADDRESS: RatePolicy =
    RatePolicy { name: "email_change_address", limit: 5, window: HOUR };
pub const PROFILE_BY_USER: RatePolicy = RatePolicy { name: "profile_user", limit: 60, window: MINUTE };
/// Every decision is kept for good.
pub const CONSENTS_BY_USER: RatePolicy = RatePolicy { name: "consents_user", limit: 30, window: HOUR };
pub const SESSIONS_BY_USER: RatePolicy = RatePolicy { name: "sessions_user", limit: 60, window: MINUTE };
pub const NOT_ME_BY_USER: RatePolicy = RatePolicy { name: "not_me_user", limit: 10, window: HOUR };
pub const AUDIT_VERIFY_BY_USER: RatePolicy =
    RatePolicy { name: "audit_verify_user", limit: 20, window: MINUTE };
pub const IMPERSONATE_BY_USER: RatePolicy = RatePolicy { name: "impersonate_user", limit: 30, window: HOUR };
pub const TOKEN_BY_NETWORK: RatePolicy = RatePolicy { name: "token_network", limit: 120, window: MINUTE };
/// Of one key from one network: whoever knows a key's prefix elsewhere takes nothing from it.
pub const TOKEN_BY_KEY: RatePolicy = RatePolicy { name: "token_key", limit: 30, window: MINUTE };
/// Identity providers ask for twenty requests a second at most, which is what the gateway lets through of one address.
pub const SCIM_BY_NETWORK: RatePolicy = RatePolicy { name: "scim_network", limit: 1_200, window: MINUTE };
pub const SCIM_BY_ACCOUNT: RatePolicy = RatePolicy { name: "scim_account", limit: 1_200, window: MINUTE };
/// Letters that an identity provider has written: a whole studio in an afternoon.
pub const SCIM_INVITE_BY_ACCOUNT: RatePolicy = RatePolicy { name: "scim_invite", limit: 500, window: HOUR };
pub const SERVICE_ACCOUNTS_BY_USER: RatePolicy =
    RatePolicy { name: "service_accounts_user", limit: 60, window: MINUTE };
pub const WEBHOOKS_BY_USER: RatePolicy = RatePolicy { name: "webhooks_user", limit: 60, window: MINUTE };
pub const WEBHOOK_TESTS_BY_USER: RatePolicy =
    RatePolicy { name: "webhook_tests_user", limit: 10, window: MINUTE };
pub const EXPORT_BY_USER: RatePolicy = RatePolicy { name: "export_user", limit: 10, window: HOUR };
pub const DELETION_BY_USER: RatePolicy = RatePolicy { name: "deletion_user", limit: 10, window: HOUR };
pub const CERTIFICATE_BY_NETWORK: RatePolicy =
    RatePolicy { name: "certificate_network", limit: 60, window: MINUTE };
pub const REGISTER_BY_NETWORK: RatePolicy =
    RatePolicy { name: "register_network", limit: 60, window: MINUTE };
/// Studios founded, and changes of their settings, roles and members.
pub const TENANT_CHANGES_BY_USER: RatePolicy =
    RatePolicy { name: "tenant_changes_user", limit: 120, window: MINUTE };
pub const SWITCH_BY_USER: RatePolicy = RatePolicy { name: "switch_user", limit: 30, window: MINUTE };
pub const INVITE_BY_USER: RatePolicy = RatePolicy { name: "invite_user", limit: 100, window: HOUR };
/// However many studios invite it, an address gets no more letters than this.
pub const INVITE_BY_ADDRESS: RatePolicy = RatePolicy { name: "invite_address", limit: 10, window: HOUR };
/// Codes are short: fifty random bits are out of reach of so few guesses.
pub const ACCEPT_BY_USER: RatePolicy = RatePolicy { name: "accept_user", limit: 20, window: HOUR };
pub const ACCEPT_BY_NETWORK: RatePolicy = RatePolicy { name: "accept_network", limit: 120, window: HOUR };
/// Studios that are joined without an invitation.
pub const JOIN_BY_USER: RatePolicy = RatePolicy { name: "join_user", limit: 20, window: HOUR };
pub const JOIN_BY_NETWORK: RatePolicy = RatePolicy { name: "join_network", limit: 120, window: HOUR };

/// Counts an address on a device.
pub fn key_on(email: &EmailAddress, device: Option<&DeviceId>) -> String {
    let device = device.map(|device| hex::encode(device.digest())).unwrap_or_default();
    hex::encode(digest_of(&["limit", email.canonical(), &device]))
}

/// Counts an address without writing it into Redis.
pub fn key_of(email: &EmailAddress) -> String {
    hex::encode(digest_of(&["limit", email.canonical()]))
}
