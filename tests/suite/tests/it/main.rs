//! The platform as one: real binaries behind the real gateway, brought up by `deploy/test`.

mod absence;
mod api_documents;
mod audit_trail;
mod auth_chaos;
mod auth_ways;
mod authorization;
mod browser;
mod codes;
mod database_roles;
mod feeds_under_kill;
mod gateway;
mod key_rotation;
mod logs;
mod mails;
mod outages;
mod races;
mod saga_failpoints;
mod schemathesis;
mod secrets_in_logs;
mod story;
mod traces;
mod v01;
mod wallets;
mod webhooks;
