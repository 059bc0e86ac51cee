//! All objects, in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::record::{Record, StoredReply};
use super::shelf::Shelf;
use crate::domain::charge::Charge;
use crate::domain::checkout_session::{CheckoutSession, SessionState};
use crate::domain::customer::Customer;
use crate::domain::event::Event;
use crate::domain::payment_intent::PaymentIntent;
use crate::domain::refund::Refund;
use crate::shapes;
use crate::webhooks::delivery::{Delivery, DeliveryState};

#[derive(Debug, Default)]
pub struct World {
    sessions: Shelf<CheckoutSession>,
    intents: Shelf<PaymentIntent>,
    charges: Shelf<Charge>,
    refunds: Shelf<Refund>,
    customers: Shelf<Customer>,
    events: Shelf<Event>,
    deliveries: Shelf<Delivery>,
    replies: HashMap<String, StoredReply>,
    advanced_seconds: i64,
    /// Open sessions by the second in which they expire.
    expiries: BTreeSet<(i64, String)>,
    /// Undelivered events by their place among the deliveries.
    undelivered: BTreeMap<usize, String>,
}

/// An object with a shelf of its own.
pub trait Stored: Clone {
    fn key(&self) -> &str;
    fn shelf(world: &World) -> &Shelf<Self>;
    fn into_record(self) -> Record;
    fn from_record(record: &Record) -> Option<&Self>;
}

macro_rules! stored {
    ($($kind:ident at $shelf:ident as $record:ident by $($key:ident).+;)*) => {$(
        impl Stored for $kind {
            fn key(&self) -> &str {
                self.$($key).+.as_str()
            }

            fn shelf(world: &World) -> &Shelf<Self> {
                &world.$shelf
            }

            fn into_record(self) -> Record {
                Record::$record(self)
            }

            fn from_record(record: &Record) -> Option<&Self> {
                match record {
                    Record::$record(object) => Some(object),
                    _ => None,
                }
            }
        }
    )*};
}

stored! {
    CheckoutSession at sessions as Session by id;
    PaymentIntent at intents as Intent by id;
    Charge at charges as Charge by id;
    Refund at refunds as Refund by id;
    Customer at customers as Customer by id;
    Event at events as Event by id;
    Delivery at deliveries as Delivery by event;
}

impl World {
    pub fn get<T: Stored>(&self, id: &str) -> Option<&T> {
        T::shelf(self).get(id)
    }

    pub fn newest_first<'a, T: Stored + 'a>(&'a self) -> impl Iterator<Item = &'a T> {
        T::shelf(self).newest_first()
    }

    pub fn reply(&self, key: &str) -> Option<&StoredReply> {
        self.replies.get(key)
    }

    pub fn advanced_seconds(&self) -> i64 {
        self.advanced_seconds
    }

    pub fn sessions_due(&self, now: i64) -> Vec<CheckoutSession> {
        self.expiries
            .iter()
            .take_while(|(expires_at, _)| *expires_at <= now)
            .filter_map(|(_, id)| self.sessions.get(id))
            .cloned()
            .collect()
    }

    /// Undelivered events in the order of their making.
    pub fn undelivered(&self) -> impl Iterator<Item = &Delivery> {
        self.undelivered.values().filter_map(|id| self.deliveries.get(id))
    }

    /// The shape of an event, which tells how many endpoints still wait for it.
    pub fn event_shape(&self, event: &Event) -> Value {
        let waiting = self
            .deliveries
            .get(event.id.as_str())
            .is_some_and(|delivery| delivery.state != DeliveryState::Delivered);
        shapes::event(event, usize::from(waiting))
    }

    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Session(session) => self.apply_session(session),
            Record::Intent(intent) => {
                self.intents.put(&intent.id.to_string(), intent);
            }
            Record::Charge(charge) => {
                self.charges.put(&charge.id.to_string(), charge);
            }
            Record::Refund(refund) => {
                self.refunds.put(&refund.id.to_string(), refund);
            }
            Record::Customer(customer) => {
                self.customers.put(&customer.id.to_string(), customer);
            }
            Record::Event(event) => {
                self.events.put(&event.id.to_string(), event);
            }
            Record::Delivery(delivery) => self.apply_delivery(delivery),
            Record::Reply(reply) => {
                self.replies.insert(reply.key.clone(), reply);
            }
            Record::Advanced { seconds } => self.advanced_seconds = seconds,
        }
    }

    /// Records that rebuild this world.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        fn all<T: Stored>(shelf: &Shelf<T>) -> impl Iterator<Item = Record> {
            shelf.oldest_first().cloned().map(T::into_record)
        }
        let advanced = Record::Advanced { seconds: self.advanced_seconds };
        std::iter::once(advanced)
            .chain(all(&self.customers))
            .chain(all(&self.sessions))
            .chain(all(&self.intents))
            .chain(all(&self.charges))
            .chain(all(&self.refunds))
            .chain(all(&self.events))
            .chain(all(&self.deliveries))
            .chain(self.replies.values().cloned().map(Record::Reply))
    }

    fn apply_session(&mut self, session: CheckoutSession) {
        let expiry = (session.expires_at, session.id.to_string());
        if session.state == SessionState::Open {
            self.expiries.insert(expiry);
        } else {
            self.expiries.remove(&expiry);
        }
        self.sessions.put(&session.id.to_string(), session);
    }

    fn apply_delivery(&mut self, delivery: Delivery) {
        let event = delivery.event.to_string();
        let waiting = delivery.state == DeliveryState::Pending;
        let place = self.deliveries.put(&event, delivery);
        if waiting {
            self.undelivered.insert(place, event);
        } else {
            self.undelivered.remove(&place);
        }
    }
}

impl shapes::Library for World {
    fn object(&self, id: &str) -> Option<Value> {
        shape_by_prefix(id, self)
    }

    fn line_items(&self, session_id: &str) -> Option<Value> {
        self.get::<CheckoutSession>(session_id).map(line_items)
    }
}

/// The line items that a session shows when they are expanded: its first ten.
pub(super) fn line_items(session: &CheckoutSession) -> Value {
    const SHOWN: usize = 10;
    let items = session.line_items.iter().take(SHOWN);
    shapes::list(
        &format!("/v1/checkout/sessions/{}/line_items", session.id),
        items.map(|item| shapes::line_item(session, item)).collect(),
        session.line_items.len() > SHOWN,
    )
}

/// Finds objects by id, in a world or in a draft of its next state.
pub(super) trait Finder {
    fn find<T: Stored>(&self, id: &str) -> Option<T>;
}

impl Finder for World {
    fn find<T: Stored>(&self, id: &str) -> Option<T> {
        self.get(id).cloned()
    }
}

pub(super) fn shape_by_prefix(id: &str, finder: &impl Finder) -> Option<Value> {
    let (prefix, _) = id.split_once('_')?;
    match prefix {
        "pi" => finder.find(id).map(|found| shapes::payment_intent(&found)),
        "ch" => finder.find(id).map(|found| shapes::charge(&found)),
        "re" => finder.find(id).map(|found| shapes::refund(&found)),
        "cus" => finder.find(id).map(|found| shapes::customer(&found)),
        "cs" => finder.find(id).map(|found| shapes::checkout_session(&found)),
        _ => None,
    }
}
