//! The auth service through HTTP, on a PostgreSQL of its own.

mod accounts;
mod administration;
mod audit_chain;
mod bans;
mod deletion;
mod impersonation;
mod keys;
mod operations;
mod pages;
mod people;
mod privacy;
mod refresh;
mod rules;
mod sign_in;
mod staff;
mod temporary;
mod tokens;
mod trust;
