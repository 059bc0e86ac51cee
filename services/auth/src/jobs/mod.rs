//! Work that follows a commit, and work that time brings.

pub mod purge_expired;
pub mod reseal_factors;
pub mod resend_verification;
pub mod settle_signup;
