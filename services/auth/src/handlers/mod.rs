//! One endpoint each.

pub mod consume_magic_link;
pub mod exchange_oauth;
pub mod finish_oauth;
pub mod introspect;
pub mod link_oauth;
pub mod list_identities;
pub mod list_providers;
pub mod list_revocations;
pub mod open_guest;
pub mod refresh;
pub mod request_magic_link;
pub mod resend_verification;
pub mod send_sign_in_code;
pub mod show_documentation;
pub mod show_magic_link;
pub mod show_profile;
pub mod show_verify_email;
pub mod sign_in;
pub mod sign_in_second_factor;
pub mod sign_out;
pub mod sign_up;
pub mod start_oauth;
pub mod unlink_oauth;
pub mod upgrade_guest;
pub mod verify_email;
pub mod verify_sign_in_code;
