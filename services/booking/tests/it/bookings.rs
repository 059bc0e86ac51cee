//! Booking a seat, and reading what one has booked.

use chrono::TimeDelta;
use serde_json::json;
use shinkofa_contracts::credits::HoldState;

use crate::studio::{Studio, written};

#[actix_web::test]
async fn a_booked_seat_is_confirmed_paid_and_told() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(5), studio.session(2, 3).await);
    let body = json!({ "sessionId": session, "seats": 2 });
    let receipt = studio.book_as(&member, "key-1", &body).await.expect(201);
    let id = receipt.text("reservationId");
    assert_eq!(
        receipt.body,
        json!({ "reservationId": id, "status": "confirmed", "sessionId": session, "seats": 2, "creditsCharged": 4 })
    );
    assert_eq!(studio.credits.available(&member), 1);
    assert_eq!(studio.credits.state(&id), Some(HoldState::Held));
    studio.app.run_jobs().await;
    assert_eq!(studio.credits.state(&id), Some(HoldState::Captured));
    assert_eq!(studio.seats_left(&session).await, 1);
    let events = studio.app.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "reservation.confirmed");
    assert_eq!(events[0]["data"]["reservationId"], id);
    assert_eq!(events[0]["data"]["classTitle"], "Yoga");
    assert_eq!(events[0]["data"]["credits"], 4);
    assert!(studio.app.sql("SELECT 1 AS one FROM jobs WHERE repeat_seconds IS NULL").await.is_empty());
    studio.close().await;
}

#[actix_web::test]
async fn a_free_class_is_confirmed_without_asking_credits() {
    let studio = Studio::open().await;
    studio.credits.set_down(true);
    let (member, session) = (studio.member(0), studio.session(0, 1).await);
    let receipt = studio.book(&member, &session).await.expect(201);
    assert_eq!(receipt.body["creditsCharged"], 0);
    assert_eq!(studio.told().await, ["reservation.confirmed"]);
    assert!(studio.credits.calls("PUT").await.is_empty());
    studio.cancel(&member, &receipt.text("reservationId")).await.expect(200);
    studio.close().await;
}

#[actix_web::test]
async fn a_full_session_refuses_the_next_booking_and_keeps_its_credits() {
    let studio = Studio::open().await;
    let (first, second) = (studio.member(1), studio.member(1));
    let session = studio.session(1, 1).await;
    studio.book(&first, &session).await.expect(201);
    studio.book(&second, &session).await.expect_problem(409, "session_full");
    assert_eq!(studio.credits.available(&second), 1);
    assert_eq!(studio.app.sql("SELECT 1 AS one FROM reservations").await.len(), 1);
    assert_eq!(studio.app.sql("SELECT 1 AS one FROM idempotency_keys").await.len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn a_party_gets_all_of_its_seats_or_none() {
    let studio = Studio::open().await;
    let (first, party) = (studio.member(9), studio.member(9));
    let session = studio.session(1, 3).await;
    studio.book(&first, &session).await.expect(201);
    let three = json!({ "sessionId": session, "seats": 3 });
    studio.book_as(&party, "three", &three).await.expect_problem(409, "session_full");
    let two = json!({ "sessionId": session, "seats": 2 });
    studio.book_as(&party, "two", &two).await.expect(201);
    assert_eq!(studio.seats_left(&session).await, 0);
    studio.close().await;
}

#[actix_web::test]
async fn nobody_books_the_same_session_twice_until_they_cancelled() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(5), studio.session(1, 5).await);
    let body = json!({ "sessionId": session });
    let first = studio.book_as(&member, "one", &body).await.expect(201).text("reservationId");
    studio.book_as(&member, "two", &body).await.expect_problem(409, "already_booked");
    studio.cancel(&member, &first).await.expect(200);
    let second = studio.book_as(&member, "three", &body).await.expect(201).text("reservationId");
    assert_ne!(first, second);
    studio.close().await;
}

#[actix_web::test]
async fn a_session_can_be_booked_until_the_instant_it_starts() {
    let studio = Studio::open().await;
    let session = studio.session_in(0, 5, TimeDelta::microseconds(1)).await;
    studio.book(&studio.member(0), &session).await.expect(201);
    studio.app.advance(TimeDelta::microseconds(1));
    studio.book(&studio.member(0), &session).await.expect_problem(409, "session_started");
    studio.close().await;
}

#[actix_web::test]
async fn a_wallet_that_does_not_cover_the_price_leaves_the_seat_to_others() {
    let studio = Studio::open().await;
    let (poor, rich) = (studio.member(1), studio.member(2));
    let session = studio.session(2, 1).await;
    studio.book(&poor, &session).await.expect_problem(402, "insufficient_credits");
    assert_eq!(studio.seats_left(&session).await, 1);
    assert_eq!(studio.credits.available(&poor), 1);
    studio.book(&rich, &session).await.expect(201);
    assert_eq!(studio.told().await, ["reservation.confirmed"]);
    studio.app.run_jobs().await;
    studio.close().await;
}

#[actix_web::test]
async fn what_is_not_there_and_what_is_not_well_formed_is_told_apart() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(9), studio.session(1, 5).await);
    let unknown = "01920000-0000-7000-8000-00000000ffff";
    studio.book(&member, unknown).await.expect_problem(404, "not_found");
    for body in [
        json!({}),
        json!({ "sessionId": "x" }),
        json!({ "sessionId": session, "seats": 0 }),
        json!({ "sessionId": session, "seats": 9 }),
        json!({ "sessionId": session, "userId": unknown }),
    ] {
        studio.book_as(&member, "key", &body).await.expect_problem(422, "invalid_fields");
    }
    let without_key =
        studio.app.post("/api/booking/create").bearer(&member).json(&json!({ "sessionId": session }));
    without_key.send().await.expect_problem(400, "idempotency_key_required");
    studio.close().await;
}

/// V24: neither a person's things nor a studio's are anybody else's to see.
#[actix_web::test]
async fn v24_another_persons_reservation_and_another_tenants_session_are_not_there() {
    let studio = Studio::open().await;
    let (owner, other, stranger) = (studio.member(1), studio.member(1), studio.stranger());
    let session = studio.session(1, 5).await;
    let id = studio.book(&owner, &session).await.expect(201).text("reservationId");
    let path = format!("/api/booking/{id}");
    studio.app.get(&path).bearer(&other).send().await.expect_problem(404, "not_found");
    studio.cancel(&other, &id).await.expect_problem(404, "not_found");
    studio.app.get(&path).bearer(&studio.manager).send().await.expect_problem(404, "not_found");
    // The stranger's token is of another studio than this host.
    studio.app.get(&path).bearer(&stranger).send().await.expect_problem(403, "wrong_tenant");
    // And at their own studio's host nothing of this one exists.
    let domains = [("elsewhere.example".to_owned(), stranger.tenant_id)];
    studio.app.service().platform.identity.tenants.replace(domains);
    let at_home =
        |call: reqwest::RequestBuilder| call.header("host", "elsewhere.example").bearer_auth(&stranger.token);
    let url = studio.app.public_url();
    let book = studio.app.http.post(format!("{url}/api/booking/create")).header("idempotency-key", "key");
    for call in [
        studio.app.http.get(format!("{url}{path}")),
        studio.app.http.post(format!("{url}{path}/cancel")),
        studio.app.http.get(format!("{url}/api/sessions/{session}")),
        book.json(&json!({ "sessionId": session })),
    ] {
        assert_eq!(at_home(call).send().await.expect("an answer").status().as_u16(), 404);
    }
    assert_eq!(studio.status(&owner, &id).await, "confirmed");
    studio.close().await;
}

#[actix_web::test]
async fn my_reservations_are_mine_and_newest_first() {
    let studio = Studio::open().await;
    let (member, other) = (studio.member(9), studio.member(9));
    let mut mine = Vec::new();
    for _ in 0..3 {
        let session = studio.session(1, 5).await;
        mine.insert(0, studio.book(&member, &session).await.expect(201).text("reservationId"));
        studio.book(&other, &session).await.expect(201);
        studio.app.advance(TimeDelta::seconds(1));
    }
    let (mut listed, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = studio.app.get(&format!("/api/booking{query}")).bearer(&member).send().await.expect(200);
        for item in page.body["items"].as_array().expect("items") {
            listed.push(item["reservationId"].as_str().unwrap_or_default().to_owned());
        }
        let Some(next) = page.body["nextCursor"].as_str() else { break };
        query = format!("?limit=2&cursor={next}");
    }
    assert_eq!(listed, mine);
    let one = studio.app.get(&format!("/api/booking/{}", mine[0])).bearer(&member).send().await.expect(200);
    assert_eq!(one.body["status"], "confirmed");
    assert_eq!(one.body["creditsCharged"], 1);
    let starts_at: chrono::DateTime<chrono::Utc> = one.parse::<Dates>().starts_at;
    assert_eq!(one.body["cancelDeadline"], written(starts_at - TimeDelta::hours(12)));
    studio.close().await;
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dates {
    starts_at: chrono::DateTime<chrono::Utc>,
}
