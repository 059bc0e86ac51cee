//! Service accounts, their keys and their tokens, as tests need them.

use auth::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::TrustScope;
use shinkofa_testing::{Answer, TestApp};

use crate::people::text;

pub const PATH: &str = "/api/tenants/service-accounts";

pub async fn create(app: &TestApp<Auth>, by: &str, scopes: &[&str]) -> Answer {
    let body = json!({ "name": "Timetable import", "description": "Fills the calendar", "scopes": scopes });
    app.post(PATH).token(by).json(&body).send().await
}

pub async fn create_key(app: &TestApp<Auth>, by: &str, account: &str) -> Answer {
    let body = json!({ "name": "Production" });
    app.post(&format!("{PATH}/{account}/keys")).token(by).json(&body).send().await
}

pub async fn revoke(app: &TestApp<Auth>, by: &str, account: &str, key: &str) -> Answer {
    app.call(Method::DELETE, &format!("{PATH}/{account}/keys/{key}")).token(by).send().await
}

pub async fn order(app: &TestApp<Auth>, by: &str, account: &str, what: &str) -> Answer {
    app.post(&format!("{PATH}/{account}/{what}")).token(by).send().await
}

/// Shows a key for a token.
pub async fn exchange(app: &TestApp<Auth>, key: &str) -> Answer {
    let body = json!({ "grantType": "client_credentials", "apiKey": key });
    app.post("/api/auth/token").json(&body).send().await
}

pub async fn introspect(app: &TestApp<Auth>, token: &str) -> Value {
    let call = app.internal::<TrustScope>("credits", Method::POST, "/internal/v1/introspect");
    call.json(&json!({ "token": token })).send().await.expect(200).body
}

pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a token");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("a token")).expect("a token")
}

/// A service account with one key.
pub struct Machine {
    pub account: String,
    pub key_id: String,
    pub key: String,
}

/// One that may do what `scopes` name, made by whoever `by` is.
pub async fn machine(app: &TestApp<Auth>, by: &str, scopes: &[&str]) -> Machine {
    let account = create(app, by, scopes).await.expect(201).text("id");
    let made = create_key(app, by, &account).await.expect(201).body;
    Machine { account, key_id: text(&made, "id").to_owned(), key: text(&made, "apiKey").to_owned() }
}
