//! A studio with its Stripe, and the invariants at the end of every test.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use credits::{Credits, invariants};
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::HoldsScope;
use shinkofa_kernel::{Role, TenantId, UserId};
use shinkofa_runtime::Service as _;
use shinkofa_testing::{Answer, Call, FakePeer, TestApp, TestAppBuilder, TestUser};
use stripe_webhook::Webhook;

pub const API_KEY: &str = "sk_test_key_of_the_credits_tests";
pub const WEBHOOK_SECRET: &str = "whsec_secret_of_the_credits_tests";

/// The service under test and the Stripe that it talks to.
pub struct Studio {
    pub app: TestApp<Credits>,
    pub auth: FakePeer,
    stripe: String,
    http: reqwest::Client,
    sim: actix_web::dev::ServerHandle,
}

impl Studio {
    pub async fn open() -> Self {
        Self::open_with(|builder| builder).await
    }

    pub async fn open_with(adjust: impl FnOnce(TestAppBuilder) -> TestAppBuilder) -> Self {
        let config = stripe_sim::Config::from_environment(|name| match name {
            "STRIPE_SIM_ADDR" => Some("127.0.0.1:0".to_owned()),
            "STRIPE_SIM_PUBLIC_URL" => Some("https://pay.shinkofa.localhost:8443".to_owned()),
            "STRIPE_SIM_API_KEY" => Some(API_KEY.to_owned()),
            _ => None,
        })
        .expect("the stand-in's configuration");
        let running = stripe_sim::start(config, stripe_sim::clock::system).expect("the stand-in starts");
        let (stripe, sim) = (format!("http://{}", running.address), running.handle());
        actix_web::rt::spawn(running.run());
        let auth = FakePeer::confirming().await;
        let builder = TestApp::<Credits>::builder()
            .peer("auth", &auth.url())
            .env("STRIPE_SECRET_KEY", API_KEY)
            .env("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("STRIPE_API_BASE", &format!("{stripe}/"));
        let app = adjust(builder).start::<Credits>().await;
        // Every schedule has had its first turn: from now on none runs unless time passes.
        app.run_jobs().await;
        let http =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
        Self { app, auth, stripe, http, sim }
    }

    /// Checks every invariant, and closes.
    pub async fn close(self) {
        self.check_invariants().await;
        self.sim.stop(false).await;
        self.app.stop().await;
    }

    pub async fn check_invariants(&self) {
        for invariant in invariants::parse(invariants::SQL) {
            let offending = self.app.sql(&invariant.query).await;
            assert!(offending.is_empty(), "{} ({}): {offending:#?}", invariant.name, invariant.says);
        }
    }

    /// A package of ten credits for 80.00 EUR, valid for 90 days.
    pub async fn package(&self) -> String {
        self.package_of(json!({
            "name": "Ten classes", "credits": 10, "priceMinor": 8000, "currency": "EUR", "validityDays": 90,
        }))
        .await
    }

    pub async fn package_of(&self, package: Value) -> String {
        let manager = self.app.user(Role::Manager);
        self.app
            .post("/api/credits/packages")
            .bearer(&manager)
            .json(&package)
            .send()
            .await
            .expect(201)
            .text("id")
    }

    /// Begins a purchase.
    pub async fn checkout(&self, buyer: &TestUser, package: &str, key: &str) -> Answer {
        let body = json!({ "packageId": package });
        self.app.post("/api/payment/checkout").bearer(buyer).idempotency_key(key).json(&body).send().await
    }

    /// A control or an API call of the stand-in.
    pub async fn stripe(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}{path}", self.stripe)).bearer_auth(API_KEY);
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.expect("the stand-in answers");
        response.json().await.expect("JSON")
    }

    pub async fn pay(&self, session: &str, method: &str) {
        self.stripe(Method::POST, &format!("/sim/checkout/{session}/pay"), json!({ "method": method })).await;
    }

    /// Every event at Stripe, oldest first.
    pub async fn stripe_events(&self) -> Vec<Value> {
        let list = self.stripe(Method::GET, "/v1/events?limit=100", Value::Null).await;
        let mut events = list["data"].as_array().expect("a list").clone();
        events.reverse();
        events
    }

    /// Sends an event as Stripe would, signed now.
    pub fn webhook(&self, event: &Value) -> Call {
        let body = event.to_string();
        let signature = Webhook::generate_test_header(&body, WEBHOOK_SECRET, Some(self.now().timestamp()));
        self.app.post("/api/webhooks/stripe").header("stripe-signature", &signature).body(body)
    }

    /// Delivers every event of Stripe's and runs what follows.
    pub async fn deliver_events(&self) {
        for event in self.stripe_events().await {
            self.webhook(&event).send().await.expect(200);
        }
        self.app.run_jobs().await;
    }

    pub async fn payment(&self, owner: &TestUser, payment: &str) -> Value {
        self.app.get(&format!("/api/payment/{payment}")).bearer(owner).send().await.expect(200).body
    }

    pub async fn payment_status(&self, owner: &TestUser, payment: &str) -> String {
        self.payment(owner, payment).await["status"].as_str().expect("a status").to_owned()
    }

    pub async fn wallet(&self, owner: &TestUser) -> Value {
        self.app.get("/api/credits/wallet").bearer(owner).send().await.expect(200).body
    }

    pub async fn available(&self, owner: &TestUser) -> i64 {
        self.wallet(owner).await["available"].as_i64().expect("a number")
    }

    /// Types and amounts of all transactions, newest first.
    pub async fn transactions(&self, owner: &TestUser) -> Vec<(String, i64)> {
        let answer =
            self.app.get("/api/credits/transactions?limit=200").bearer(owner).send().await.expect(200);
        let items = answer.body["items"].as_array().expect("items").clone();
        let told = |item: Value| {
            (item["type"].as_str().expect("a type").to_owned(), item["amount"].as_i64().expect("an amount"))
        };
        items.into_iter().map(told).collect()
    }

    /// The studio gives credits that expire after `days`; never when `None`. Returns the lot's id.
    pub async fn grant(&self, user: &TestUser, credits: i32, days: Option<i64>) -> String {
        let reference = self.app.clock.new_uuid().to_string();
        let (user, credits) = (user.user_id.to_string(), credits.to_string());
        let mut arguments = vec!["--user", &user, "--credits", &credits, "--reference", &reference];
        let expiry = days.map(|days| (self.now() + TimeDelta::days(days)).to_rfc3339());
        if let Some(expiry) = &expiry {
            arguments.extend(["--expires-at", expiry]);
        }
        let arguments: Vec<_> = arguments.into_iter().map(ToOwned::to_owned).collect();
        self.app.service().command("grant", &arguments).await.expect("the grant");
        let lots = self.app.sql(&format!("SELECT id FROM lots WHERE source_id = '{reference}'")).await;
        lots[0]["id"].as_str().expect("a lot").to_owned()
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    pub fn reservation(&self) -> ReservationId {
        ReservationId::new(&self.app.clock)
    }

    /// Asks to hold `amount` credits of `user`.
    pub async fn hold(&self, reservation: ReservationId, user: UserId, amount: i32) -> Answer {
        let body =
            json!({ "userId": user, "amount": amount, "expiresAt": self.now() + TimeDelta::hours(24) });
        self.as_booking(Method::PUT, &format!("/internal/v1/holds/{reservation}")).json(&body).send().await
    }

    /// `capture`, `release` or `consume`.
    pub async fn settle(&self, reservation: ReservationId, step: &str) -> Answer {
        self.as_booking(Method::PUT, &format!("/internal/v1/holds/{reservation}/{step}")).send().await
    }

    pub async fn refund(&self, reservation: ReservationId, reason: &str) -> Answer {
        let path = format!("/internal/v1/holds/{reservation}/refund");
        self.as_booking(Method::PUT, &path).json(&json!({ "reason": reason })).send().await
    }

    pub fn as_booking(&self, method: Method, path: &str) -> Call {
        self.app.internal::<HoldsScope>("booking", method, path)
    }

    /// The same for another tenant.
    pub fn as_booking_of(&self, tenant: TenantId, method: Method, path: &str) -> Call {
        self.app.internal_for::<HoldsScope>("booking", (Some(tenant), None), method, path)
    }
}
