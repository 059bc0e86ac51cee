//! Receivers of webhooks, as tests need them.

use auth::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shinkofa_testing::wiremock::matchers::method;
use shinkofa_testing::wiremock::{Mock, MockServer, Request, ResponseTemplate};
use shinkofa_testing::{Answer, TestApp, TestAppBuilder};

use crate::staff::{staff, staff_again, token};

pub const PATH: &str = "/api/tenants/webhooks";

pub async fn answering(receiver: &MockServer, status: u16) {
    receiver.reset().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(receiver).await;
}

pub async fn create(app: &TestApp<Auth>, by: &str, url: &str, kinds: &[&str]) -> Answer {
    let body = json!({ "url": url, "description": "The office", "eventTypes": kinds });
    app.post(PATH).token(by).json(&body).send().await
}

/// A receiver that takes everything, and a service that may send to it.
pub struct Scene {
    pub app: TestApp<Auth>,
    pub receiver: MockServer,
    pub admin: String,
    pub id: String,
    pub secret: String,
}

impl Scene {
    pub async fn new(kinds: &[&str]) -> Self {
        Self::with(TestApp::<Auth>::builder(), kinds).await
    }

    pub async fn with(builder: TestAppBuilder, kinds: &[&str]) -> Self {
        let receiver = MockServer::start().await;
        answering(&receiver, 204).await;
        let exempt = receiver.address().to_string();
        let app = builder.env("OUTBOUND_EXEMPT_ADDRESSES", &exempt).start::<Auth>().await;
        let admin = token(&staff(&app, "ada", "admin").await).to_owned();
        let made = create(&app, &admin, &format!("{}/in", receiver.uri()), kinds).await.expect(201);
        Self { id: made.text("id"), secret: made.text("secret"), app, receiver, admin }
    }

    pub async fn order(&self, what: &str) -> Answer {
        self.app.post(&format!("{PATH}/{}/{what}", self.id)).token(&self.admin).send().await
    }

    pub async fn received(&self) -> Vec<Request> {
        self.receiver.received_requests().await.expect("they are kept")
    }

    /// The deliveries to the webhook, the newest first.
    pub async fn deliveries(&self) -> Vec<Value> {
        let path = format!("{PATH}/{}/deliveries", self.id);
        let page = self.app.get(&path).token(&self.admin).send().await.expect(200).body;
        page["items"].as_array().expect("items").clone()
    }

    /// The admin's session is over after half an hour.
    pub async fn comes_again(&mut self) {
        self.admin = token(&staff_again(&self.app, "ada").await).to_owned();
    }

    pub async fn enabled(&self) -> bool {
        let path = format!("{PATH}/{}", self.id);
        self.app.get(&path).token(&self.admin).send().await.expect(200).body["enabled"] == true
    }
}

pub fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers[name].to_str().expect("text")
}

/// As a receiver checks it, by the words of the specification alone.
pub fn is_signed(request: &Request, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let signed = [
        header(request, "webhook-id").as_bytes(),
        b".",
        header(request, "webhook-timestamp").as_bytes(),
        b".",
        &request.body,
    ]
    .concat();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
    let expected = STANDARD.encode(aws_lc_rs::hmac::sign(&key, &signed).as_ref());
    header(request, "webhook-signature").split(' ').any(|part| part == format!("v1,{expected}"))
}

pub fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}
