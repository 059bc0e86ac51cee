//! Accounts that the operator suspends: nobody is in, nobody comes in, until they are restored.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::TrustScope;
use shinkofa_runtime::Service as _;
use shinkofa_testing::{Answer, TestApp};

use crate::magic_link::{CHALLENGE, VERIFIER};
use crate::oauth::{code_of, exchange, returned, through};
use crate::people::{self, PASSWORD, address, text};
use crate::provider::{Person, Providers};
use crate::staff::{staff, token, user_id};
use crate::{factors, letters};

const NEW_PASSWORD: &str = "another long and private sentence";

async fn command(app: &TestApp<Auth>, name: &str, arguments: &[&str]) -> bool {
    let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    app.service().command(name, &arguments).await.is_ok()
}

async fn suspend(app: &TestApp<Auth>, email: &str) -> bool {
    command(app, "suspend-account", &["--email", email, "--reason", "a stolen mailbox"]).await
}

async fn restore(app: &TestApp<Auth>, email: &str) -> bool {
    command(app, "restore-account", &["--email", email]).await
}

async fn mailed(app: &TestApp<Auth>, path: &str, kind: &str, body: Value) -> Option<(String, String)> {
    app.post(path).json(&body).send().await.expect(202);
    app.run_jobs().await;
    let secret = letters::secrets(app, body["email"].as_str().expect("an address"), kind).await.pop()?;
    Some((secret.link_token.unwrap_or_default(), secret.code.unwrap_or_default()))
}

async fn by_link(app: &TestApp<Auth>, link: &str) -> Answer {
    let body = json!({ "token": link, "codeVerifier": VERIFIER });
    app.post("/api/auth/magic-link/consume").json(&body).send().await
}

async fn by_code(app: &TestApp<Auth>, email: &str, code: &str) -> Answer {
    app.post("/api/auth/otp/verify").json(&json!({ "email": email, "code": code })).send().await
}

async fn is_active(app: &TestApp<Auth>, access: &str) -> Value {
    let introspect = app.internal::<TrustScope>("credits", Method::POST, "/internal/v1/introspect");
    introspect.json(&json!({ "token": access })).send().await.expect(200).body["active"].take()
}

async fn announced(app: &TestApp<Auth>) -> Value {
    let events = app.events().await;
    let last = events.iter().rfind(|event| event["type"] == "membership.changed").expect("an event");
    last["data"]["active"].clone()
}

/// V17, V13: whichever way somebody tries, and whatever they were given before, until the account is restored.
#[actix_web::test]
async fn v17_a_suspended_account_is_refused_by_every_way_in_until_it_is_restored() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let anna = address(&app, "anna");
    providers.vouch_for(Person::new(31, &anna));
    let body = people::signed_in(&app, &anna).await;
    through(&app, "google").await.expect(200);
    let (access, refresh) = (text(&body, "accessToken"), text(&body, "refreshToken"));
    let ask = json!({ "email": anna, "codeChallenge": CHALLENGE, "codeChallengeMethod": "S256" });
    let magic_link = mailed(&app, "/api/auth/magic-link", "magic_link", ask.clone()).await.unwrap().0;
    let send = json!({ "email": anna });
    let code = mailed(&app, "/api/auth/otp/send", "sign_in_code", send.clone()).await.unwrap().1;
    let reset = mailed(&app, "/api/auth/password/forgot", "password_reset", send.clone()).await.unwrap().0;
    let from_google = code_of(&returned(&app, "google").await.expect(303));

    assert!(suspend(&app, &anna).await);
    people::profile(&app, access).await.expect_problem(401, "unauthenticated");
    assert_eq!(is_active(&app, access).await, false);
    people::refresh(&app, refresh).await.expect_problem(401, "refresh_refused");
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(403, "account_suspended");
    by_link(&app, &magic_link).await.expect_problem(410, "link_gone");
    by_code(&app, &anna, &code).await.expect_problem(401, "code_refused");
    app.advance(TimeDelta::seconds(2));
    exchange(&app, &from_google, VERIFIER).await.expect_problem(403, "account_suspended");
    let again = code_of(&returned(&app, "google").await.expect(303));
    exchange(&app, &again, VERIFIER).await.expect_problem(403, "account_suspended");
    let chosen = json!({ "token": reset, "newPassword": NEW_PASSWORD });
    app.post("/api/auth/password/reset").json(&chosen).send().await.expect_problem(410, "link_gone");
    let deleted = app.post("/api/me/delete").token(access).json(&json!({ "password": PASSWORD }));
    deleted.send().await.expect(401);

    // Nothing that could open it is mailed, and whoever asks learns nothing of it.
    let before = app.events().await.len();
    for (path, body) in [
        ("/api/auth/magic-link", ask.clone()),
        ("/api/auth/otp/send", send.clone()),
        ("/api/auth/password/forgot", send),
    ] {
        app.post(path).json(&body).send().await.expect(202);
    }
    app.run_jobs().await;
    assert_eq!(app.events().await.len(), before);

    assert!(restore(&app, &anna).await);
    people::profile(&app, access).await.expect(401);
    people::refresh(&app, refresh).await.expect(401);
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
    through(&app, "google").await.expect(200);
    let magic_link = mailed(&app, "/api/auth/magic-link", "magic_link", ask).await.unwrap().0;
    by_link(&app, &magic_link).await.expect(200);
}

/// What staff see in other people's place ends with them, and what a tenant does to a membership does not undo it.
#[actix_web::test]
async fn v17_suspended_staff_see_nothing_more_and_a_tenant_cannot_let_them_in() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let max = staff(&app, "max", "manager").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let path = format!("/api/admin/users/{}/impersonate", user_id(&anna));
    let call = app.post(&path).token(token(&ada)).json(&json!({ "reason": "a look" }));
    let seen = call.send().await.expect(200).text("accessToken");
    app.get("/api/me/consents").token(&seen).send().await.expect(200);

    assert!(suspend(&app, &address(&app, "ada")).await);
    assert_eq!(announced(&app).await, false);
    app.get("/api/me/consents").token(&seen).send().await.expect(401);
    assert_eq!(is_active(&app, &seen).await, false);
    app.get("/api/admin/users").token(token(&ada)).send().await.expect(401);

    let member = format!("/api/admin/users/{}", user_id(&anna));
    assert!(suspend(&app, &address(&app, "anna")).await);
    let lock = app.post(&format!("{member}/lock")).token(token(&max));
    lock.json(&json!({ "reason": "a look as well" })).send().await.expect(204);
    app.post(&format!("{member}/unlock")).token(token(&max)).send().await.expect(204);
    assert_eq!(announced(&app).await, false);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(403, "account_suspended");
    assert!(restore(&app, &address(&app, "anna")).await);
    assert_eq!(announced(&app).await, true);
}

#[actix_web::test]
async fn a_suspension_is_written_down_with_its_reason_beside_and_done_once() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    for arguments in [
        &["--email", &anna][..],
        &["--email", &anna, "--reason", "x"],
        &["--email", "nobody@example.org", "--reason", "a stolen mailbox"],
        &["--mail", &anna, "--reason", "a stolen mailbox"],
    ] {
        assert!(!command(&app, "suspend-account", arguments).await, "{arguments:?}");
    }
    assert!(!restore(&app, &anna).await);
    assert!(suspend(&app, &anna.to_uppercase()).await);
    assert!(!suspend(&app, &anna).await);
    let reasons = app.sql("SELECT reason FROM account_suspensions").await;
    assert_eq!(reasons, [json!({ "reason": "a stolen mailbox" })]);
    let revoked = app.sql("SELECT token_version FROM revocations WHERE user_id IS NOT NULL").await;
    assert_eq!(revoked, [json!({ "token_version": 2 })]);
    assert!(restore(&app, &anna).await);
    assert!(app.sql("SELECT reason FROM account_suspensions").await.is_empty());
    let trail = app
        .sql("SELECT action, details FROM audit_events WHERE action IN ('account.suspended', 'account.restored', 'session.ended') ORDER BY number")
        .await;
    assert_eq!(
        trail,
        [
            json!({ "action": "session.ended", "details": { "reason": "suspended", "userId": user_id(&body) } }),
            json!({ "action": "account.suspended", "details": { "endedSessions": 1 } }),
            json!({ "action": "account.restored", "details": { "endedSessions": 0 } }),
        ]
    );
    assert_eq!(factors::letters(&app, &anna).await, [""; 0]);
    people::profile(&app, token(&body)).await.expect(401);
}
