//! Credits does not answer, answers late, or answers somebody who is gone.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::json;
use shinkofa_contracts::credits::HoldState;
use shinkofa_testing::eventually;

use crate::studio::Studio;

/// Moves the clock and runs jobs until the reservation is no longer pending. The breaker of the internal client pauses by
/// the real clock, so this may take a moment.
async fn settle(studio: &Studio, member: &shinkofa_testing::TestUser, id: &str) -> String {
    eventually("the reservation settles", async || {
        studio.app.advance(TimeDelta::seconds(2));
        studio.app.run_jobs().await;
        let status = studio.status(member, id).await;
        (status != "pending").then_some(status)
    })
    .await
}

#[actix_web::test]
async fn with_credits_down_a_booking_is_pending_and_settles_by_itself() {
    let studio = Studio::open().await;
    studio.credits.set_down(true);
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    let pending = studio.book(&member, &session).await.expect(202);
    let id = pending.text("reservationId");
    assert_eq!(pending.body["status"], "pending");
    assert_eq!(studio.seats_left(&session).await, 0, "the seat is kept meanwhile");
    studio.app.advance(TimeDelta::seconds(3));
    studio.app.run_jobs().await;
    assert_eq!(studio.status(&member, &id).await, "pending");

    studio.credits.set_down(false);
    assert_eq!(settle(&studio, &member, &id).await, "confirmed");
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.state(&id), Some(HoldState::Captured));
    assert_eq!(studio.credits.available(&member), 0);
    assert_eq!(studio.told().await, ["reservation.confirmed"]);
    studio.close().await;
}

#[actix_web::test]
async fn a_pending_booking_that_the_wallet_does_not_cover_is_told_by_message() {
    let studio = Studio::open().await;
    studio.credits.set_down(true);
    let (member, session) = (studio.member(0), studio.session(1, 1).await);
    let id = studio.book(&member, &session).await.expect(202).text("reservationId");
    studio.credits.set_down(false);
    assert_eq!(settle(&studio, &member, &id).await, "rejected");
    assert_eq!(studio.told().await, ["reservation.rejected"]);
    assert_eq!(studio.app.events().await[0]["data"]["reason"], "insufficient_credits");
    assert_eq!(studio.seats_left(&session).await, 1);
    studio.close().await;
}

#[actix_web::test]
async fn a_member_waits_two_seconds_for_credits_and_no_longer() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    studio.credits.set_slow(true);
    let started = Instant::now();
    let id = studio.book(&member, &session).await.expect(202).text("reservationId");
    assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    // Credits made the hold, and only its answer was lost.
    assert_eq!(studio.credits.state(&id), Some(HoldState::Held));
    studio.credits.set_slow(false);
    assert_eq!(settle(&studio, &member, &id).await, "confirmed");
    assert_eq!(studio.credits.available(&member), 0, "charged once");
    studio.close().await;
}

#[actix_web::test]
async fn seats_that_nobody_paid_in_time_go_back_with_the_credits() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    studio.credits.set_slow(true);
    let id = studio.book(&member, &session).await.expect(202).text("reservationId");
    studio.credits.set_slow(false);
    assert_eq!(studio.credits.available(&member), 0, "the hold was made, its answer lost");
    studio.app.advance(TimeDelta::minutes(5));
    studio.app.run_jobs().await;
    assert_eq!(studio.status(&member, &id).await, "expired");
    assert_eq!(studio.credits.state(&id), Some(HoldState::Released));
    assert_eq!(studio.credits.available(&member), 1);
    assert_eq!(studio.seats_left(&session).await, 1);
    assert_eq!(studio.told().await, ["reservation.rejected"]);
    assert_eq!(studio.app.events().await[0]["data"]["reason"], "expired");
    studio.close().await;
}

#[actix_web::test]
async fn the_next_booking_takes_lapsed_seats_without_waiting_for_the_sweeper() {
    let studio = Studio::open().await;
    studio.credits.set_down(true);
    let (first, second) = (studio.member(1), studio.member(1));
    let session = studio.session(1, 1).await;
    let lapsed = studio.book(&first, &session).await.expect(202).text("reservationId");
    studio.app.advance(TimeDelta::minutes(5) - TimeDelta::microseconds(1));
    studio.book(&second, &session).await.expect_problem(409, "session_full");
    studio.app.advance(TimeDelta::microseconds(1));
    studio.credits.set_down(false);
    studio.book(&second, &session).await.expect(201);
    assert_eq!(studio.status(&first, &lapsed).await, "expired");
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.state(&lapsed), Some(HoldState::Released), "a late hold finds the door closed");
    assert_eq!(studio.credits.available(&first), 1);
    studio.close().await;
}

#[actix_web::test]
async fn whoever_let_their_own_seat_lapse_may_book_again() {
    let studio = Studio::open().await;
    studio.credits.set_down(true);
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    let body = json!({ "sessionId": session });
    let lapsed = studio.book_as(&member, "one", &body).await.expect(202).text("reservationId");
    studio.app.advance(TimeDelta::minutes(5));
    studio.credits.set_down(false);
    let again = studio.book_as(&member, "two", &body).await.expect(201).text("reservationId");
    assert_ne!(lapsed, again);
    assert_eq!(studio.status(&member, &lapsed).await, "expired");
    let told = studio.book_as(&member, "one", &body).await.expect(202);
    assert_eq!(told.body["status"], "expired");
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.available(&member), 0);
    studio.close().await;
}

#[actix_web::test]
async fn a_capture_that_credits_does_not_hear_is_told_again_until_it_does() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    studio.credits.set_down(true);
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.state(&id), Some(HoldState::Held));
    studio.credits.set_down(false);
    eventually("the hold is captured", async || {
        studio.app.advance(TimeDelta::seconds(2));
        studio.app.run_jobs().await;
        (studio.credits.state(&id) == Some(HoldState::Captured)).then_some(())
    })
    .await;
    studio.close().await;
}

#[actix_web::test]
async fn a_process_that_died_after_taking_the_seats_leaves_a_job_that_goes_on() {
    let studio = Studio::open().await;
    studio.credits.set_down(true);
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    let id = studio.book(&member, &session).await.expect(202).text("reservationId");
    // As its lease looks when a worker died over it.
    let until = (studio.now() + TimeDelta::seconds(20)).to_rfc3339();
    let died =
        format!("UPDATE jobs SET locked_until = '{until}', attempts = 1 WHERE name = 'settle_reservation'");
    studio.app.superuser().await.run(&died).await;
    studio.credits.set_down(false);
    assert_eq!(settle(&studio, &member, &id).await, "confirmed");
    studio.close().await;
}
