//! A studio with a calendar, for the tests.

use booking::Booking;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use shinkofa_kernel::{Role, TenantId};
use shinkofa_testing::{Answer, FakePeer, TestApp, TestUser};

use crate::fake_credits::FakeCredits;
use crate::invariants::assert_invariants;

/// Booking, a stand-in for credits, and somebody who manages the studio.
pub struct Studio {
    pub app: TestApp<Booking>,
    pub credits: FakeCredits,
    pub auth: FakePeer,
    pub manager: TestUser,
}

impl Studio {
    pub async fn open() -> Self {
        let credits = FakeCredits::start().await;
        let auth = FakePeer::confirming().await;
        let builder = TestApp::<Booking>::builder().peer("credits", &credits.url()).peer("auth", &auth.url());
        let app = builder.start::<Booking>().await;
        let manager = app.user(Role::Manager);
        Self { app, credits, auth, manager }
    }

    /// Checks every invariant, and stops.
    pub async fn close(self) {
        assert_invariants(&self.app).await;
        self.app.stop().await;
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// A member with so many credits.
    pub fn member(&self, credits: i32) -> TestUser {
        let member = self.app.user(Role::Member);
        self.credits.give(&member, credits);
        member
    }

    pub async fn class(&self, credit_cost: i32) -> String {
        let class = json!({ "title": "Yoga", "durationMinutes": 60, "creditCost": credit_cost });
        self.app.post("/api/classes").bearer(&self.manager).json(&class).send().await.expect(201).text("id")
    }

    /// A session in two days.
    pub async fn session(&self, credit_cost: i32, capacity: i32) -> String {
        self.session_in(credit_cost, capacity, TimeDelta::days(2)).await
    }

    pub async fn session_in(&self, credit_cost: i32, capacity: i32, ahead: TimeDelta) -> String {
        let class = self.class(credit_cost).await;
        self.session_of(&class, capacity, self.now() + ahead).await.expect(201).text("id")
    }

    pub async fn session_of(&self, class: &str, capacity: i32, starts_at: DateTime<Utc>) -> Answer {
        let session = json!({ "classId": class, "startsAt": written(starts_at), "capacity": capacity });
        self.app.post("/api/sessions").bearer(&self.manager).json(&session).send().await
    }

    /// Books one seat under a key of its own.
    pub async fn book(&self, member: &TestUser, session: &str) -> Answer {
        let key = format!("{}-{session}", member.user_id);
        self.book_as(member, &key, &json!({ "sessionId": session })).await
    }

    pub async fn book_as(&self, member: &TestUser, key: &str, body: &Value) -> Answer {
        self.app.post("/api/booking/create").bearer(member).idempotency_key(key).json(body).send().await
    }

    pub async fn cancel(&self, member: &TestUser, reservation: &str) -> Answer {
        self.app.post(&format!("/api/booking/{reservation}/cancel")).bearer(member).send().await
    }

    pub async fn status(&self, member: &TestUser, reservation: &str) -> String {
        let path = format!("/api/booking/{reservation}");
        self.app.get(&path).bearer(member).send().await.expect(200).text("status")
    }

    pub async fn seats_left(&self, session: &str) -> i64 {
        let answer = self.app.get(&format!("/api/sessions/{session}")).send().await.expect(200);
        answer.body["seatsLeft"].as_i64().expect("a number")
    }

    /// The types of the events so far.
    pub async fn told(&self) -> Vec<String> {
        self.app
            .events()
            .await
            .iter()
            .map(|event| event["type"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Makes a second tenant, whose people have tokens of their own.
    pub fn stranger(&self) -> TestUser {
        let elsewhere = TenantId::from_uuid(uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00aa));
        self.app.user_of(elsewhere, Role::Member)
    }
}

pub fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
