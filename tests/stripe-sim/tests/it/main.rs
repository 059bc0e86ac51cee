//! The stand-in as its callers meet it: over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

mod api;
mod checkout;
mod endpoint;
mod faults;
mod harness;
mod idempotency;
mod journal;
mod oracle;

mod refunds;
mod rust_client;
mod webhooks;
