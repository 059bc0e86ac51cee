//! The stand-in for Stripe: its Pay button, and its controls.

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::Stack;

/// The controls, which only the loopback reaches.
pub struct StripeSim<'a>(&'a Stack);

impl Stack {
    /// What the Pay button of Stripe's page does, through the gateway.
    pub async fn press_pay(&self, checkout_session: &str) {
        self.pay_with(checkout_session, "card").await;
    }

    /// Pays with `card`, or with `delayed`, whose money comes later.
    pub async fn pay_with(&self, checkout_session: &str, method: &str) {
        let url = self.url_of("pay", &format!("/sim/checkout/{checkout_session}/pay"));
        let call = self.call(Method::POST, url).json(&json!({ "method": method }));
        // Paying twice changes nothing.
        call.send_until_answered().await.expect(200);
    }

    pub fn stripe(&self) -> StripeSim<'_> {
        StripeSim(self)
    }
}

impl StripeSim<'_> {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let call = self.0.call(method, format!("http://127.0.0.1:{}{path}", self.0.stripe_sim_port));
        let call = match body {
            Some(body) => call.json(&body),
            None => call,
        };
        call.send().await.expect(200).body
    }

    /// Sets how deliveries misbehave; what is left out stays.
    pub async fn steer(&self, settings: Value) {
        self.ask(Method::POST, "/sim/deliveries", Some(settings)).await;
    }

    /// Deliveries as they are when nobody interferes.
    pub async fn behave(&self) {
        let plain =
            json!({ "paused": false, "duplicates": 0, "shuffle": false, "drop_first": 0, "parallel": 1 });
        self.steer(plain).await;
    }

    /// The money of a delayed payment arrives.
    pub async fn settle(&self, checkout_session: &str) {
        let path = format!("/sim/checkout/{checkout_session}/settle");
        self.ask(Method::POST, &path, Some(json!({ "outcome": "succeeded" }))).await;
    }

    /// The deliveries about one object.
    pub async fn deliveries(&self, object: &str) -> Vec<Value> {
        let answer = self.ask(Method::GET, &format!("/sim/deliveries?object={object}"), None).await;
        answer["items"].as_array().expect("deliveries are a list").clone()
    }

    /// The id of the event of a kind about an object.
    pub async fn event(&self, object: &str, kind: &str) -> String {
        let deliveries = self.deliveries(object).await;
        let found = deliveries.iter().find(|delivery| delivery["type"] == kind);
        let event = found.and_then(|delivery| delivery["event"].as_str());
        event.unwrap_or_else(|| panic!("no {kind} of {object} in {deliveries:#?}")).to_owned()
    }

    /// Sends one event so often, so many at once, and returns the answers.
    pub async fn deliver(&self, event: &str, times: usize, parallel: usize) -> Vec<Value> {
        let body = json!({ "times": times, "parallel": parallel });
        let answer = self.ask(Method::POST, &format!("/sim/events/{event}/deliver"), Some(body)).await;
        answer["answers"].as_array().expect("answers are a list").clone()
    }

    /// An event as Stripe sends it.
    pub async fn event_body(&self, event: &str) -> String {
        let url = format!("http://127.0.0.1:{}/v1/events/{event}", self.0.stripe_sim_port);
        let call = self.0.call(Method::GET, url).bearer(self.0.secret("stripe-secret-key"));
        call.send().await.expect(200).body.to_string()
    }
}

/// A `Stripe-Signature` over `body`, signed at `at` (Unix seconds) with `secret`.
pub fn signature(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}
