//! Work that follows a commit, and work that time brings.

pub mod erase_people;
pub mod purge_expired;
pub mod purge_temporary;
pub mod resend_verification;
pub mod seal_audit;
pub mod settle_signup;
