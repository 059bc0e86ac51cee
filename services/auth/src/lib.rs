//! The one door that every service trusts: accounts, sessions, tokens, roles, revocation.

mod announcement;
mod attempts;
mod create_user;
pub mod db;
mod domain;
mod error;
mod factor_changes;
mod factor_codes;
mod handlers;
mod hashing;
mod jobs;
mod letters;
mod limits;
mod liveness;
mod page;
mod privacy;
mod randomness;
pub mod routes;
mod second_step;
mod session_opening;
mod state;
mod verification;

pub use state::Auth;
