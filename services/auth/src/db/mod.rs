//! Reads and writes. Functions take a connection inside their caller's transaction and never begin one.

pub mod audit;
pub mod email_changes;
pub mod events;
pub mod factor_guesses;
pub mod factors;
pub mod failures;
pub mod guests;
pub mod identities;
pub mod known_devices;
pub mod mailed_codes;
pub mod memberships;
pub mod oauth_attempts;
pub mod one_time_tokens;
pub mod profiles;
pub mod providers;
pub mod realms;
pub mod recovery_codes;
pub mod remembered_devices;
pub mod revocations;
pub mod schema;
pub mod scope;
pub mod sessions;
pub mod signups;
pub mod timeline;
pub mod users;
