//! Reads and writes. Functions take a connection inside their caller's transaction and never begin one.

pub mod audit;
pub mod audit_chain;
pub mod bans;
pub mod consents;
pub mod discord_links;
pub mod erasures;
pub mod events;
pub mod factors;
pub mod failures;
pub mod impersonations;
pub mod known_devices;
pub mod members;
pub mod memberships;
pub mod one_time_tokens;
pub mod processing;
pub mod realms;
pub mod revocations;
pub mod schema;
pub mod scope;
pub mod sessions;
pub mod signups;
pub mod users;
