//! Starts the stand-in inside the test and talks to it.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use stripe_sim::{Config, clock};

use crate::endpoint::Endpoint;

pub const API_KEY: &str = "sk_test_stand_in_key_of_the_tests";
pub const WEBHOOK_SECRET: &str = "whsec_stand_in_secret_of_the_tests";

/// A running stand-in; dropping it ends it.
pub struct Sim {
    pub url: String,
    pub client: Client,
    handle: ServerHandle,
}

impl Drop for Sim {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HashMap<String, String>,
    pub text: String,
}

impl Reply {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            text: response.text().await.unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The content of a successful answer.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()
    }

    /// The content of Stripe's error envelope.
    #[track_caller]
    pub fn refusal(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()["error"].clone()
    }
}

impl Sim {
    /// Without webhooks.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn sending_to(endpoint: &Endpoint) -> Self {
        Self::start_with(&[
            ("STRIPE_SIM_WEBHOOK_URL", endpoint.url.as_str()),
            ("STRIPE_SIM_WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("STRIPE_SIM_WEBHOOK_RETRY_MS", "20"),
        ])
        .await
    }

    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        let config = Config::from_environment(|name| match name {
            "STRIPE_SIM_ADDR" => Some("127.0.0.1:0".to_owned()),
            "STRIPE_SIM_PUBLIC_URL" => Some("https://pay.example.test:8443".to_owned()),
            "STRIPE_SIM_API_KEY" => Some(API_KEY.to_owned()),
            _ => variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
        })
        .unwrap();
        let running = stripe_sim::start(config, clock::system).unwrap();
        let sim =
            Self { url: format!("http://{}", running.address), client: client(), handle: running.handle() };
        tokio::spawn(running.run());
        sim
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(API_KEY)
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        Reply::of(self.request(Method::POST, path).form(form)).await
    }

    pub async fn post_with_key(&self, path: &str, form: &[(&str, &str)], key: &str) -> Reply {
        let request = self.request(Method::POST, path).header("Idempotency-Key", key).form(form);
        Reply::of(request).await
    }

    /// One of the controls under `/sim`.
    pub async fn control(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::POST, path).json(&body)).await
    }

    /// A session of 19.00 EUR.
    pub async fn session(&self, extra: &[(&str, &str)]) -> Value {
        let form = [session_form(), extra.to_vec()].concat();
        self.post("/v1/checkout/sessions", &form).await.ok()
    }

    pub async fn pay(&self, session: &Value, method: &str) -> Reply {
        let id = session["id"].as_str().unwrap();
        self.control(&format!("/sim/checkout/{id}/pay"), json!({ "method": method })).await
    }

    /// A paid session, with its payment intent in place.
    pub async fn paid_session(&self) -> Value {
        let session = self.session(&[]).await;
        self.pay(&session, "card").await.ok();
        let id = session["id"].as_str().unwrap();
        self.get(&format!("/v1/checkout/sessions/{id}?expand[]=payment_intent.latest_charge")).await.ok()
    }

    pub async fn now(&self) -> i64 {
        self.get("/healthz").await.ok()["now"].as_i64().unwrap()
    }

    pub async fn advance(&self, seconds: i64) {
        self.control("/sim/clock/advance", json!({ "seconds": seconds })).await.ok();
    }
}

pub fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .unwrap()
}

pub fn session_form() -> Vec<(&'static str, &'static str)> {
    vec![
        ("mode", "payment"),
        ("success_url", "https://app.example.test/paid?session={CHECKOUT_SESSION_ID}"),
        ("cancel_url", "https://app.example.test/cancelled"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount]", "1900"),
        ("line_items[0][price_data][product_data][name]", "Ten credits"),
    ]
}

/// Polls until `look` gives something, for at most twenty seconds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A new folder inside the build folder; dropping it removes it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
