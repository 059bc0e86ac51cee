//! The auth service through HTTP, on a PostgreSQL of its own.

mod accounts;
mod enrolment;
mod factors;
mod guests;
mod letters;
mod magic_link;
mod mailed_codes;
mod oauth;
mod oauth_attacks;
mod operations;
mod pages;
mod people;
mod provider;
mod recovery_codes;
mod refresh;
mod remembered_devices;
mod rules;
mod second_factor;
mod sign_in;
mod sign_in_code;
mod step_up;
mod tokens;
mod trust;
