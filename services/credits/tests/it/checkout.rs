//! Buying: from the request to the credits in the wallet.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::Role;
use uuid::Uuid;

use crate::harness::Studio;

#[actix_web::test]
async fn a_paid_checkout_puts_the_credits_into_the_wallet_and_tells_the_others() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let opened = studio.checkout(&anna, &package, "k").await.expect(201);
    let (payment, session) = (opened.text("paymentId"), opened.text("checkoutSessionId"));
    assert_eq!(opened.text("checkoutUrl"), format!("https://pay.shinkofa.localhost:8443/c/pay/{session}"));
    assert_eq!(studio.payment_status(&anna, &payment).await, "open");
    studio.deliver_events().await;
    assert_eq!(studio.available(&anna).await, 0);

    studio.pay(&session, "card").await;
    studio.deliver_events().await;
    let paid = studio.payment(&anna, &payment).await;
    assert_eq!(paid["status"], "paid");
    assert_eq!(paid["checkoutUrl"], Value::Null);
    let wallet = studio.wallet(&anna).await;
    let expiry = (studio.now() + TimeDelta::days(90)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert_eq!((&wallet["available"], &wallet["held"]), (&json!(10), &json!(0)));
    assert_eq!(wallet["lots"][0]["expiresAt"], expiry);
    assert_eq!(wallet["lots"][0]["source"], "payment");
    assert_eq!(studio.transactions(&anna).await, [("purchase".to_owned(), 10)]);
    let events = studio.app.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "payment.paid");
    assert_eq!(events[0]["data"]["lotId"], wallet["lots"][0]["id"]);
    studio.close().await;
}

#[actix_web::test]
async fn stripe_is_told_whose_payment_it_is_and_sends_the_payer_back_to_us() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let opened = studio.checkout(&anna, &package, "k").await.expect(201);
    let (payment, session) = (opened.text("paymentId"), opened.text("checkoutSessionId"));
    let told = studio.stripe(Method::GET, &format!("/v1/checkout/sessions/{session}"), Value::Null).await;
    assert_eq!(told["client_reference_id"], payment.as_str());
    assert_eq!(told["metadata"]["shinkofa_payment"], payment.as_str());
    assert_eq!(told["metadata"]["shinkofa_tenant"], anna.tenant_id.to_string());
    assert_eq!((&told["amount_total"], &told["currency"]), (&json!(8000), &json!("eur")));
    let back = format!("https://app.shinkofa.localhost:8443/payment/{payment}?checkout=success");
    assert_eq!(told["success_url"], back);
    studio.close().await;
}

#[actix_web::test]
async fn a_repeated_checkout_is_one_payment_and_another_body_under_its_key_is_refused() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let first = studio.checkout(&anna, &package, "k").await.expect(201);
    let second = studio.checkout(&anna, &package, "k").await.expect(201);
    assert_eq!(first.body, second.body);
    assert_eq!(second.headers["idempotent-replayed"], "true");
    let other = studio.package().await;
    studio.checkout(&anna, &other, "k").await.expect_problem(422, "idempotency_key_reused");
    let body = json!({ "packageId": package });
    let unkeyed = studio.app.post("/api/payment/checkout").bearer(&anna).json(&body).send().await;
    unkeyed.expect_problem(400, "idempotency_key_required");
    // The key is the buyer's own.
    let ben = studio.app.user(Role::Member);
    assert_ne!(
        studio.checkout(&ben, &package, "k").await.expect(201).text("paymentId"),
        first.text("paymentId")
    );
    assert_eq!(studio.app.sql("SELECT id FROM payments").await.len(), 2);
    studio.close().await;
}

#[actix_web::test]
async fn at_once_repeated_checkouts_open_one_session() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let answers =
        futures_util::future::join_all((0..20).map(|_| studio.checkout(&anna, &package, "k"))).await;
    let mut sessions = Vec::new();
    for answer in answers {
        match answer.status {
            201 => sessions.push(answer.text("checkoutSessionId")),
            _ => drop(answer.expect_problem(409, "request_in_progress")),
        }
    }
    sessions.dedup();
    assert_eq!(sessions.len(), 1);
    assert_eq!(studio.app.sql("SELECT id FROM payments").await.len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn a_package_that_is_not_there_cannot_be_bought() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    let unknown = Uuid::from_u128(7).to_string();
    studio.checkout(&anna, &unknown, "k").await.expect_problem(404, "not_found");
    assert!(studio.app.sql("SELECT id FROM payments").await.is_empty());
    studio.close().await;
}

#[actix_web::test]
async fn while_stripe_is_down_the_buyer_is_told_and_the_same_request_succeeds_later() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let fault = json!({ "path": "/v1/checkout/sessions", "status": 503, "times": 1 });
    studio.stripe(Method::POST, "/sim/faults", fault).await;
    studio.checkout(&anna, &package, "k").await.expect_problem(503, "stripe_unavailable");
    studio.checkout(&anna, &package, "k").await.expect(201);
    assert_eq!(studio.app.sql("SELECT id FROM payments").await.len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn an_answer_lost_on_its_way_is_fetched_by_the_repair_under_the_same_key() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let fault = json!({ "path": "/v1/checkout/sessions", "close": true, "after_commit": true, "times": 1 });
    studio.stripe(Method::POST, "/sim/faults", fault).await;
    studio.checkout(&anna, &package, "k").await.expect_problem(503, "stripe_unavailable");
    studio.app.advance(TimeDelta::minutes(1));
    studio.app.run_jobs().await;
    let sessions = studio.stripe(Method::GET, "/v1/checkout/sessions", Value::Null).await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1);
    // The repair stored the buyer's answer too.
    let opened = studio.checkout(&anna, &package, "k").await.expect(201);
    assert_eq!(opened.headers["idempotent-replayed"], "true");
    assert_eq!(opened.text("checkoutSessionId"), sessions["data"][0]["id"].as_str().unwrap());
    assert!(
        studio
            .app
            .sql("SELECT 1 AS one FROM stripe_calls WHERE outcome IS DISTINCT FROM 'done'")
            .await
            .is_empty()
    );
    studio.close().await;
}

#[actix_web::test]
async fn a_500_that_stripe_repeats_is_looked_up_and_not_asked_under_a_fresh_key() {
    // The list goes by Stripe's clock, so this studio starts at the stand-in's.
    let now = chrono::DateTime::from_timestamp_millis(stripe_sim::clock::system()).unwrap();
    let studio = Studio::open_with(|builder| builder.starting_at(now)).await;
    let (package, anna, ben) =
        (studio.package().await, studio.app.user(Role::Member), studio.app.user(Role::Member));
    // The first 500 hides a session that came to be, the second nothing.
    for (buyer, happened) in [(&anna, true), (&ben, false)] {
        let fault = json!({
            "path": "/v1/checkout/sessions", "method": "POST", "status": 500, "after_commit": happened, "remember": true,
        });
        studio.stripe(Method::POST, "/sim/faults", fault).await;
        studio.checkout(buyer, &package, "k").await.expect_problem(503, "stripe_unavailable");
    }
    studio.app.advance(TimeDelta::minutes(1));
    studio.app.run_jobs().await;
    studio.checkout(&anna, &package, "k").await.expect(201);
    studio.checkout(&ben, &package, "k").await.expect_problem(422, "checkout_refused");
    let sessions = studio.stripe(Method::GET, "/v1/checkout/sessions", Value::Null).await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn a_request_that_changed_between_two_tries_finds_the_session_of_the_first() {
    let now = chrono::DateTime::from_timestamp_millis(stripe_sim::clock::system()).unwrap();
    let studio = Studio::open_with(|builder| builder.starting_at(now)).await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let fault = json!({ "path": "/v1/checkout/sessions", "close": true, "after_commit": true, "times": 1 });
    studio.stripe(Method::POST, "/sim/faults", fault).await;
    studio.checkout(&anna, &package, "k").await.expect_problem(503, "stripe_unavailable");
    studio.app.superuser().await.run("UPDATE payments SET package_name = 'Another name'").await;
    studio.checkout(&anna, &package, "k").await.expect_problem(503, "stripe_unavailable");
    studio.app.advance(TimeDelta::minutes(1));
    studio.app.run_jobs().await;
    let opened = studio.checkout(&anna, &package, "k").await.expect(201);
    let sessions = studio.stripe(Method::GET, "/v1/checkout/sessions", Value::Null).await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1);
    assert_eq!(opened.text("checkoutSessionId"), sessions["data"][0]["id"].as_str().unwrap());
    studio.close().await;
}

#[actix_web::test]
async fn a_purchase_that_stripe_refuses_fails_for_good() {
    let studio = Studio::open().await;
    let tiny = json!({ "name": "Tiny", "credits": 1, "priceMinor": 1, "currency": "EUR" });
    let (package, anna) = (studio.package_of(tiny).await, studio.app.user(Role::Member));
    studio.checkout(&anna, &package, "k").await.expect_problem(422, "checkout_refused");
    studio.checkout(&anna, &package, "k").await.expect_problem(422, "checkout_refused");
    let statuses = studio.app.sql("SELECT status FROM payments").await;
    assert_eq!(statuses, [json!({ "status": "failed" })]);
    studio.close().await;
}

#[actix_web::test]
async fn a_payment_is_its_owners_alone() {
    let studio = Studio::open().await;
    let (package, anna, ben) =
        (studio.package().await, studio.app.user(Role::Member), studio.app.user(Role::Admin));
    let payment = studio.checkout(&anna, &package, "k").await.expect(201).text("paymentId");
    let path = format!("/api/payment/{payment}");
    let others = studio.app.get(&path).bearer(&ben).send().await.expect_problem(404, "not_found");
    let nothing = studio.app.get(&format!("/api/payment/{}", Uuid::from_u128(7))).bearer(&ben).send().await;
    assert_eq!(others.body["detail"], nothing.expect_problem(404, "not_found").body["detail"]);
    studio.app.get("/api/payment/not-an-id").bearer(&anna).send().await.expect_problem(404, "not_found");
    studio.close().await;
}
