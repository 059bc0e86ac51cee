//! People who sign up, confirm and sign in, as tests need them.

use auth::Auth;
use serde_json::{Value, json};
use shinkofa_contracts::auth::EmailVerificationRequested;
use shinkofa_testing::{Answer, TestApp};

use crate::identity_provider::expect_error;

pub const PASSWORD: &str = "a long and private sentence";

/// An address that no other test has: attempts are counted in a Redis that all tests share.
pub fn address(app: &TestApp<Auth>, who: &str) -> String {
    format!("{who}@{}.example.org", app.database.name.replace('_', "-"))
}

pub async fn sign_up(app: &TestApp<Auth>, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password, "name": "Anna Martin", "locale": "fr" });
    let answer = app.post("/api/auth/signup").json(&body).send().await;
    app.run_jobs().await;
    answer
}

/// The token of the newest confirmation mail to this address, as notify would open it.
pub async fn mailed_token(app: &TestApp<Auth>, email: &str) -> String {
    mailed_tokens(app, email).await.pop().expect("a confirmation mail")
}

/// The tokens of all confirmation mails to this address, oldest first.
pub async fn mailed_tokens(app: &TestApp<Auth>, email: &str) -> Vec<String> {
    let events = app.events().await;
    let mails = events.iter().filter(|event| {
        event["type"] == "email_verification.requested" && event["personal"]["email"] == email
    });
    mails
        .map(|event| {
            let sealed = event["data"]["sealedToken"].as_str().expect("a sealed token");
            let token = app.service().sealing.open(EmailVerificationRequested::SEALED_FOR, sealed);
            String::from_utf8(token.expect("sealed for notify")).expect("text")
        })
        .collect()
}

pub async fn verify(app: &TestApp<Auth>, token: &str) -> Answer {
    app.post("/api/auth/email/verify").json(&json!({ "token": token })).send().await
}

pub async fn sign_in(app: &TestApp<Auth>, email: &str, password: &str) -> Answer {
    app.post("/api/auth/signin").json(&json!({ "email": email, "password": password })).send().await
}

pub async fn refresh(app: &TestApp<Auth>, token: &str) -> Answer {
    app.post("/api/auth/refresh").json(&json!({ "refreshToken": token })).send().await
}

pub async fn profile(app: &TestApp<Auth>, access_token: &str) -> Answer {
    app.get("/api/user/profile").token(access_token).send().await
}

/// Somebody who signed up and confirmed their address.
pub async fn confirmed(app: &TestApp<Auth>, email: &str) {
    sign_up(app, email, PASSWORD).await.expect(202);
    let token = mailed_token(app, email).await;
    verify(app, &token).await.expect(204);
}

/// Somebody who signed up, confirmed their address and signed in: the answer to their sign-in.
pub async fn signed_in(app: &TestApp<Auth>, email: &str) -> Value {
    confirmed(app, email).await;
    sign_in(app, email, PASSWORD).await.expect(200).body
}

pub fn text<'a>(body: &'a Value, member: &str) -> &'a str {
    body[member].as_str().unwrap_or_else(|| panic!("no text {member:?} in {body:#}"))
}

/// The types of the events recorded so far.
pub async fn event_types(app: &TestApp<Auth>) -> Vec<String> {
    app.events().await.iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A refusal, in the words of the protocol that the route speaks.
#[track_caller]
pub fn expect_refusal(answer: Answer, path: &str, status: u16, code: &str) {
    if path.starts_with("/api/tenants/scim/") {
        expect_error(answer, status, None, code);
    } else {
        answer.expect_problem(status, code);
    }
}
