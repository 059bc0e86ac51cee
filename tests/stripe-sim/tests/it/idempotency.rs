//! Idempotency keys.

use serde_json::json;

use crate::harness::{Sim, session_form};

const PATH: &str = "/v1/checkout/sessions";

async fn count_sessions(sim: &Sim) -> usize {
    let list = sim.get("/v1/checkout/sessions?limit=100").await.ok();
    list["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_key_and_body_give_the_same_bytes_and_one_object() {
    let sim = Sim::start().await;
    let first = sim.post_with_key(PATH, &session_form(), "k1").await;
    let mut reordered = session_form();
    reordered.reverse();
    let second = sim.post_with_key(PATH, &reordered, "k1").await;
    first.ok();
    assert_eq!(first.text, second.text);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(second.headers["idempotency-key"], "k1");
    assert_eq!(second.headers["original-request"], first.headers["request-id"]);
    assert_ne!(second.headers["request-id"], first.headers["request-id"]);
    assert_eq!(count_sessions(&sim).await, 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_or_path_is_an_idempotency_error() {
    let sim = Sim::start().await;
    sim.post_with_key(PATH, &session_form(), "k1").await.ok();
    let other = [session_form(), vec![("metadata[a]", "1")]].concat();
    let error = sim.post_with_key(PATH, &other, "k1").await.refusal(400);
    assert_eq!(error["type"], "idempotency_error");
    let error = sim.post_with_key("/v1/customers", &session_form(), "k1").await.refusal(400);
    assert_eq!(error["type"], "idempotency_error");
    assert_eq!(count_sessions(&sim).await, 1);
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict_and_free_again_afterwards() {
    let sim = Sim::start().await;
    sim.control("/sim/faults", json!({ "path": PATH, "delay_ms": 1000 })).await.ok();
    let form = session_form();
    let second = async {
        crate::harness::eventually("the first call is under way", async || {
            let faults = sim.get("/sim/faults").await.ok();
            faults["pending"].as_array().unwrap().is_empty().then_some(())
        })
        .await;
        sim.post_with_key(PATH, &form, "k1").await
    };
    let (slow, conflict) = tokio::join!(sim.post_with_key(PATH, &form, "k1"), second);
    assert_eq!(conflict.refusal(409)["code"], "idempotency_key_in_use");
    let replay = sim.post_with_key(PATH, &form, "k1").await;
    assert_eq!(replay.ok()["id"], slow.ok()["id"]);
    assert_eq!(count_sessions(&sim).await, 1);
}

#[tokio::test]
async fn a_refusal_of_parameters_leaves_the_key_free_and_one_of_the_work_does_not() {
    let sim = Sim::start().await;
    sim.post_with_key(PATH, &[("mode", "payment")], "k1").await.refusal(400);
    sim.post_with_key(PATH, &session_form(), "k1").await.ok();

    let paid = sim.paid_session().await;
    let charge = paid["payment_intent"]["latest_charge"]["id"].as_str().unwrap();
    let too_much = [("charge", charge), ("amount", "999999")];
    let first = sim.post_with_key("/v1/refunds", &too_much, "k2").await;
    first.refusal(400);
    let second = sim.post_with_key("/v1/refunds", &too_much, "k2").await;
    assert_eq!(second.refusal(400)["param"], "amount");
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(first.text, second.text);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let sim = Sim::start().await;
    let first = sim.post_with_key(PATH, &session_form(), "k1").await.ok();
    sim.advance(24 * 3600 - 60).await;
    let replay = sim.post_with_key(PATH, &session_form(), "k1").await.ok();
    assert_eq!(replay["id"], first["id"]);
    sim.advance(120).await;
    let later = sim.post_with_key(PATH, &session_form(), "k1").await.ok();
    assert_ne!(later["id"], first["id"]);
}

#[tokio::test]
async fn fifty_calls_with_one_key_make_one_object() {
    let sim = Sim::start().await;
    let form = session_form();
    let calls = (0..50).map(|_| sim.post_with_key(PATH, &form, "k1"));
    let replies = futures_util::future::join_all(calls).await;
    let ids: std::collections::BTreeSet<String> = replies
        .iter()
        .filter(|reply| reply.status.is_success())
        .map(|reply| reply.json()["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1);
    assert!(replies.iter().all(|reply| reply.status.is_success() || reply.status == 409));
    assert_eq!(count_sessions(&sim).await, 1);
}

#[tokio::test]
async fn keys_that_are_empty_or_too_long_are_refused() {
    let sim = Sim::start().await;
    for key in ["", &"k".repeat(256)] {
        sim.post_with_key(PATH, &session_form(), key).await.refusal(400);
    }
    sim.post_with_key(PATH, &session_form(), &"k".repeat(255)).await.ok();
}
