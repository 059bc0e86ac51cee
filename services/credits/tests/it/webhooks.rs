//! What Stripe tells, in any order and number, forged or late.

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::Role;
use shinkofa_testing::TestUser;
use stripe_webhook::Webhook;

use crate::harness::{Studio, WEBHOOK_SECRET};

struct Purchase {
    buyer: TestUser,
    payment: String,
    session: String,
}

async fn purchase(studio: &Studio) -> Purchase {
    let (package, buyer) = (studio.package().await, studio.app.user(Role::Member));
    let opened = studio.checkout(&buyer, &package, "k").await.expect(201);
    Purchase { buyer, payment: opened.text("paymentId"), session: opened.text("checkoutSessionId") }
}

/// Nothing that an event leaves behind.
async fn assert_nothing_written(studio: &Studio) {
    let written = "SELECT 'event' AS what FROM stripe_events UNION ALL SELECT 'job' FROM jobs WHERE name = 'settle_payment'
        UNION ALL SELECT 'lot' FROM lots";
    assert!(studio.app.sql(written).await.is_empty());
}

#[actix_web::test]
async fn one_event_fifty_times_at_once_is_one_lot() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.pay(&bought.session, "card").await;
    let events = studio.stripe_events().await;
    let completed = events.iter().find(|event| event["type"] == "checkout.session.completed").unwrap();
    for answer in join_all((0..50).map(|_| studio.webhook(completed).send())).await {
        answer.expect(200);
    }
    studio.app.run_jobs().await;
    assert_eq!(studio.available(&bought.buyer).await, 10);
    assert_eq!(studio.app.sql("SELECT id FROM lots").await.len(), 1);
    assert_eq!(studio.app.sql("SELECT event_id FROM stripe_events").await.len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn fifty_workers_settling_one_payment_at_once_grant_one_lot() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.pay(&bought.session, "card").await;
    let events = studio.stripe_events().await;
    let completed = events.iter().find(|event| event["type"] == "checkout.session.completed").unwrap();
    // Fifty different events of one session: each has a job of its own.
    for number in 0..50 {
        let mut event = completed.clone();
        event["id"] = json!(format!("evt_{number}"));
        studio.webhook(&event).send().await.expect(200);
    }
    join_all((0..8).map(|_| studio.app.run_jobs())).await;
    assert_eq!(studio.available(&bought.buyer).await, 10);
    assert_eq!(studio.app.events().await.len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn events_told_backwards_and_twice_end_where_stripe_is() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.pay(&bought.session, "delayed").await;
    let path = format!("/sim/checkout/{}/settle", bought.session);
    studio.stripe(Method::POST, &path, json!({ "outcome": "succeeded" })).await;
    let mut events = studio.stripe_events().await;
    events.reverse();
    for event in events.iter().chain(&events) {
        studio.webhook(event).send().await.expect(200);
        studio.app.run_jobs().await;
    }
    assert_eq!(studio.payment_status(&bought.buyer, &bought.payment).await, "paid");
    assert_eq!(studio.transactions(&bought.buyer).await, [("purchase".to_owned(), 10)]);
    studio.close().await;
}

#[actix_web::test]
async fn a_delayed_payment_is_processing_until_its_money_arrives_or_bounces() {
    let studio = Studio::open().await;
    for (outcome, end, credits) in [("succeeded", "paid", 10), ("failed", "failed", 0)] {
        let bought = purchase(&studio).await;
        studio.pay(&bought.session, "delayed").await;
        studio.deliver_events().await;
        assert_eq!(studio.payment_status(&bought.buyer, &bought.payment).await, "processing");
        assert_eq!(studio.available(&bought.buyer).await, 0);
        let path = format!("/sim/checkout/{}/settle", bought.session);
        studio.stripe(Method::POST, &path, json!({ "outcome": outcome })).await;
        studio.deliver_events().await;
        assert_eq!(studio.payment_status(&bought.buyer, &bought.payment).await, end);
        assert_eq!(studio.available(&bought.buyer).await, credits);
    }
    studio.close().await;
}

#[actix_web::test]
async fn a_session_that_nobody_paid_expires_and_a_declined_card_may_try_again() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.pay(&bought.session, "declined").await;
    studio.deliver_events().await;
    assert_eq!(studio.payment_status(&bought.buyer, &bought.payment).await, "open");
    studio.stripe(Method::POST, &format!("/sim/checkout/{}/expire", bought.session), json!({})).await;
    studio.deliver_events().await;
    assert_eq!(studio.payment_status(&bought.buyer, &bought.payment).await, "expired");
    studio.close().await;
}

#[actix_web::test]
async fn money_that_comes_after_the_payment_expired_still_becomes_credits() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.app.superuser().await.run("UPDATE payments SET status = 'expired'").await;
    studio.pay(&bought.session, "card").await;
    studio.deliver_events().await;
    assert_eq!(studio.payment_status(&bought.buyer, &bought.payment).await, "paid");
    assert_eq!(studio.available(&bought.buyer).await, 10);
    studio.close().await;
}

#[actix_web::test]
async fn a_forged_missing_or_stale_signature_is_400_and_nothing_is_written() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.pay(&bought.session, "card").await;
    let event = studio.stripe_events().await.pop().unwrap().to_string();
    let now = studio.now().timestamp();
    let send = |signature: Option<String>, body: &str| {
        let call = studio.app.post("/api/webhooks/stripe").body(body);
        match signature {
            Some(signature) => call.header("stripe-signature", &signature),
            None => call,
        }
        .send()
    };
    let signed = |secret: &str, at: i64| Some(Webhook::generate_test_header(&event, secret, Some(at)));

    send(None, &event).await.expect_problem(400, "signature_missing");
    send(Some("t=,v1=".to_owned()), &event).await.expect_problem(400, "signature_missing");
    send(signed("whsec_somebody_elses_secret", now), &event).await.expect_problem(400, "signature_invalid");
    send(signed(WEBHOOK_SECRET, now), &event.replace("checkout", "checkouT"))
        .await
        .expect_problem(400, "signature_invalid");
    send(signed(WEBHOOK_SECRET, now - 301), &event).await.expect_problem(400, "signature_stale");
    send(signed(WEBHOOK_SECRET, now + 301), &event).await.expect_problem(400, "signature_stale");
    // Good, but no event.
    let text = "[]";
    let signature = Webhook::generate_test_header(text, WEBHOOK_SECRET, Some(now));
    send(Some(signature), text).await.expect_problem(400, "malformed_request");
    assert_nothing_written(&studio).await;
    studio.close().await;
}

#[actix_web::test]
async fn a_body_past_the_limit_is_413() {
    let studio = Studio::open().await;
    let body = "x".repeat(300 * 1024);
    studio.app.post("/api/webhooks/stripe").body(body).send().await.expect_problem(413, "body_too_large");
    studio.close().await;
}

#[actix_web::test]
async fn an_event_of_something_else_or_of_the_other_mode_is_noted_and_left_alone() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.pay(&bought.session, "card").await;
    let events = studio.stripe_events().await;
    let completed = events.iter().find(|event| event["type"] == "checkout.session.completed").unwrap();
    let mut live = completed.clone();
    live["id"] = json!("evt_live");
    live["livemode"] = json!(true);
    let unheard_of = json!({
        "id": "evt_new", "object": "event", "type": "something.quite_new", "created": 1, "livemode": false,
        "api_version": "2099-01-01", "data": { "object": { "id": "new_1", "object": "new" } },
    });
    for event in [&live, &unheard_of] {
        studio.webhook(event).send().await.expect(200);
    }
    studio.app.run_jobs().await;
    assert_eq!(studio.available(&bought.buyer).await, 0);
    assert_eq!(studio.app.sql("SELECT event_id FROM stripe_events").await.len(), 2);
    studio.close().await;
}

#[actix_web::test]
async fn an_event_that_overtakes_the_answer_of_its_own_checkout_grants_all_the_same() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    // As if the process had died before it stored the session.
    let forget = "UPDATE payments SET status = 'created', checkout_session_id = NULL, checkout_url = NULL";
    studio.app.superuser().await.run(forget).await;
    studio.pay(&bought.session, "card").await;
    studio.deliver_events().await;
    assert_eq!(studio.payment_status(&bought.buyer, &bought.payment).await, "paid");
    studio.app.advance(TimeDelta::minutes(1));
    studio.app.run_jobs().await;
    assert_eq!(studio.available(&bought.buyer).await, 10);
    studio.close().await;
}

#[actix_web::test]
async fn another_amount_than_was_asked_is_no_payment() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.app.superuser().await.run("UPDATE payments SET amount_minor = 9000").await;
    studio.pay(&bought.session, "card").await;
    studio.deliver_events().await;
    assert_eq!(studio.payment_status(&bought.buyer, &bought.payment).await, "open");
    let given_up = studio.app.sql("SELECT last_error FROM jobs WHERE dead_at IS NOT NULL").await;
    assert!(
        given_up
            .iter()
            .all(|job| job["last_error"].as_str().is_some_and(|text| text.contains("contradicts")))
    );
    assert!(!given_up.is_empty());
    studio.close().await;
}

#[actix_web::test]
async fn of_an_event_only_what_leads_to_its_payment_is_kept() {
    let studio = Studio::open().await;
    let bought = purchase(&studio).await;
    studio.pay(&bought.session, "card").await;
    studio.deliver_events().await;
    let kept: Vec<Value> = studio.app.sql("SELECT * FROM stripe_events").await;
    assert!(!kept.is_empty());
    assert!(kept.iter().all(|event| !event.to_string().contains('@')), "{kept:#?}");
    studio.close().await;
}
