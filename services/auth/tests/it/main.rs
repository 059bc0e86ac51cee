//! The auth service through HTTP, on a PostgreSQL of its own.

mod accounts;
mod administration;
mod audit_chain;
mod impersonation;
mod operations;
mod pages;
mod people;
mod refresh;
mod rules;
mod sign_in;
mod staff;
mod tokens;
mod trust;
