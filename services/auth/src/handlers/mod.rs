//! One endpoint each.

pub mod confirm_totp;
pub mod enrol_mailed_code;
pub mod enrol_totp;
pub mod forget_device;
pub mod introspect;
pub mod list_factors;
pub mod list_revocations;
pub mod mail_reauthentication;
pub mod mail_second_factor;
pub mod reauthenticate;
pub mod refresh;
pub mod remove_factor;
pub mod replace_recovery_codes;
pub mod resend_verification;
pub mod show_documentation;
pub mod show_profile;
pub mod show_verify_email;
pub mod sign_in;
pub mod sign_in_second_factor;
pub mod sign_out;
pub mod sign_up;
pub mod verify_email;
