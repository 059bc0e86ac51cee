//! The promises of the shared crates, on real PostgreSQL and Redis.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod confirmed;
mod conformance;
mod feed;
mod jobs;
mod limits;
mod probe;
mod tenancy;
mod tenants;
mod tokens;
mod transactions;
mod trust;
