//! What one change writes: the objects as they are after it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::charge::Charge;
use crate::domain::checkout_session::CheckoutSession;
use crate::domain::customer::Customer;
use crate::domain::event::Event;
use crate::domain::payment_intent::PaymentIntent;
use crate::domain::refund::Refund;
use crate::webhooks::delivery::Delivery;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Record {
    Session(CheckoutSession),
    Intent(PaymentIntent),
    Charge(Charge),
    Refund(Refund),
    Customer(Customer),
    Event(Event),
    Delivery(Delivery),
    Reply(StoredReply),
    /// How far tests have advanced the clock, in all.
    Advanced {
        seconds: i64,
    },
}

/// The answer to a call with an idempotency key, kept to be given again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredReply {
    pub key: String,
    /// Method, path and parameters of the call.
    pub fingerprint: String,
    pub request_id: String,
    pub stored_at: i64,
    pub status: u16,
    pub body: Value,
}

/// Stripe forgets keys after a day; a later call with the same key is a new one.
const REPLY_LIFETIME_SECONDS: i64 = 24 * 3600;

impl StoredReply {
    pub fn is_alive(&self, now: i64) -> bool {
        now < self.stored_at + REPLY_LIFETIME_SECONDS
    }
}
