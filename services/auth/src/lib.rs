//! The one door that every service trusts: accounts, sessions, tokens, roles, revocation.

mod announcement;
mod attempts;
mod audit_chain;
mod audit_verify;
mod authority;
mod banning;
mod create_user;
pub mod db;
mod domain;
mod erasure;
mod error;
mod handlers;
mod hashing;
mod impersonation;
mod jobs;
mod letters;
mod limits;
mod liveness;
mod member_view;
mod page;
mod privacy;
mod randomness;
pub mod routes;
mod session_opening;
mod state;
mod verification;
mod withdrawal;

pub use jobs::seal_audit::FAILPOINTS;
pub use state::Auth;
