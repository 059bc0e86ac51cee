//! The promises of the shared crates, on real PostgreSQL and Redis.

mod feed;
mod jobs;
mod limits;
mod probe;
mod tenancy;
mod tokens;
