//! The harness of the cross-service tests: a running stack as its clients, its operator and its database see it.
//!
//! `deploy/test` brings the stack up (real binaries behind the real gateway) and tells through `SHINKOFA_SUITE_*` variables
//! where it is. Tests run one after another, each may kill what it likes, and each leaves everything ready.

mod admin;
mod failpoints;
mod http;
pub mod invariants;
mod mailbox;
mod people;
mod processes;
mod redis;
mod sql;
mod stack;
mod stripe;
mod studio;
mod unguarded;
mod wait;
mod wallet;

pub use http::{Answer, Call, assert_has_members, assert_members};
pub use people::{Member, Person};
pub use processes::Process;
pub use sql::Superuser;
pub use stack::{DemoAccount, Stack};
pub use stripe::{StripeSim, signature};
pub use studio::{ClassTerms, PackageTerms, SessionTerms};
pub use unguarded::UnguardedBooking;
pub use wait::{until, until_within};
pub use wallet::{Checkout, Lot, Wallet};
