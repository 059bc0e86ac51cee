//! What was missed is found.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::ReservationId;
use shinkofa_kernel::Role;
use shinkofa_testing::wiremock::ResponseTemplate;
use shinkofa_testing::{FakePeer, TestUser, problem};

use crate::harness::Studio;

#[actix_web::test]
async fn a_payment_whose_every_event_was_lost_is_found_within_ten_minutes() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let opened = studio.checkout(&anna, &package, "k").await.expect(201);
    studio.pay(&opened.text("checkoutSessionId"), "card").await;
    studio.app.advance(TimeDelta::minutes(10));
    studio.app.run_jobs().await;
    assert_eq!(studio.available(&anna).await, 10);
    studio.close().await;
}

#[actix_web::test]
async fn a_paid_session_of_a_payment_thought_to_be_over_is_found_within_a_day() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let opened = studio.checkout(&anna, &package, "k").await.expect(201);
    studio.pay(&opened.text("checkoutSessionId"), "card").await;
    studio.app.superuser().await.run("UPDATE payments SET status = 'failed'").await;
    studio.app.advance(TimeDelta::days(1));
    studio.app.run_jobs().await;
    let anna = studio.app.renewed(&anna, Role::Member);
    assert_eq!(studio.available(&anna).await, 10);
    studio.close().await;
}

#[actix_web::test]
async fn a_checkout_older_than_stripes_memory_of_its_key_is_looked_up() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let opened = studio.checkout(&anna, &package, "k").await.expect(201);
    // The stand-in lives on the machine's clock, this payment on the test's.
    let forget = "UPDATE payments SET status = 'created', checkout_session_id = NULL, checkout_url = NULL,
        created_at = '2026-11-01'";
    studio.app.superuser().await.run(forget).await;
    studio.app.advance(TimeDelta::minutes(10));
    studio.app.run_jobs().await;
    let found = studio.payment(&anna, &opened.text("paymentId")).await;
    assert_eq!(found["checkoutSessionId"], opened.text("checkoutSessionId"));
    let sessions = studio.stripe(Method::GET, "/v1/checkout/sessions", Value::Null).await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1);
    studio.close().await;
}

async fn overdue_hold(studio: &Studio) -> (TestUser, ReservationId) {
    let (anna, reservation) = (studio.app.user(Role::Member), studio.reservation());
    studio.grant(&anna, 5, None).await;
    studio.hold(reservation, anna.user_id, 2).await.expect(200);
    studio.app.advance(TimeDelta::hours(24));
    (anna, reservation)
}

async fn state(studio: &Studio, reservation: ReservationId) -> Value {
    let path = format!("/internal/v1/holds/{reservation}");
    studio.as_booking(Method::GET, &path).send().await.expect(200).body["state"].clone()
}

#[actix_web::test]
async fn an_overdue_hold_becomes_what_booking_says_of_its_reservation() {
    let booking = FakePeer::start().await;
    let url = booking.url();
    let studio = Studio::open_with(|builder| builder.peer("booking", &url)).await;
    let cases = [
        ("confirmed", "captured", 3),
        ("attended", "consumed", 3),
        ("late_cancelled", "consumed", 3),
        ("rejected", "released", 5),
        ("studio_cancelled", "released", 5),
        ("pending", "held", 3),
    ];
    for (status, end, available) in cases {
        let (anna, reservation) = overdue_hold(&studio).await;
        booking.reset().await;
        let summary =
            json!({ "reservationId": reservation, "userId": anna.user_id, "status": status, "credits": 2 });
        let answer = ResponseTemplate::new(200).set_body_json(summary);
        booking.on("GET", &format!("^/internal/v1/reservations/{reservation}$"), answer).await;
        studio.app.run_jobs().await;
        assert_eq!(state(&studio, reservation).await, end, "{status}");
        let anna = studio.app.renewed(&anna, Role::Member);
        assert_eq!(studio.available(&anna).await, available, "{status}");
    }
    studio.close().await;
}

#[actix_web::test]
async fn a_hold_of_a_reservation_that_booking_does_not_know_gives_its_credits_back_for_good() {
    let booking = FakePeer::start().await;
    let url = booking.url();
    let studio = Studio::open_with(|builder| builder.peer("booking", &url)).await;
    booking.on("GET", "^/internal/v1/reservations/", problem(404, "not_found")).await;
    let (anna, reservation) = overdue_hold(&studio).await;
    studio.app.run_jobs().await;
    assert_eq!(state(&studio, reservation).await, "expired");
    studio.hold(reservation, anna.user_id, 2).await.expect_problem(409, "hold_closed");
    studio.settle(reservation, "capture").await.expect_problem(409, "hold_closed");
    studio.settle(reservation, "release").await.expect(200);
    studio.close().await;
}

#[actix_web::test]
async fn while_booking_cannot_be_asked_a_hold_waits() {
    let studio = Studio::open().await;
    let (anna, reservation) = overdue_hold(&studio).await;
    studio.app.run_jobs().await;
    assert_eq!(state(&studio, reservation).await, "held");
    let waiting = format!("SELECT 1 AS one FROM holds WHERE expires_at > '{}'", studio.now());
    assert_eq!(studio.app.sql(&waiting).await.len(), 1);
    let anna = studio.app.renewed(&anna, Role::Member);
    assert_eq!(studio.available(&anna).await, 3);
    studio.close().await;
}

#[actix_web::test]
async fn old_events_and_calls_are_forgotten_and_the_ledger_is_not() {
    let studio = Studio::open().await;
    let (package, anna) = (studio.package().await, studio.app.user(Role::Member));
    let session = studio.checkout(&anna, &package, "k").await.expect(201).text("checkoutSessionId");
    studio.pay(&session, "card").await;
    studio.deliver_events().await;
    studio.app.advance(TimeDelta::days(61));
    studio.app.run_jobs().await;
    let left = "SELECT 1 AS one FROM stripe_events UNION ALL SELECT 2 FROM stripe_calls";
    assert!(studio.app.sql(left).await.is_empty());
    assert_eq!(studio.app.sql("SELECT id FROM journals").await.len(), 1);
    studio.close().await;
}
