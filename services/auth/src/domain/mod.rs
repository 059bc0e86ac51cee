//! The rules of signing up and in: no database, no clock of their own, no I/O.

pub mod account;
pub mod audit;
pub mod device;
pub mod email;
pub mod id_token;
pub mod lockout;
pub mod mailed_code;
pub mod one_time_token;
pub mod password;
pub mod person_name;
pub mod pkce;
pub mod profile;
pub mod proof;
pub mod provider;
pub mod recovery_code;
pub mod refresh_token;
pub mod rotation;
pub mod second_factor;
pub mod session;
pub mod timeline;
pub mod totp;
