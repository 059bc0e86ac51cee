//! The promises of the credits service, through HTTP, on real PostgreSQL, with the stand-in of Stripe.

mod checkout;
mod harness;
mod holds;
mod ledger;
mod model;
mod packages;
mod privacy;
mod reconciliation;
mod surface;
mod tenancy;
mod webhooks;
