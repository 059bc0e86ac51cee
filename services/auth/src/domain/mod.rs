//! The rules of signing up and in: no database, no clock of their own, no I/O.

pub mod account;
pub mod administration;
pub mod audit;
pub mod audit_chain;
pub mod ban;
pub mod consent;
pub mod device;
pub mod discord;
pub mod email;
pub mod erasure;
pub mod lockout;
pub mod one_time_token;
pub mod password;
pub mod person_name;
pub mod processing;
pub mod refresh_token;
pub mod rotation;
pub mod session;
pub mod totp;
