//! The auth service through HTTP, on a PostgreSQL of its own.

mod accounts;
mod guests;
mod letters;
mod magic_link;
mod oauth;
mod oauth_attacks;
mod operations;
mod pages;
mod people;
mod provider;
mod refresh;
mod rules;
mod sign_in;
mod sign_in_code;
mod tokens;
mod trust;
