//! Work that follows a commit, and work that time brings.

pub mod mail_password_reset;
pub mod purge_expired;
pub mod resend_verification;
pub mod settle_email_change;
pub mod settle_signup;
