//! The one door that every service trusts: accounts, sessions, tokens, roles, revocation.

mod access_ending;
mod announcement;
mod attempts;
mod clients;
mod create_user;
pub mod db;
mod domain;
mod email_change;
mod error;
mod handlers;
mod hashing;
mod jobs;
mod leaks;
mod letters;
mod limits;
mod liveness;
mod new_device;
mod page;
mod password_reset;
mod password_setting;
mod privacy;
mod randomness;
pub mod routes;
mod securing;
mod session_opening;
mod state;
mod verification;

pub use state::Auth;
