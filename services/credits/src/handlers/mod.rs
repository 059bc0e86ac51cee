//! One file per endpoint.

pub(crate) mod capture_hold;
pub(crate) mod consume_hold;
pub(crate) mod create_checkout;
pub(crate) mod create_package;
pub(crate) mod get_hold;
pub(crate) mod get_payment;
pub(crate) mod get_wallet;
pub(crate) mod hold_credits;
pub(crate) mod list_holds;
pub(crate) mod list_packages;
pub(crate) mod list_transactions;
pub(crate) mod receive_stripe_event;
pub(crate) mod refund_hold;
pub(crate) mod release_hold;
pub(crate) mod show_payment_return;
