//! What somebody agrees to, and what anybody may read about what is kept.

use auth::Auth;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shinkofa_testing::wiremock::ResponseTemplate;
use shinkofa_testing::{FakePeer, TestApp, assert_columns_are_annotated};

use crate::people::{self, address, text};
use crate::personal_copy::with_peers;
use crate::staff::token;

async fn decide(app: &TestApp<Auth>, who: &Value, kind: &str, version: &str, granted: bool) -> Value {
    let body = json!({ "kind": kind, "version": version, "granted": granted });
    app.put("/api/me/consents").token(token(who)).json(&body).send().await.expect(200).body
}

#[actix_web::test]
async fn a_consent_keeps_its_version_and_its_whole_history() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let none = app.get("/api/me/consents").token(token(&anna)).send().await.expect(200).body;
    assert_eq!(none, json!({ "current": [], "history": [] }));
    decide(&app, &anna, "marketing", "v1", false).await;
    decide(&app, &anna, "terms", "2026-11", true).await;
    app.advance(chrono::TimeDelta::seconds(10));
    decide(&app, &anna, "marketing", "v1", true).await;
    decide(&app, &anna, "marketing", "v1", true).await;
    decide(&app, &anna, "marketing", "v2", true).await;
    app.advance(chrono::TimeDelta::seconds(10));
    let told = decide(&app, &anna, "marketing", "v2", false).await;
    let history: Vec<_> = told["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (text(d, "kind"), text(d, "version"), d["granted"].clone()))
        .collect();
    assert_eq!(
        history,
        [
            ("terms", "2026-11", json!(true)),
            ("marketing", "v1", json!(true)),
            ("marketing", "v2", json!(true)),
            ("marketing", "v2", json!(false))
        ]
    );
    let current = &told["current"];
    assert_eq!((&current[0]["kind"], &current[0]["withdrawnAt"]), (&json!("terms"), &Value::Null));
    assert_eq!(
        (&current[1]["version"], &current[1]["withdrawnAt"]),
        (&json!("v2"), &json!("2026-12-01T09:00:20Z"))
    );
    assert_eq!(app.get("/api/me/consents").token(token(&anna)).send().await.expect(200).body, told);
    let audited = app
        .sql("SELECT action, details FROM audit_events WHERE action LIKE 'consent.%' ORDER BY number")
        .await;
    assert_eq!(audited.len(), 4);
    assert_eq!(
        audited[3],
        json!({ "action": "consent.withdrawn", "details": { "kind": "marketing", "version": "v2" } })
    );
}

#[actix_web::test]
async fn one_decision_made_many_times_at_once_is_one_decision_and_none_is_written_over() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    join_all((0..20).map(|_| decide(&app, &anna, "terms", "v1", true))).await;
    assert_eq!(app.sql("SELECT number FROM consent_decisions").await.len(), 1);
    let may = "SELECT has_table_privilege('auth_rt', 'consent_decisions', 'UPDATE') AS alter";
    assert_eq!(app.sql(may).await[0]["alter"], false);
    for body in [
        json!({ "kind": "soul", "version": "v1", "granted": true }),
        json!({ "kind": "terms", "version": "", "granted": true }),
    ] {
        app.put("/api/me/consents")
            .token(token(&anna))
            .json(&body)
            .send()
            .await
            .expect_problem(422, "invalid_fields");
    }
}

/// Each is kept for good, so nobody may make them without end.
#[actix_web::test]
async fn decisions_of_one_account_are_limited() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    for turn in 0..30 {
        decide(&app, &anna, "marketing", "v1", turn % 2 == 0).await;
    }
    let body = json!({ "kind": "marketing", "version": "v1", "granted": true });
    let refused = app.put("/api/me/consents").token(token(&anna)).json(&body).send().await;
    refused.expect_problem(429, "too_many_requests");
    assert_eq!(app.sql("SELECT number FROM consent_decisions").await.len(), 30);
}

/// A service that tells one thing it keeps, in the name of `service`.
async fn telling(service: &str) -> FakePeer {
    let peer = FakePeer::start().await;
    let entry = json!({
        "service": service, "data": "things.name", "purpose": "a test", "basis": "contract", "retention": "one day",
    });
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "items": [entry], "recipients": [] }));
    peer.on("GET", "^/internal/v1/privacy/processing$", answer).await;
    peer
}

#[actix_web::test]
async fn every_column_says_whether_it_is_about_people() {
    assert_columns_are_annotated(&TestApp::<Auth>::start().await).await;
}

#[actix_web::test]
async fn the_register_tells_what_every_service_keeps_and_why() {
    let (booking, credits, notify) =
        (telling("booking").await, telling("credits").await, telling("notify").await);
    let app = with_peers(&[("booking", &booking), ("credits", &credits), ("notify", &notify)]).await;
    let register = app.get("/api/auth/processing-register").send().await.expect(200).body;
    let items = register["items"].as_array().unwrap();
    let mut services: Vec<_> = items.iter().map(|item| text(item, "service")).collect();
    services.dedup();
    assert_eq!(services, ["auth", "booking", "credits", "notify"]);
    let email = items.iter().find(|item| item["data"] == "users.email").unwrap();
    assert_eq!((text(email, "basis"), text(email, "retention")), ("contract", "until the account is erased"));
    assert_eq!(text(items.last().unwrap(), "data"), "things.name");
}

#[actix_web::test]
async fn a_register_without_a_service_is_none() {
    let (booking, notify) = (telling("booking").await, telling("notify").await);
    let app = with_peers(&[("booking", &booking), ("notify", &notify)]).await;
    let answer = app.get("/api/auth/processing-register").send().await;
    let answer = answer.expect_problem(503, "register_incomplete");
    assert!(text(&answer.body, "detail").contains("credits"), "{:#}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));

    // One that answers for another is as good as none.
    let impostor = telling("booking").await;
    let app = with_peers(&[("booking", &booking), ("credits", &impostor), ("notify", &notify)]).await;
    let answer = app.get("/api/auth/processing-register").send().await;
    let answer = answer.expect_problem(503, "register_incomplete");
    assert!(text(&answer.body, "detail").contains("credits"));
}
