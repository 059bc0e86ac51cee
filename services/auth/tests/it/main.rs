//! The auth service through HTTP, on a PostgreSQL of its own.

mod accounts;
mod enrolment;
mod factors;
mod mailed_codes;
mod operations;
mod pages;
mod people;
mod recovery_codes;
mod refresh;
mod remembered_devices;
mod rules;
mod second_factor;
mod sign_in;
mod step_up;
mod tokens;
mod trust;
