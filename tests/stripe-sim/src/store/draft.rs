//! A change in the making: reads see it, and nobody else does until it is committed.

use serde_json::Value;

use super::record::{Record, StoredReply};
use super::world::{Finder, Stored, World, line_items, shape_by_prefix};
use crate::clock::Instant;
use crate::domain::checkout_session::CheckoutSession;
use crate::domain::event::{Event, EventType, Occurrence, Origin};
use crate::domain::ids::{EventId, IdSource};
use crate::domain::payment::Payment;
use crate::domain::refund::RefundStep;
use crate::shapes;
use crate::webhooks::delivery::Delivery;

pub struct Draft<'a> {
    world: &'a World,
    ids: &'a mut IdSource,
    writes: Vec<Record>,
    now: Instant,
    sends_webhooks: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(world: &'a World, ids: &'a mut IdSource, now: Instant, sends_webhooks: bool) -> Self {
        Self { world, ids, writes: Vec::new(), now, sends_webhooks }
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    pub fn ids(&mut self) -> &mut IdSource {
        self.ids
    }

    pub fn get<T: Stored>(&self, id: &str) -> Option<T> {
        self.writes
            .iter()
            .rev()
            .filter_map(T::from_record)
            .find(|object| object.key() == id)
            .or_else(|| self.world.get(id))
            .cloned()
    }

    pub fn put<T: Stored>(&mut self, object: T) {
        self.writes.push(object.into_record());
    }

    /// The answer kept under a key, while Stripe would still remember it.
    pub fn reply(&self, key: &str) -> Option<&StoredReply> {
        self.world.reply(key).filter(|reply| reply.is_alive(self.now.seconds()))
    }

    pub fn keep_reply(&mut self, reply: StoredReply) {
        self.writes.push(Record::Reply(reply));
    }

    pub fn advance_clock(&mut self, seconds: i64) {
        self.writes.push(Record::Advanced { seconds: self.world.advanced_seconds() + seconds });
    }

    /// Takes back everything written so far.
    pub fn discard(&mut self) {
        self.writes.clear();
    }

    pub fn put_payment(&mut self, payment: Payment, origin: &Origin) {
        self.put(payment.session);
        self.put(payment.intent);
        self.put(payment.charge);
        self.tell(payment.occurrences, origin);
    }

    pub fn put_refund(&mut self, step: RefundStep, origin: &Origin) {
        self.put(step.refund);
        self.put(step.charge);
        self.tell(step.occurrences, origin);
    }

    pub fn put_expired(&mut self, session: CheckoutSession, origin: &Origin) {
        let occurrence = Occurrence::of(EventType::CheckoutSessionExpired, &session);
        self.put(session);
        self.tell(vec![occurrence], origin);
    }

    pub(super) fn into_writes(self) -> Vec<Record> {
        self.writes
    }

    /// Turns occurrences into events, each with a delivery where webhooks are sent.
    fn tell(&mut self, occurrences: Vec<Occurrence>, origin: &Origin) {
        for occurrence in occurrences {
            let object = shapes::snapshot(&occurrence.object);
            let previous_attributes =
                occurrence.before.map(|before| shapes::changed_members(&shapes::snapshot(&before), &object));
            let id: EventId = self.ids.mint();
            self.put(Event {
                id: id.clone(),
                created: self.now.seconds(),
                event_type: occurrence.event_type,
                object,
                previous_attributes,
                origin: origin.clone(),
            });
            if self.sends_webhooks {
                self.put(Delivery::new(id, self.now));
            }
        }
    }
}

impl Finder for Draft<'_> {
    fn find<T: Stored>(&self, id: &str) -> Option<T> {
        self.get(id)
    }
}

impl shapes::Library for Draft<'_> {
    fn object(&self, id: &str) -> Option<Value> {
        shape_by_prefix(id, self)
    }

    fn line_items(&self, session_id: &str) -> Option<Value> {
        self.get::<CheckoutSession>(session_id).map(|session| line_items(&session))
    }
}
