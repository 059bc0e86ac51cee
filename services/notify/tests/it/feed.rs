//! A feed that a test writes. Its events have ids that no other feed of the test has, and their tenant can be left out.

use std::sync::{Arc, Mutex, PoisonError};

use shinkofa_contracts::{Aggregate, Event, EventPage, EventPayload, Position};
use shinkofa_kernel::{Actor, Clock, TenantId};
use shinkofa_testing::FakePeer;
use shinkofa_testing::wiremock::{Request, Respond, ResponseTemplate};
use uuid::Uuid;

#[derive(Clone)]
pub struct Feed {
    clock: Clock,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Feed {
    /// The feed of `peer`, whose events happen when `clock` says.
    pub async fn of(peer: &FakePeer, clock: Clock) -> Self {
        let feed = Self { clock, events: Arc::default() };
        peer.on("GET", "^/internal/v1/events$", feed.clone()).await;
        feed
    }

    pub fn append<P: EventPayload>(&self, aggregate: Uuid, payload: &P, personal: Option<&P::Personal>) {
        self.append_in(Some(TenantId::DEFAULT), aggregate, payload, personal);
    }

    pub fn append_in<P: EventPayload>(
        &self,
        tenant_id: Option<TenantId>,
        aggregate: Uuid,
        payload: &P,
        personal: Option<&P::Personal>,
    ) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let number = i64::try_from(events.len()).unwrap() + 1;
        let earlier = events.iter().filter(|event| event.aggregate.id == aggregate).count();
        events.push(Event {
            position: Position { transaction: 1000 + number, number },
            id: self.clock.new_uuid(),
            r#type: P::TYPE.to_owned(),
            version: P::VERSION,
            occurred_at: self.clock.now(),
            tenant_id,
            aggregate: Aggregate {
                r#type: P::AGGREGATE.to_owned(),
                id: aggregate,
                seq: i64::try_from(earlier).unwrap() + 1,
            },
            actor: Actor::service("test"),
            traceparent: None,
            data: serde_json::to_value(payload).unwrap(),
            personal: personal.map(|personal| serde_json::to_value(personal).unwrap()),
        });
    }
}

impl Respond for Feed {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query = |name: &str| {
            request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let after = query("after").and_then(|text| text.parse().ok()).unwrap_or(Position::START);
        let limit = query("limit").and_then(|text| text.parse().ok()).unwrap_or(100);
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let items = events.iter().filter(|event| event.position > after).take(limit).cloned().collect();
        ResponseTemplate::new(200).set_body_json(EventPage { items })
    }
}
