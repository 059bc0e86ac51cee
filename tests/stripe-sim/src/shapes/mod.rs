//! How each object looks in Stripe's JSON, in the API version that [`API_VERSION`] names.

mod charge;
mod checkout_session;
mod customer;
mod event;
mod expansion;
mod payment_intent;
mod refund;

pub use charge::charge;
pub use checkout_session::{checkout_session, line_item};
pub use customer::customer;
pub use event::{changed_members, event, snapshot};
pub use expansion::{Library, expand};
pub use payment_intent::payment_intent;
pub use refund::refund;

use serde_json::{Value, json};

/// The version whose shapes these are: the one that async-stripe 1.0.0-rc.10 was generated from.
pub const API_VERSION: &str = "2026-09-30.endive";

/// One page of a list.
pub fn list(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

const BANK_DEBIT_FAILURE: &str = "The payer's bank account could not be debited.";
const CARD_FAILURE: &str = "The payer's card was declined.";
