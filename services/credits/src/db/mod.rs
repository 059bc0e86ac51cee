//! Reads and writes of the service's tables, each inside somebody else's transaction.

pub(crate) mod holds;
pub(crate) mod ledger;
pub(crate) mod packages;
pub(crate) mod payments;
pub(crate) mod personal;
pub(crate) mod schema;
pub(crate) mod stripe_events;
pub(crate) mod wallets;
