//! Keys, errors, lists and expansion.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Sim, session_form};

#[tokio::test]
async fn only_the_right_key_is_let_in_by_either_scheme() {
    let sim = Sim::start().await;
    let url = format!("{}/v1/events", sim.url);
    let bare = Reply::of(sim.client.get(&url)).await;
    assert_eq!(bare.refusal(401)["type"], "invalid_request_error");
    assert!(bare.headers["www-authenticate"].starts_with("Basic"));
    assert!(bare.headers["request-id"].starts_with("req_"));

    let wrong = Reply::of(sim.client.get(&url).bearer_auth("sk_test_wrong_key_1234")).await;
    let message = wrong.refusal(401)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("****1234") && !message.contains("wrong"), "{message}");

    let basic = sim.client.get(&url).basic_auth(crate::harness::API_KEY, None::<&str>);
    Reply::of(basic).await.ok();
}

#[tokio::test]
async fn every_answer_carries_a_request_id_and_the_version_that_was_asked_for() {
    let sim = Sim::start().await;
    let first = sim.get("/v1/events").await;
    let second = sim.get("/v1/events").await;
    assert_ne!(first.headers["request-id"], second.headers["request-id"]);
    assert_eq!(first.headers["stripe-version"], "2026-09-30.endive");
    let other = sim.request(Method::GET, "/v1/events").header("Stripe-Version", "2025-01-27.acacia");
    assert_eq!(Reply::of(other).await.headers["stripe-version"], "2025-01-27.acacia");
}

#[tokio::test]
async fn what_does_not_exist_is_refused_in_the_envelope() {
    let sim = Sim::start().await;
    for (path, param) in [
        ("/v1/checkout/sessions/cs_test_x", "session"),
        ("/v1/payment_intents/pi_x", "intent"),
        ("/v1/charges/ch_x", "id"),
        ("/v1/refunds/re_x", "id"),
        ("/v1/customers/cus_x", "id"),
        ("/v1/events/evt_x", "id"),
    ] {
        let error = sim.get(path).await.refusal(404);
        assert_eq!(error["code"], "resource_missing", "{path}");
        assert_eq!(error["param"], param, "{path}");
    }
    for (method, path) in
        [(Method::GET, "/v1/nonsense"), (Method::DELETE, "/v1/events"), (Method::POST, "/v1/charges/ch_x")]
    {
        let reply = Reply::of(sim.request(method, path)).await;
        let error = reply.refusal(404);
        assert_eq!(error["type"], "invalid_request_error", "{path}");
    }
}

#[tokio::test]
async fn a_session_is_refused_with_the_parameter_that_is_wrong() {
    let sim = Sim::start().await;
    for (name, value, param, code) in [
        ("mode", "subscription", "mode", None),
        ("mode", "", "mode", Some("parameter_invalid_empty")),
        ("success_url", "nowhere", "success_url", Some("url_invalid")),
        ("line_items[0][quantity]", "0", "line_items[0][quantity]", Some("parameter_invalid_integer")),
        ("line_items[0][price_data][currency]", "zzz", "line_items[0][price_data][currency]", None),
        (
            "line_items[0][price_data][unit_amount]",
            "12.5",
            "line_items[0][price_data][unit_amount]",
            Some("parameter_invalid_integer"),
        ),
        ("expires_at", "1", "expires_at", None),
        ("customer", "cus_x", "customer", Some("resource_missing")),
        ("subscription_data[x]", "1", "subscription_data", Some("parameter_unknown")),
    ] {
        let mut form = session_form();
        form.retain(|(key, _)| *key != name);
        form.push((name, value));
        let error = sim.post("/v1/checkout/sessions", &form).await.refusal(400);
        assert_eq!(error["param"], param, "{error}");
        assert_eq!(error["code"].as_str(), code, "{error}");
    }
    for missing in ["mode", "success_url", "line_items[0][price_data][currency]"] {
        let mut form = session_form();
        form.retain(|(key, _)| *key != missing);
        let error = sim.post("/v1/checkout/sessions", &form).await.refusal(400);
        assert_eq!(error["code"], "parameter_missing", "{error}");
        assert_eq!(error["param"], missing);
    }
}

#[tokio::test]
async fn amounts_below_the_minimum_of_their_currency_are_refused() {
    let sim = Sim::start().await;
    for (currency, amount, accepted) in [
        ("eur", "49", false),
        ("eur", "50", true),
        ("jpy", "49", false),
        ("jpy", "50", true),
        ("kwd", "1005", false),
        ("kwd", "1000", true),
    ] {
        let mut form = session_form();
        form.retain(|(key, _)| !key.ends_with("[currency]") && !key.ends_with("[unit_amount]"));
        form.push(("line_items[0][price_data][currency]", currency));
        form.push(("line_items[0][price_data][unit_amount]", amount));
        let reply = sim.post("/v1/checkout/sessions", &form).await;
        assert_eq!(reply.status.is_success(), accepted, "{currency} {amount}");
    }
}

#[tokio::test]
async fn a_list_is_walked_in_both_directions_without_gaps() {
    let sim = Sim::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, sim.session(&[]).await["id"].clone());
    }
    let url = "/v1/checkout/sessions?limit=2";
    let first = sim.get(url).await.ok();
    assert_eq!(ids_of(&first), ids[..2]);
    assert_eq!(first["has_more"], true);
    assert_eq!(first["url"], "/v1/checkout/sessions");
    let last = ids[1].as_str().unwrap();
    let second = sim.get(&format!("{url}&starting_after={last}")).await.ok();
    assert_eq!(ids_of(&second), ids[2..4]);
    let last = ids[3].as_str().unwrap();
    let third = sim.get(&format!("{url}&starting_after={last}")).await.ok();
    assert_eq!(ids_of(&third), ids[4..]);
    assert_eq!(third["has_more"], false);
    let back = sim.get(&format!("{url}&ending_before={last}")).await.ok();
    assert_eq!(ids_of(&back), ids[1..3]);
    assert_eq!(back["has_more"], true);
    let error = sim.get("/v1/checkout/sessions?limit=0").await.refusal(400);
    assert_eq!(error["param"], "limit");
}

fn ids_of(list: &Value) -> Vec<Value> {
    let rows = list["data"].as_array().unwrap();
    rows.iter().map(|row| row["id"].clone()).collect()
}

#[tokio::test]
async fn sessions_are_found_by_status_payment_and_time() {
    let sim = Sim::start().await;
    let open = sim.session(&[]).await;
    let paid = sim.paid_session().await;
    let complete = sim.get("/v1/checkout/sessions?status=complete").await.ok();
    assert_eq!(ids_of(&complete), [paid["id"].clone()]);
    let intent = paid["payment_intent"]["id"].as_str().unwrap();
    let by_intent = sim.get(&format!("/v1/checkout/sessions?payment_intent={intent}")).await.ok();
    assert_eq!(ids_of(&by_intent), [paid["id"].clone()]);
    let created = open["created"].as_i64().unwrap();
    let none = sim.get(&format!("/v1/checkout/sessions?created[lt]={created}")).await.ok();
    assert_eq!(ids_of(&none), Vec::<Value>::new());
    let both = sim.get(&format!("/v1/checkout/sessions?created[gte]={created}")).await.ok();
    assert_eq!(ids_of(&both).len(), 2);
}

#[tokio::test]
async fn expansion_puts_objects_in_the_place_of_their_ids() {
    let sim = Sim::start().await;
    let paid = sim.paid_session().await;
    assert_eq!(paid["payment_intent"]["object"], "payment_intent");
    assert_eq!(paid["payment_intent"]["latest_charge"]["object"], "charge");
    assert!(paid.get("line_items").is_none());

    let list =
        sim.get("/v1/checkout/sessions?expand[]=data.line_items&expand[]=data.payment_intent").await.ok();
    assert_eq!(list["data"][0]["line_items"]["data"][0]["amount_total"], 1900);
    assert_eq!(list["data"][0]["payment_intent"]["amount_received"], 1900);

    let id = paid["id"].as_str().unwrap();
    let path = format!("/v1/checkout/sessions/{id}?expand[]=nonsense");
    assert_eq!(sim.get(&path).await.refusal(400)["param"], "expand");
    let items = sim.get(&format!("/v1/checkout/sessions/{id}/line_items")).await.ok();
    assert_eq!(items["data"][0]["description"], "Ten credits");
    assert_eq!(items["data"][0]["price"]["unit_amount"], 1900);
}

#[tokio::test]
async fn a_customer_keeps_what_was_said_and_belongs_to_the_payment() {
    let sim = Sim::start().await;
    let customer =
        sim.post("/v1/customers", &[("email", "lea@example.test"), ("metadata[member]", "m1")]).await.ok();
    let id = customer["id"].as_str().unwrap();
    assert_eq!(sim.get(&format!("/v1/customers/{id}")).await.ok(), customer);
    assert_eq!(customer["metadata"], json!({ "member": "m1" }));

    let session = sim.session(&[("customer", id)]).await;
    sim.pay(&session, "card").await.ok();
    let intents = sim.get(&format!("/v1/payment_intents?customer={id}")).await.ok();
    assert_eq!(intents["data"].as_array().unwrap().len(), 1);
    assert_eq!(intents["data"][0]["customer"], id);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let sim = Sim::start().await;
    let request = sim.request(Method::POST, "/v1/customers").json(&json!({ "email": "lea@example.test" }));
    let reply = Reply::of(request).await;
    assert_eq!(reply.refusal(400)["type"], "invalid_request_error");
}
