//! Refunds, and that they never exceed what was paid.

use serde_json::{Value, json};

use crate::harness::Sim;

fn charge_of(session: &Value) -> &str {
    session["payment_intent"]["latest_charge"]["id"].as_str().unwrap()
}

async fn charge(sim: &Sim, id: &str) -> Value {
    sim.get(&format!("/v1/charges/{id}")).await.ok()
}

#[tokio::test]
async fn refunds_add_up_to_the_payment_and_no_further() {
    let sim = Sim::start().await;
    let paid = sim.paid_session().await;
    let id = charge_of(&paid);
    let part = sim.post("/v1/refunds", &[("charge", id), ("amount", "700")]).await.ok();
    assert_eq!(part["status"], "succeeded");
    assert_eq!(charge(&sim, id).await["amount_refunded"], 700);
    assert_eq!(charge(&sim, id).await["refunded"], false);
    let error = sim.post("/v1/refunds", &[("charge", id), ("amount", "1201")]).await.refusal(400);
    assert_eq!(error["param"], "amount");

    let intent = paid["payment_intent"]["id"].as_str().unwrap();
    let rest = sim
        .post("/v1/refunds", &[("payment_intent", intent), ("reason", "requested_by_customer")])
        .await
        .ok();
    assert_eq!(rest["amount"], 1200);
    assert_eq!(charge(&sim, id).await["refunded"], true);
    let error = sim.post("/v1/refunds", &[("charge", id)]).await.refusal(400);
    assert_eq!(error["code"], "charge_already_refunded");

    let list = sim.get(&format!("/v1/refunds?charge={id}")).await.ok();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    let one = rest["id"].as_str().unwrap();
    assert_eq!(sim.get(&format!("/v1/refunds/{one}")).await.ok(), rest);
}

#[tokio::test]
async fn thirty_refunds_at_once_stay_within_the_payment() {
    let sim = Sim::start().await;
    let paid = sim.paid_session().await;
    let id = charge_of(&paid);
    let form = [("charge", id), ("amount", "100")];
    let refunds = (0..30).map(|_| sim.post("/v1/refunds", &form));
    let replies = futures_util::future::join_all(refunds).await;
    let made = replies.iter().filter(|reply| reply.status.is_success());
    assert_eq!(made.count(), 19);
    assert_eq!(charge(&sim, id).await["amount_refunded"], 1900);
}

#[tokio::test]
async fn a_refund_of_a_bank_debit_is_pending_and_gives_the_money_back_when_it_fails() {
    let sim = Sim::start().await;
    let session = sim.session(&[]).await;
    sim.pay(&session, "delayed").await.ok();
    let id = session["id"].as_str().unwrap();
    let paid =
        sim.control(&format!("/sim/checkout/{id}/settle"), json!({ "outcome": "succeeded" })).await.ok();
    let intent = paid["payment_intent"].as_str().unwrap();
    let refund = sim.post("/v1/refunds", &[("payment_intent", intent)]).await.ok();
    assert_eq!(refund["status"], "pending");
    assert_eq!(refund["pending_reason"], "processing");

    let settle = format!("/sim/refunds/{}/settle", refund["id"].as_str().unwrap());
    let failed = sim.control(&settle, json!({ "outcome": "failed" })).await.ok();
    assert_eq!(failed["status"], "failed");
    let charge_id = refund["charge"].as_str().unwrap();
    assert_eq!(charge(&sim, charge_id).await["amount_refunded"], 0);
    let again = sim.control(&settle, json!({ "outcome": "succeeded" })).await;
    assert_eq!(again.status, 409);

    let updated = sim.get("/v1/events?type=refund.updated").await.ok();
    let previous = &updated["data"][0]["data"]["previous_attributes"];
    assert_eq!(previous["status"], "pending");
    let failed = sim.get("/v1/events?type=refund.failed").await.ok();
    assert_eq!(failed["data"].as_array().unwrap().len(), 1);
    // The money is there to be refunded again.
    sim.post("/v1/refunds", &[("payment_intent", intent)]).await.ok();
}

#[tokio::test]
async fn the_event_of_a_refund_tells_the_amounts_before_and_after() {
    let sim = Sim::start().await;
    let paid = sim.paid_session().await;
    sim.post("/v1/refunds", &[("charge", charge_of(&paid)), ("amount", "700")]).await.ok();
    let events = sim.get("/v1/events?type=charge.refunded").await.ok();
    let data = &events["data"][0]["data"];
    assert_eq!(data["object"]["amount_refunded"], 700);
    assert_eq!(data["previous_attributes"], json!({ "amount_refunded": 0 }));
}

#[tokio::test]
async fn what_was_not_paid_is_not_refunded() {
    let sim = Sim::start().await;
    let session = sim.session(&[]).await;
    sim.pay(&session, "delayed").await.ok();
    let intents = sim.get("/v1/payment_intents").await.ok();
    let intent = intents["data"][0]["id"].as_str().unwrap();
    sim.post("/v1/refunds", &[("payment_intent", intent)]).await.refusal(400);
    let error = sim.post("/v1/refunds", &[("charge", "ch_x")]).await.refusal(400);
    assert_eq!(error["code"], "resource_missing");
    sim.post("/v1/refunds", &[]).await.refusal(400);
}
