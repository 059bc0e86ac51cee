//! The harness of the cross-service tests: a running stack as its clients, its operator and its database see it.
//!
//! `deploy/test` brings the stack up (real binaries behind the real gateway) and tells through `SHINKOFA_SUITE_*` variables
//! where it is. Tests run one after another, each may kill what it likes, and each leaves everything ready.

mod admin;
mod failpoints;
mod http;
pub mod invariants;
mod mailbox;
mod pace;
mod people;
mod processes;
mod redis;
mod smtp;
mod sql;
mod stack;
mod staff;
mod stripe;
mod studio;
mod traces;
mod understudy;
mod unguarded;
mod wait;
mod wallet;

pub use http::{Answer, Call, assert_has_members, assert_members};
pub use pace::{Load, Pace, Requests};
pub use people::{Member, Person};
pub use processes::Process;
pub use redis::RedisSnapshot;
pub use smtp::{SmtpHealth, SmtpSink};
pub use sql::Superuser;
pub use stack::{DemoAccount, Stack};
pub use staff::App;
pub use stripe::{StripeSim, signature};
pub use studio::{ClassTerms, PackageTerms, SessionTerms};
pub use traces::TraceSink;
pub use understudy::{Understudy, free_ports};
pub use unguarded::UnguardedBooking;
pub use wait::{until, until_within};
pub use wallet::{Checkout, Lot, Wallet};
