//! What the application is told, and how.

use std::collections::HashMap;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Received};
use crate::harness::{Sim, WEBHOOK_SECRET, eventually};

/// Checks the signature with another implementation of HMAC than the one that made it.
fn verify(received: &Received) -> i64 {
    let (time, signature) = received.signature.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes());
    let signed = format!("{time}.{}", received.body);
    hmac::verify(&key, signed.as_bytes(), &hex::decode(signature).unwrap()).unwrap();
    time.parse().unwrap()
}

async fn deliveries(sim: &Sim) -> Vec<Value> {
    let list = sim.get("/sim/deliveries").await.ok();
    list["items"].as_array().unwrap().clone()
}

/// Waits until every event was taken.
async fn all_taken(sim: &Sim) -> Vec<Value> {
    eventually("every event is taken", async || {
        let items = deliveries(sim).await;
        items.iter().all(|item| item["state"] == "delivered").then_some(items)
    })
    .await
}

#[tokio::test]
async fn a_payment_is_told_with_events_that_are_signed_and_whole() {
    let endpoint = Endpoint::start().await;
    let sim = Sim::sending_to(&endpoint).await;
    let session = sim.session(&[("metadata[payment]", "7")]).await;
    sim.pay(&session, "card").await.ok();
    let received = endpoint.wait_for(4).await;
    let now = sim.now().await;
    for one in &received {
        assert!((now - verify(one)).abs() < 60);
        assert_eq!(one.content_type, "application/json; charset=utf-8");
        let event = one.event();
        assert_eq!(event["object"], "event");
        assert_eq!(event["api_version"], "2026-09-30.endive");
        assert_eq!(event["livemode"], false);
        assert_eq!(event["pending_webhooks"], 1);
        assert!(event["id"].as_str().unwrap().starts_with("evt_"));
    }
    let completed = received[3].event();
    assert_eq!(completed["type"], "checkout.session.completed");
    let object = &completed["data"]["object"];
    assert_eq!(object["id"], session["id"]);
    assert_eq!(object["payment_status"], "paid");
    assert_eq!(object["metadata"]["payment"], "7");

    all_taken(&sim).await;
    let id = completed["id"].as_str().unwrap();
    let stored = sim.get(&format!("/v1/events/{id}")).await.ok();
    assert_eq!(stored["pending_webhooks"], 0);
    assert_eq!(&stored["data"]["object"], object);
}

#[tokio::test]
async fn a_refused_event_is_sent_again_until_it_is_taken() {
    let endpoint = Endpoint::answering(&[500, 404, 302]).await;
    let sim = Sim::sending_to(&endpoint).await;
    let session = sim.session(&[]).await;
    let id = session["id"].as_str().unwrap();
    sim.control(&format!("/sim/checkout/{id}/expire"), json!({})).await.ok();
    let received = endpoint.wait_for(4).await;
    let ids: Vec<Value> = received.iter().map(|one| one.event()["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    let items = all_taken(&sim).await;
    assert_eq!(items[0]["failures"], 3);
    let statuses: Vec<&Value> =
        items[0]["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [500, 404, 302, 200]);
}

#[tokio::test]
async fn events_that_nobody_took_can_be_listed_and_are_given_up_after_three_days() {
    let sim = Sim::start_with(&[
        // Nothing listens on the discard port of the loopback.
        ("STRIPE_SIM_WEBHOOK_URL", "http://127.0.0.1:9/hook"),
        ("STRIPE_SIM_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("STRIPE_SIM_WEBHOOK_RETRY_MS", "20"),
    ])
    .await;
    sim.paid_session().await;
    eventually("every event was tried", async || {
        let items = deliveries(&sim).await;
        items.iter().all(|item| item["failures"].as_u64().unwrap() > 0).then_some(())
    })
    .await;
    let failed = sim.get("/v1/events?delivery_success=false").await.ok();
    assert_eq!(failed["data"].as_array().unwrap().len(), 4);
    let taken = sim.get("/v1/events?delivery_success=true").await.ok();
    assert_eq!(taken["data"].as_array().unwrap().len(), 0);

    sim.advance(3 * 24 * 3600 + 1).await;
    eventually("every event is given up", async || {
        let items = deliveries(&sim).await;
        items.iter().all(|item| item["state"] == "abandoned").then_some(())
    })
    .await;
    let failed = sim.get("/v1/events?delivery_success=false").await.ok();
    assert_eq!(failed["data"].as_array().unwrap().len(), 4);
    assert_eq!(failed["data"][0]["pending_webhooks"], 1);
    sim.advance(27 * 24 * 3600).await;
    let old = sim.get("/v1/events").await.ok();
    assert_eq!(old["data"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn copies_and_disorder_come_on_request_and_repeat_with_the_seed() {
    let mut orders = Vec::new();
    for seed in [3, 3, 4] {
        let endpoint = Endpoint::start().await;
        let sim = Sim::sending_to(&endpoint).await;
        let settings = json!({ "duplicates": 2, "shuffle": true, "seed": seed });
        sim.control("/sim/deliveries", settings).await.ok();
        sim.paid_session().await;
        endpoint.wait_for(12).await;
        let types = endpoint.types();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for name in &types {
            *counts.entry(name.as_str()).or_default() += 1;
        }
        assert!(counts.values().all(|count| *count == 3), "{counts:?}");
        orders.push(types);
    }
    assert_eq!(orders[0], orders[1]);
    assert_ne!(orders[0], orders[2]);
}

#[tokio::test]
async fn nothing_goes_out_while_paused_and_everything_afterwards() {
    let endpoint = Endpoint::start().await;
    let sim = Sim::sending_to(&endpoint).await;
    sim.control("/sim/deliveries", json!({ "paused": true })).await.ok();
    sim.paid_session().await;
    sim.paid_session().await;
    assert_eq!(endpoint.received().len(), 0);
    sim.control("/sim/deliveries", json!({ "paused": false })).await.ok();
    assert_eq!(endpoint.wait_for(8).await.len(), 8);
}

#[tokio::test]
async fn lost_attempts_are_made_good() {
    let endpoint = Endpoint::start().await;
    let sim = Sim::sending_to(&endpoint).await;
    sim.control("/sim/deliveries", json!({ "drop_first": 3 })).await.ok();
    sim.paid_session().await;
    let items = all_taken(&sim).await;
    let failures: u64 = items.iter().map(|item| item["failures"].as_u64().unwrap()).sum();
    assert_eq!(failures, 3);
    assert_eq!(endpoint.received().len(), 4);
}

#[tokio::test]
async fn one_event_is_sent_as_often_as_a_test_wants() {
    let endpoint = Endpoint::start().await;
    let sim = Sim::sending_to(&endpoint).await;
    sim.control("/sim/deliveries", json!({ "paused": true })).await.ok();
    let session = sim.session(&[]).await;
    sim.pay(&session, "card").await.ok();
    let events = sim.get("/v1/events?type=checkout.session.completed").await.ok();
    let id = events["data"][0]["id"].as_str().unwrap();
    let path = format!("/sim/events/{id}/deliver");
    let sent = sim.control(&path, json!({ "times": 50, "parallel": 20 })).await.ok();
    assert_eq!(sent["answers"].as_array().unwrap().len(), 50);
    let received = endpoint.received();
    assert_eq!(received.len(), 50);
    assert!(received.iter().all(|one| one.event()["id"] == id));
    received.iter().for_each(|one| {
        verify(one);
    });
    assert_eq!(sim.control("/sim/events/evt_x/deliver", json!({})).await.status, 404);
}

#[tokio::test]
async fn a_signature_carries_the_wall_time_when_the_clock_was_advanced() {
    let endpoint = Endpoint::start().await;
    let sim = Sim::sending_to(&endpoint).await;
    let wall = sim.now().await;
    sim.advance(7200).await;
    sim.paid_session().await;
    let received = endpoint.wait_for(4).await;
    assert!((verify(&received[0]) - wall).abs() < 60);
    assert!(received[0].event()["created"].as_i64().unwrap() >= wall + 7200);
}
