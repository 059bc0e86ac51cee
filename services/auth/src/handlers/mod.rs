//! One endpoint each.

pub mod impersonate_user;
pub mod introspect;
pub mod list_audit;
pub mod list_revocations;
pub mod list_users;
pub mod lock_user;
pub mod refresh;
pub mod resend_verification;
pub mod show_documentation;
pub mod show_profile;
pub mod show_user;
pub mod show_verify_email;
pub mod sign_in;
pub mod sign_in_second_factor;
pub mod sign_out;
pub mod sign_out_user;
pub mod sign_up;
pub mod unlock_user;
pub mod verify_audit;
pub mod verify_email;
