//! The one door that every service trusts: accounts, sessions, tokens, roles, revocation.

mod announcement;
mod attempts;
mod claim;
mod create_user;
pub mod db;
mod domain;
mod error;
mod factor_changes;
mod factor_codes;
mod federation;
mod first_factor;
mod guests;
mod handlers;
mod hashing;
mod jobs;
mod letters;
mod limits;
mod liveness;
mod mailed_sign_in;
mod page;
mod privacy;
mod providers;
mod randomness;
pub mod routes;
mod session_opening;
mod state;
mod switch_provider;
mod verification;

pub use state::Auth;
