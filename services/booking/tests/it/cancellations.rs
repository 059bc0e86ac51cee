//! Giving seats back: in time, at the deadline, too late, twice.

use chrono::TimeDelta;
use serde_json::json;
use shinkofa_contracts::credits::HoldState;
use shinkofa_kernel::Role;

use crate::studio::Studio;

#[actix_web::test]
async fn a_cancellation_in_time_gives_seat_and_credits_back_and_repeated_answers_the_same() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(2), studio.session(2, 1).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    studio.app.run_jobs().await;
    let first = studio.cancel(&member, &id).await.expect(200);
    assert_eq!(first.body, json!({ "reservationId": id, "status": "cancelled", "creditsRefunded": 2 }));
    studio.app.run_jobs().await;
    let again = studio.cancel(&member, &id).await.expect(200);
    assert_eq!(again.body, first.body);
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.available(&member), 2);
    assert_eq!(studio.credits.state(&id), Some(HoldState::Refunded));
    assert_eq!(studio.seats_left(&session).await, 1);
    assert_eq!(studio.told().await, ["reservation.confirmed", "reservation.cancelled"]);
    studio.close().await;
}

#[actix_web::test]
async fn a_cancellation_before_the_capture_gives_the_credits_back_too() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(2), studio.session(2, 1).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    studio.cancel(&member, &id).await.expect(200);
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.available(&member), 2);
    assert!(studio.app.sql("SELECT 1 AS one FROM jobs WHERE repeat_seconds IS NULL").await.is_empty());
    studio.close().await;
}

#[actix_web::test]
async fn the_deadline_itself_is_late_and_the_microsecond_before_it_is_not() {
    let studio = Studio::open().await;
    let session = studio.session_in(1, 5, TimeDelta::days(2)).await;
    let (punctual, late) = (studio.member(1), studio.member(1));
    let first = studio.book(&punctual, &session).await.expect(201).text("reservationId");
    let second = studio.book(&late, &session).await.expect(201).text("reservationId");
    studio.app.run_jobs().await;

    studio.app.advance(TimeDelta::hours(36) - TimeDelta::microseconds(1));
    let punctual = studio.app.renewed(&punctual, Role::Member);
    let in_time = studio.cancel(&punctual, &first).await.expect(200);
    assert_eq!((&in_time.body["status"], &in_time.body["creditsRefunded"]), (&json!("cancelled"), &json!(1)));

    studio.app.advance(TimeDelta::microseconds(1));
    let late = studio.app.renewed(&late, Role::Member);
    let too_late = studio.cancel(&late, &second).await.expect(200);
    assert_eq!(
        too_late.body,
        json!({ "reservationId": second, "status": "late_cancelled", "creditsRefunded": 0 })
    );
    assert_eq!(studio.cancel(&late, &second).await.expect(200).body, too_late.body);

    studio.app.run_jobs().await;
    assert_eq!((studio.credits.available(&punctual), studio.credits.available(&late)), (1, 0));
    assert_eq!(studio.credits.state(&second), Some(HoldState::Consumed));
    assert_eq!(studio.seats_left(&session).await, 5, "a late cancellation frees the seat");
    studio.close().await;
}

#[actix_web::test]
async fn the_deadline_is_the_one_that_was_agreed_at_booking() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(2), studio.session(1, 5).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    let stricter =
        "INSERT INTO policies SELECT tenant_id, 2, 2880, created_at FROM policies WHERE version = 1";
    studio.app.superuser().await.run(stricter).await;
    let newcomer = studio.member(1);
    let strict = studio.book(&newcomer, &session).await.expect(201).text("reservationId");
    assert_eq!(studio.cancel(&member, &id).await.expect(200).body["status"], "cancelled");
    assert_eq!(studio.cancel(&newcomer, &strict).await.expect(200).body["status"], "late_cancelled");
    studio.close().await;
}

#[actix_web::test]
async fn what_has_started_or_came_to_nothing_is_not_cancelled() {
    let studio = Studio::open().await;
    let session = studio.session_in(0, 5, TimeDelta::minutes(10)).await;
    let member = studio.member(0);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    studio.app.advance(TimeDelta::minutes(10));
    studio.cancel(&member, &id).await.expect_problem(409, "session_started");

    let poor = studio.member(0);
    let priced = studio.session(1, 5).await;
    studio.book(&poor, &priced).await.expect(402);
    let rejected = studio.app.sql("SELECT id FROM reservations WHERE status = 'rejected'").await;
    let rejected = rejected[0]["id"].as_str().expect("an id").to_owned();
    studio.cancel(&poor, &rejected).await.expect_problem(409, "reservation_closed");
    studio.close().await;
}

#[actix_web::test]
async fn a_pending_reservation_is_cancelled_and_its_late_hold_finds_a_closed_door() {
    let studio = Studio::open().await;
    studio.credits.set_down(true);
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    let id = studio.book(&member, &session).await.expect(202).text("reservationId");
    let cancelled = studio.cancel(&member, &id).await.expect(200);
    assert_eq!(cancelled.body, json!({ "reservationId": id, "status": "cancelled", "creditsRefunded": 0 }));
    assert_eq!(studio.seats_left(&session).await, 1);
    studio.credits.set_down(false);
    studio.app.advance(TimeDelta::seconds(3));
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.state(&id), Some(HoldState::Released));
    assert_eq!(studio.credits.available(&member), 1);
    studio.close().await;
}

#[actix_web::test]
async fn twenty_cancellations_at_once_free_one_seat_each_and_refund_once() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(3), studio.session(3, 4).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    studio.app.run_jobs().await;
    let answers = futures_util::future::join_all((0..20).map(|_| studio.cancel(&member, &id))).await;
    for answer in answers {
        assert_eq!(answer.expect(200).body["creditsRefunded"], 3);
    }
    studio.app.run_jobs().await;
    assert_eq!(studio.seats_left(&session).await, 4);
    assert_eq!(studio.credits.available(&member), 3);
    studio.close().await;
}
