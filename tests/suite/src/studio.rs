//! What the studio puts on sale and on the calendar, and what members do with it.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use crate::{Answer, Call, Member, Stack, until};

/// A package of credits to be put on sale.
#[derive(Clone, Copy, Debug)]
pub struct PackageTerms {
    pub credits: i32,
    pub validity_days: i32,
}

/// A class to be taught.
#[derive(Clone, Copy, Debug)]
pub struct ClassTerms {
    pub credit_cost: i32,
}

/// A session to be put on the calendar.
#[derive(Clone, Copy, Debug)]
pub struct SessionTerms {
    pub starts_in: TimeDelta,
    pub capacity: i32,
}

impl SessionTerms {
    /// Far enough ahead that a cancellation is free.
    pub fn far_ahead(capacity: i32) -> Self {
        Self { starts_in: TimeDelta::days(5), capacity }
    }

    /// So soon that a cancellation is late.
    pub fn soon(capacity: i32) -> Self {
        Self { starts_in: TimeDelta::minutes(30), capacity }
    }
}

impl Stack {
    /// Puts a package on sale and returns its id.
    pub async fn package(&self, admin: &Member, terms: PackageTerms) -> String {
        let body = json!({
            "name": self.fresh("Pack"),
            "credits": terms.credits,
            "priceMinor": 1000 * i64::from(terms.credits),
            "currency": "EUR",
            "validityDays": terms.validity_days,
        });
        self.create("/api/credits/packages", admin, &body).await
    }

    /// Creates a class and returns its id.
    pub async fn class(&self, admin: &Member, terms: ClassTerms) -> String {
        let body =
            json!({ "title": self.fresh("Yoga"), "durationMinutes": 60, "creditCost": terms.credit_cost });
        self.create("/api/classes", admin, &body).await
    }

    /// Puts a session on the calendar and returns its id.
    pub async fn session(&self, admin: &Member, class: &str, terms: SessionTerms) -> String {
        let starts_at = (self.clock.now() + terms.starts_in).to_rfc3339_opts(SecondsFormat::Secs, true);
        let body = json!({ "classId": class, "startsAt": starts_at, "capacity": terms.capacity });
        self.create("/api/sessions", admin, &body).await
    }

    /// A session of a class of its own.
    pub async fn session_costing(&self, admin: &Member, credit_cost: i32, terms: SessionTerms) -> String {
        let class = self.class(admin, ClassTerms { credit_cost }).await;
        self.session(admin, &class, terms).await
    }

    async fn create(&self, path: &str, admin: &Member, body: &Value) -> String {
        let call = self.post(path).bearer(admin).idempotency_key(&self.fresh("create")).json(body);
        call.send().await.expect(201).text("id")
    }

    /// The request for one seat.
    pub fn booking(&self, member: &impl AsRef<str>, session: &str, key: &str) -> Call {
        let body = json!({ "sessionId": session, "seats": 1 });
        self.post("/api/booking/create").bearer(member).idempotency_key(key).json(&body)
    }

    /// Books one seat under a fresh key.
    pub async fn book(&self, member: &impl AsRef<str>, session: &str) -> Answer {
        self.booking(member, session, &self.fresh("book")).send().await
    }

    /// Books one seat, and while that is pending asks again as a patient client does, until it is settled.
    pub async fn book_and_settle(&self, member: &impl AsRef<str>, session: &str) -> Answer {
        let key = self.fresh("book");
        until("the booking is settled", async || {
            let answer = self.booking(member, session, &key).send().await;
            (answer.status != 202).then_some(answer)
        })
        .await
    }

    pub fn cancellation(&self, member: &impl AsRef<str>, reservation: &str) -> Call {
        self.post(&format!("/api/booking/{reservation}/cancel")).bearer(member).json(&json!({}))
    }

    /// A reservation as its owner sees it.
    pub async fn reservation(&self, member: &impl AsRef<str>, reservation: &str) -> Value {
        self.get(&format!("/api/booking/{reservation}")).bearer(member).send().await.expect(200).body
    }
}
