//! The gateway: nothing that a client says about itself counts, and nothing internal can be reached through it.

mod direct;
mod forged_tokens;
mod origins;
mod paths;
pub mod problem;
mod refusals;
mod smuggling;
mod spoofing;
mod tenant_hosts;
pub mod wire;
