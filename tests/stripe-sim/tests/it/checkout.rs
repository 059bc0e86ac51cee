//! Paying, expiring, and the page.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Sim};

async fn retrieved(sim: &Sim, session: &Value) -> Value {
    let id = session["id"].as_str().unwrap();
    sim.get(&format!("/v1/checkout/sessions/{id}")).await.ok()
}

async fn event_types(sim: &Sim) -> Vec<Value> {
    let list = sim.get("/v1/events?limit=100").await.ok();
    let mut types: Vec<Value> =
        list["data"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    types.reverse();
    types
}

#[tokio::test]
async fn a_card_pays_at_once_and_paying_again_changes_nothing() {
    let sim = Sim::start().await;
    let session = sim
        .session(&[
            ("client_reference_id", "payment-7"),
            ("metadata[payment]", "7"),
            ("payment_intent_data[metadata][payment]", "7"),
        ])
        .await;
    assert_eq!(session["status"], "open");
    assert_eq!(session["payment_status"], "unpaid");
    assert_eq!(session["payment_intent"], Value::Null);
    let id = session["id"].as_str().unwrap();
    assert_eq!(session["url"], format!("https://pay.example.test:8443/c/pay/{id}"));

    let first = sim.pay(&session, "card").await;
    assert_eq!(first.ok()["status"], "complete");
    let events = event_types(&sim).await;
    let again = sim.pay(&session, "delayed").await;
    assert_eq!(again.text, first.text);
    assert_eq!(event_types(&sim).await, events);
    assert_eq!(
        events,
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "checkout.session.completed",
        ]
    );

    let after = retrieved(&sim, &session).await;
    assert_eq!(after["payment_status"], "paid");
    assert_eq!(after["url"], Value::Null);
    assert_eq!(after["client_reference_id"], "payment-7");
    let intent = after["payment_intent"].as_str().unwrap();
    let intent = sim.get(&format!("/v1/payment_intents/{intent}")).await.ok();
    assert_eq!(intent["status"], "succeeded");
    assert_eq!(intent["amount_received"], 1900);
    assert_eq!(intent["metadata"], json!({ "payment": "7" }));
}

#[tokio::test]
async fn two_payers_at_once_make_one_payment() {
    let sim = Sim::start().await;
    let session = sim.session(&[]).await;
    let payments = (0..20).map(|_| sim.pay(&session, "card"));
    for reply in futures_util::future::join_all(payments).await {
        assert_eq!(reply.ok()["payment_status"], "paid");
    }
    let intents = sim.get("/v1/payment_intents").await.ok();
    assert_eq!(intents["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_declined_card_leaves_the_session_open_for_another_try() {
    let sim = Sim::start().await;
    let session = sim.session(&[]).await;
    let declined = sim.pay(&session, "declined").await;
    assert_eq!(declined.status, 402);
    assert_eq!(declined.json()["code"], "card_declined");
    let after = retrieved(&sim, &session).await;
    assert_eq!(after["status"], "open");
    let intent = after["payment_intent"].as_str().unwrap().to_owned();
    let shape = sim.get(&format!("/v1/payment_intents/{intent}")).await.ok();
    assert_eq!(shape["last_payment_error"]["code"], "card_declined");

    sim.pay(&session, "card").await.ok();
    let paid = retrieved(&sim, &session).await;
    assert_eq!(paid["payment_intent"], intent);
    let shape = sim.get(&format!("/v1/payment_intents/{intent}")).await.ok();
    assert_eq!(shape["last_payment_error"], Value::Null);
    assert_eq!(shape["status"], "succeeded");
    assert!(event_types(&sim).await.contains(&json!("payment_intent.payment_failed")));
}

#[tokio::test]
async fn a_delayed_payment_completes_unpaid_and_settles_either_way() {
    for (outcome, payment_status, session_event, intent_status) in [
        ("succeeded", "paid", "checkout.session.async_payment_succeeded", "succeeded"),
        ("failed", "unpaid", "checkout.session.async_payment_failed", "requires_payment_method"),
    ] {
        let sim = Sim::start().await;
        let session = sim.session(&[]).await;
        let paid = sim.pay(&session, "delayed").await.ok();
        assert_eq!(paid["status"], "complete");
        assert_eq!(paid["payment_status"], "unpaid");
        assert_eq!(event_types(&sim).await.last().unwrap(), "checkout.session.completed");

        let id = session["id"].as_str().unwrap();
        let settle = format!("/sim/checkout/{id}/settle");
        let settled = sim.control(&settle, json!({ "outcome": outcome })).await.ok();
        assert_eq!(settled["payment_status"], payment_status);
        assert_eq!(event_types(&sim).await.last().unwrap(), session_event);
        let intent = settled["payment_intent"].as_str().unwrap();
        let intent = sim.get(&format!("/v1/payment_intents/{intent}")).await.ok();
        assert_eq!(intent["status"], intent_status);

        let again = sim.control(&settle, json!({ "outcome": outcome })).await;
        assert_eq!(again.status, 409);
    }
}

#[tokio::test]
async fn a_session_expires_at_its_time_and_not_before() {
    let sim = Sim::start().await;
    let expires_at = (sim.now().await + 3600).to_string();
    let session = sim.session(&[("expires_at", &expires_at)]).await;
    sim.advance(3500).await;
    assert_eq!(retrieved(&sim, &session).await["status"], "open");
    sim.advance(101).await;
    let expired = retrieved(&sim, &session).await;
    assert_eq!(expired["status"], "expired");
    assert_eq!(expired["url"], Value::Null);
    assert_eq!(event_types(&sim).await, ["checkout.session.expired"]);

    let refused = sim.pay(&session, "card").await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["code"], "checkout_session_expired");
    assert!(refused.headers["content-type"].contains("problem+json"));
}

#[tokio::test]
async fn the_api_expires_an_open_session_and_refuses_any_other() {
    let sim = Sim::start().await;
    let session = sim.session(&[]).await;
    let id = session["id"].as_str().unwrap();
    let path = format!("/v1/checkout/sessions/{id}/expire");
    assert_eq!(sim.post(&path, &[]).await.ok()["status"], "expired");
    let error = sim.post(&path, &[]).await.refusal(400);
    assert!(error["message"].as_str().unwrap().contains("expired"));

    let paid = sim.paid_session().await;
    let id = paid["id"].as_str().unwrap();
    sim.post(&format!("/v1/checkout/sessions/{id}/expire"), &[]).await.refusal(400);
    let control = sim.control(&format!("/sim/checkout/{id}/expire"), json!({})).await;
    assert_eq!(control.status, 409);
}

#[tokio::test]
async fn events_tell_which_call_caused_them() {
    let sim = Sim::start().await;
    let session = sim.session(&[]).await;
    let id = session["id"].as_str().unwrap();
    let reply = sim.post_with_key(&format!("/v1/checkout/sessions/{id}/expire"), &[], "k9").await;
    let event = sim.get("/v1/events?type=checkout.session.expired").await.ok();
    let request = &event["data"][0]["request"];
    assert_eq!(request["id"], reply.headers["request-id"].as_str());
    assert_eq!(request["idempotency_key"], "k9");

    sim.paid_session().await;
    let event = sim.get("/v1/events?type=checkout.session.*").await.ok();
    assert_eq!(event["data"][0]["request"]["id"], Value::Null);
}

#[tokio::test]
async fn a_browser_sees_the_amount_pays_and_is_sent_on() {
    let sim = Sim::start().await;
    let session = sim
        .session(&[
            ("locale", "fr"),
            ("line_items[1][quantity]", "2"),
            ("line_items[1][price_data][currency]", "eur"),
            ("line_items[1][price_data][unit_amount]", "250"),
            ("line_items[1][price_data][product_data][name]", "<b>Tapis</b>"),
        ])
        .await;
    let id = session["id"].as_str().unwrap();
    let page = Reply::of(sim.client.get(format!("{}/c/pay/{id}", sim.url))).await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-type"].starts_with("text/html"));
    for expected in ["24.00 EUR", "lang=\"fr\"", "&lt;b&gt;Tapis", "https://app.example.test/cancelled"] {
        assert!(page.text.contains(expected), "{expected}");
    }
    assert!(!page.text.contains("<b>Tapis"));

    let press = |method: &'static str| {
        sim.client
            .request(Method::POST, format!("{}/sim/checkout/{id}/pay", sim.url))
            .header("Accept", "text/html,*/*;q=0.8")
            .form(&[("method", method)])
    };
    let declined = Reply::of(press("declined")).await;
    assert_eq!(declined.status, 402);
    assert!(declined.text.contains("role=\"alert\""));
    let paid = Reply::of(press("card")).await;
    assert_eq!(paid.status, 303);
    assert_eq!(paid.headers["location"], format!("https://app.example.test/paid?session={id}"));
    let done = Reply::of(sim.client.get(format!("{}/c/pay/{id}", sim.url))).await;
    assert!(!done.text.contains("<form"));
    let unknown = Reply::of(sim.client.get(format!("{}/c/pay/cs_test_x", sim.url))).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_call_without_a_body_pays_by_card() {
    let sim = Sim::start().await;
    let session = sim.session(&[]).await;
    let id = session["id"].as_str().unwrap();
    let bare = sim.client.post(format!("{}/sim/checkout/{id}/pay", sim.url));
    assert_eq!(Reply::of(bare).await.ok()["payment_status"], "paid");
}

#[tokio::test]
async fn a_method_that_the_session_does_not_take_is_refused() {
    let sim = Sim::start().await;
    let session = sim.session(&[("payment_method_types[0]", "card")]).await;
    assert_eq!(sim.pay(&session, "delayed").await.status, 422);
    assert_eq!(sim.pay(&session, "telepathy").await.status, 400);
    assert_eq!(retrieved(&sim, &session).await["status"], "open");
}
