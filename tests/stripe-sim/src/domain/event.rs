//! An event: something that happened to an object, with the object as it was then.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::charge::Charge;
use super::checkout_session::CheckoutSession;
use super::ids::EventId;
use super::payment_intent::PaymentIntent;
use super::refund::Refund;

/// Stripe lists and serves events for 30 days.
pub const RETENTION_SECONDS: i64 = 30 * 24 * 3600;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    pub id: EventId,
    pub created: i64,
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The object as Stripe's API showed it when this happened.
    pub object: Value,
    /// The members that changed, with their values before.
    pub previous_attributes: Option<Map<String, Value>>,
    pub origin: Origin,
}

/// The call that made something happen; both are absent when no API call did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    pub request_id: Option<String>,
    pub idempotency_key: Option<String>,
}

/// Something that is to become an event.
#[derive(Clone, Debug)]
pub struct Occurrence {
    pub event_type: EventType,
    pub object: Snapshot,
    /// The object before, where the event tells what changed.
    pub before: Option<Snapshot>,
}

impl Occurrence {
    pub fn of(event_type: EventType, object: impl Into<Snapshot>) -> Self {
        Self { event_type, object: object.into(), before: None }
    }

    pub fn change(event_type: EventType, before: impl Into<Snapshot>, after: impl Into<Snapshot>) -> Self {
        Self { before: Some(before.into()), ..Self::of(event_type, after) }
    }
}

/// An object at one moment.
#[derive(Clone, Debug)]
pub enum Snapshot {
    Session(Box<CheckoutSession>),
    Intent(Box<PaymentIntent>),
    Charge(Box<Charge>),
    Refund(Box<Refund>),
}

impl From<&CheckoutSession> for Snapshot {
    fn from(session: &CheckoutSession) -> Self {
        Self::Session(Box::new(session.clone()))
    }
}

impl From<&PaymentIntent> for Snapshot {
    fn from(intent: &PaymentIntent) -> Self {
        Self::Intent(Box::new(intent.clone()))
    }
}

impl From<&Charge> for Snapshot {
    fn from(charge: &Charge) -> Self {
        Self::Charge(Box::new(charge.clone()))
    }
}

impl From<&Refund> for Snapshot {
    fn from(refund: &Refund) -> Self {
        Self::Refund(Box::new(refund.clone()))
    }
}

macro_rules! event_types {
    ($($variant:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum EventType {
            $(#[serde(rename = $name)] $variant,)*
        }

        impl EventType {
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

event_types! {
    CheckoutSessionCompleted = "checkout.session.completed",
    CheckoutSessionExpired = "checkout.session.expired",
    CheckoutSessionAsyncPaymentSucceeded = "checkout.session.async_payment_succeeded",
    CheckoutSessionAsyncPaymentFailed = "checkout.session.async_payment_failed",
    PaymentIntentCreated = "payment_intent.created",
    PaymentIntentProcessing = "payment_intent.processing",
    PaymentIntentSucceeded = "payment_intent.succeeded",
    PaymentIntentPaymentFailed = "payment_intent.payment_failed",
    ChargePending = "charge.pending",
    ChargeSucceeded = "charge.succeeded",
    ChargeFailed = "charge.failed",
    ChargeRefunded = "charge.refunded",
    ChargeRefundUpdated = "charge.refund.updated",
    RefundCreated = "refund.created",
    RefundUpdated = "refund.updated",
    RefundFailed = "refund.failed",
}

/// Whether a `type` filter admits an event: a name, or a group as in `checkout.session.*`.
pub fn type_matches(filter: &str, event_type: EventType) -> bool {
    match filter.strip_suffix('*') {
        Some(group) => event_type.as_str().starts_with(group),
        None => filter == event_type.as_str(),
    }
}
