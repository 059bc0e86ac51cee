//! Tells people what happened: reads the feeds of auth, credits and booking, and sends each message once.

mod clients;
mod db;
mod domain;
mod error;
mod handlers;
mod jobs;
mod measures;
mod privacy;
mod routes;
mod state;
mod subscriptions;

pub use jobs::deliver::FAILPOINTS;
pub use state::Notify;
