//! Holds and reservations that lost sight of one another.

use chrono::TimeDelta;
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::HoldState;

use crate::studio::Studio;

/// Past the lag of the reconcilers and the time of their next run.
async fn an_hour_later(studio: &Studio) {
    studio.app.advance(TimeDelta::hours(1));
    studio.app.run_jobs().await;
    studio.app.run_jobs().await;
}

#[actix_web::test]
async fn holds_for_reservations_that_do_not_exist_are_released_page_by_page() {
    let studio = Studio::open().await;
    let orphans: Vec<_> = (0..5).map(|_| (ReservationId::new(&studio.app.clock), studio.member(0))).collect();
    for (id, member) in &orphans {
        studio.credits.plant(*id, member, 2, HoldState::Held);
    }
    an_hour_later(&studio).await;
    for (id, member) in &orphans {
        assert_eq!(studio.credits.state(&id.to_string()), Some(HoldState::Released));
        assert_eq!(studio.credits.available(member), 2);
    }
    studio.close().await;
}

#[actix_web::test]
async fn a_confirmed_reservation_whose_capture_was_lost_is_captured() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    studio.app.superuser().await.run("DELETE FROM jobs WHERE name = 'settle_hold'").await;
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.state(&id), Some(HoldState::Held), "the saga's own jobs are given time first");
    an_hour_later(&studio).await;
    assert_eq!(studio.credits.state(&id), Some(HoldState::Captured));
    studio.close().await;
}

#[actix_web::test]
async fn a_cancelled_reservation_whose_refund_was_lost_is_refunded() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(1), studio.session(1, 1).await);
    let id = studio.book(&member, &session).await.expect(201).text("reservationId");
    studio.app.run_jobs().await;
    studio.cancel(&member, &id).await.expect(200);
    studio.app.superuser().await.run("DELETE FROM jobs WHERE name = 'settle_hold'").await;
    an_hour_later(&studio).await;
    assert_eq!(studio.credits.state(&id), Some(HoldState::Refunded));
    assert_eq!(studio.credits.available(&member), 1);
    studio.close().await;
}

#[actix_web::test]
async fn a_confirmed_reservation_without_a_hold_is_noticed_among_those_that_have_one() {
    let studio = Studio::open().await;
    let mut booked = Vec::new();
    for _ in 0..5 {
        let (member, session) = (studio.member(1), studio.session(1, 1).await);
        booked.push(studio.book(&member, &session).await.expect(201).text("reservationId"));
        studio.app.advance(TimeDelta::seconds(1));
    }
    studio.app.run_jobs().await;
    studio.credits.forget(&booked[2]);
    an_hour_later(&studio).await;
    let asked = studio.app.sql("SELECT key, last_error FROM jobs WHERE name = 'settle_hold'").await;
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0]["key"], format!("{}:Capture", booked[2]));
    studio.close().await;
}
