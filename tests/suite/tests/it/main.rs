//! The platform as one: real binaries behind the real gateway, brought up by `deploy/test`.

mod outages;
mod races;
mod saga_failpoints;
mod story;
mod wallets;
mod webhooks;
