//! Faults on request: refusals, lost answers, delays.

use serde_json::json;

use crate::harness::{Sim, session_form};

const PATH: &str = "/v1/checkout/sessions";

async fn count(sim: &Sim) -> usize {
    let list = sim.get(PATH).await.ok();
    list["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_refusal_comes_as_often_as_set_and_leaves_nothing() {
    let sim = Sim::start().await;
    sim.control("/sim/faults", json!({ "path": PATH, "method": "POST", "status": 503, "times": 2 }))
        .await
        .ok();
    for _ in 0..2 {
        let error = sim.post_with_key(PATH, &session_form(), "k1").await.refusal(503);
        assert_eq!(error["type"], "api_error");
    }
    assert_eq!(count(&sim).await, 0);
    sim.post_with_key(PATH, &session_form(), "k1").await.ok();
    assert_eq!(count(&sim).await, 1);
}

#[tokio::test]
async fn a_500_is_kept_under_the_key_even_when_the_work_was_done() {
    let sim = Sim::start().await;
    sim.control(
        "/sim/faults",
        json!({ "path": PATH, "method": "POST", "status": 500, "after_commit": true }),
    )
    .await
    .ok();
    sim.post_with_key(PATH, &session_form(), "k1").await.refusal(500);
    let replay = sim.post_with_key(PATH, &session_form(), "k1").await;
    replay.refusal(500);
    assert_eq!(replay.headers["idempotent-replayed"], "true");
    assert_eq!(count(&sim).await, 1);
}

#[tokio::test]
async fn a_lost_answer_is_found_again_with_its_key() {
    let sim = Sim::start().await;
    sim.control(
        "/sim/faults",
        json!({ "path": PATH, "method": "POST", "close": true, "after_commit": true }),
    )
    .await
    .ok();
    let lost = sim
        .request(reqwest::Method::POST, PATH)
        .header("Idempotency-Key", "k1")
        .form(&session_form())
        .send()
        .await;
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(count(&sim).await, 1);
    let replay = sim.post_with_key(PATH, &session_form(), "k1").await;
    replay.ok();
    assert_eq!(replay.headers["idempotent-replayed"], "true");
    assert_eq!(count(&sim).await, 1);
}

#[tokio::test]
async fn a_limit_is_refused_with_its_code() {
    let sim = Sim::start().await;
    sim.control("/sim/faults", json!({ "path": "/v1/events", "status": 429 })).await.ok();
    let error = sim.get("/v1/events").await.refusal(429);
    assert_eq!(error["code"], "rate_limit");
    sim.get("/v1/events").await.ok();
}

#[tokio::test]
async fn a_meaningless_fault_is_refused() {
    let sim = Sim::start().await;
    for fault in [
        json!({ "path": "/sim/x", "status": 500 }),
        json!({ "path": PATH, "status": 200 }),
        json!({ "path": PATH }),
    ] {
        assert_eq!(sim.control("/sim/faults", fault).await.status, 422);
    }
    let unknown = json!({ "path": PATH, "status": 500, "sometimes": true });
    assert_eq!(sim.control("/sim/faults", unknown).await.status, 400);
}
