//! The one door that every service trusts: accounts, sessions, tokens, roles, revocation.

mod announcement;
mod attempts;
mod audit_chain;
mod audit_verify;
mod authority;
mod create_user;
pub mod db;
mod domain;
mod error;
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
mod session_opening;
mod state;
mod verification;

pub use jobs::seal_audit::FAILPOINTS;
pub use state::Auth;
