//! The auth service through HTTP, on a PostgreSQL of its own.

mod account_letters;
mod accounts;
mod email_changes;
mod leaks;
mod operations;
mod pages;
mod passwords;
mod people;
mod profiles;
mod refresh;
mod rules;
mod sessions;
mod sign_in;
mod timeline;
mod tokens;
mod trust;
mod v13;
