//! The service's promises, through HTTP and SMTP, on a real database, with feeds that the tests write.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account_letters;
mod deliveries;
mod erasure;
mod feed;
mod mailbox;
mod platform;
mod preferences;
mod smtp;
mod smtp_server;
mod studio;
