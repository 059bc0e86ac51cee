//! The auth service through HTTP, on a PostgreSQL of its own.

mod accounts;
mod operations;
mod pages;
mod people;
mod refresh;
mod rules;
mod sign_in;
mod tokens;
mod trust;
