//! Stand-ins for the services that the one under test calls or reads.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shinkofa_contracts::{Aggregate, Event, EventPayload, Position};
use shinkofa_kernel::{Actor, TenantId};
use uuid::Uuid;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Another service, as far as a test needs it. It answers 404 to whatever it was not told.
pub struct FakePeer {
    server: MockServer,
}

/// A problem as services answer it.
pub fn problem(status: u16, code: &str) -> ResponseTemplate {
    let body = json!({
        "type": "about:blank", "title": "Problem", "status": status, "code": code,
        "detail": "a stand-in said so", "requestId": "0af7651916cd43dd8448eb211c80319c",
    });
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/problem+json")
}

impl FakePeer {
    pub async fn start() -> Self {
        Self { server: MockServer::start().await }
    }

    /// Auth, which confirms every token that it is asked about.
    pub async fn confirming() -> Self {
        let auth = Self::start().await;
        let active = ResponseTemplate::new(200).set_body_json(json!({ "active": true }));
        auth.on("POST", "^/internal/v1/introspect$", active).await;
        auth
    }

    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// Answers `verb` on every path that matches `pattern` with `respond`; later answers do not replace earlier ones.
    pub async fn on(&self, verb: &str, pattern: &str, respond: impl Respond + 'static) {
        Mock::given(method(verb)).and(path_regex(pattern)).respond_with(respond).mount(&self.server).await;
    }

    /// Forgets every answer and every request.
    pub async fn reset(&self) {
        self.server.reset().await;
    }

    /// The requests so far, as `(method, path, body)`.
    pub async fn requests(&self) -> Vec<(String, String, Value)> {
        let requests = self.server.received_requests().await.unwrap_or_default();
        let told = |request: Request| {
            let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
            (request.method.to_string(), request.url.path().to_owned(), body)
        };
        requests.into_iter().map(told).collect()
    }

    /// Gives the peer a feed that a test fills.
    pub async fn feed(&self) -> FakeFeed {
        let feed = FakeFeed::default();
        let respond = feed.clone();
        Mock::given(method("GET"))
            .and(path("/internal/v1/events"))
            .respond_with(respond)
            .mount(&self.server)
            .await;
        feed
    }
}

/// The log of a stand-in.
#[derive(Clone, Default)]
pub struct FakeFeed(Arc<Mutex<Vec<Event>>>);

impl FakeFeed {
    /// Appends an event of the default tenant, and returns it.
    pub fn append<P: EventPayload>(
        &self,
        aggregate: Uuid,
        at: DateTime<Utc>,
        payload: &P,
        personal: Option<&P::Personal>,
    ) -> Event {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = i64::try_from(events.len()).expect("few events") + 1;
        let about = |event: &&Event| event.aggregate.id == aggregate;
        let seq = i64::try_from(events.iter().filter(about).count()).expect("few events") + 1;
        let event = Event {
            position: Position { transaction: 1000 + number, number },
            id: Uuid::from_u128(
                0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number.unsigned_abs()),
            ),
            r#type: P::TYPE.to_owned(),
            version: P::VERSION,
            occurred_at: at,
            tenant_id: Some(TenantId::DEFAULT),
            aggregate: Aggregate { r#type: P::AGGREGATE.to_owned(), id: aggregate, seq },
            actor: Actor::service("test"),
            traceparent: None,
            data: serde_json::to_value(payload).expect("a payload is JSON"),
            personal: personal.map(|personal| serde_json::to_value(personal).expect("personal data is JSON")),
        };
        events.push(event.clone());
        event
    }
}

impl Respond for FakeFeed {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query = |name: &str| {
            request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let after = query("after").and_then(|text| text.parse().ok()).unwrap_or(Position::START);
        let limit = query("limit").and_then(|text| text.parse().ok()).unwrap_or(100);
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let items: Vec<_> = events.iter().filter(|event| event.position > after).take(limit).collect();
        ResponseTemplate::new(200).set_body_json(json!({ "items": items }))
    }
}
