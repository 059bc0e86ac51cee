//! Letters about accounts, as notify would open them.

use auth::Auth;
use serde_json::{Value, json};
use shinkofa_contracts::auth::{AccountLetterRequested, LetterSecret};
use shinkofa_testing::{Answer, TestApp};

/// A letter that was asked for.
pub struct Mailed {
    pub kind: String,
    pub link_token: Option<String>,
}

/// The letters to this address, oldest first.
pub async fn letters(app: &TestApp<Auth>, email: &str) -> Vec<Mailed> {
    app.run_jobs().await;
    let events = app.events().await;
    let asked = events
        .iter()
        .filter(|event| event["type"] == "account_letter.requested" && event["personal"]["email"] == email);
    asked
        .map(|event| Mailed {
            kind: event["data"]["letter"]["kind"].as_str().expect("a kind").to_owned(),
            link_token: event["data"]["sealedSecret"]
                .as_str()
                .and_then(|sealed| secret(app, sealed).link_token),
        })
        .collect()
}

fn secret(app: &TestApp<Auth>, sealed: &str) -> LetterSecret {
    let json = app.service().sealing.open(AccountLetterRequested::SEALED_FOR, sealed).expect("for notify");
    serde_json::from_slice(&json).expect("a secret")
}

/// The kinds of the letters to this address, oldest first.
pub async fn kinds(app: &TestApp<Auth>, email: &str) -> Vec<String> {
    letters(app, email).await.into_iter().map(|letter| letter.kind).collect()
}

/// The tokens in the links of one kind of letter to this address, oldest first.
pub async fn links(app: &TestApp<Auth>, email: &str, kind: &str) -> Vec<String> {
    let letters = letters(app, email).await;
    letters.into_iter().filter(|letter| letter.kind == kind).filter_map(|letter| letter.link_token).collect()
}

/// The token in the newest of them.
pub async fn link(app: &TestApp<Auth>, email: &str, kind: &str) -> String {
    links(app, email, kind).await.pop().unwrap_or_else(|| panic!("no {kind} to {email}"))
}

/// Presents the token of a link.
pub async fn open(app: &TestApp<Auth>, path: &str, token: &str) -> Answer {
    app.post(path).json(&json!({ "token": token })).send().await
}

pub async fn post(app: &TestApp<Auth>, path: &str, access: &str, body: Value) -> Answer {
    app.post(path).token(access).json(&body).send().await
}
