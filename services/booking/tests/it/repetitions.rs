//! The same request again.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::studio::Studio;

#[actix_web::test]
async fn a_repeated_request_books_once_and_is_answered_the_same_also_when_the_session_is_full_or_cancelled() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(5), studio.session(1, 1).await);
    let body = json!({ "sessionId": session });
    let first = studio.book_as(&member, "key", &body).await.expect(201);
    let again =
        studio.book_as(&member, "key", &json!({ "sessionId": session, "seats": 1 })).await.expect(201);
    assert_eq!(again.body, first.body);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(studio.credits.available(&member), 4);
    studio.cancel(&member, &first.text("reservationId")).await.expect(200);
    let after = studio.book_as(&member, "key", &body).await.expect(201);
    assert_eq!(after.body, first.body);
    studio.close().await;
}

#[actix_web::test]
async fn a_key_is_good_for_one_request_of_one_person() {
    let studio = Studio::open().await;
    let (member, other) = (studio.member(5), studio.member(5));
    let (session, another) = (studio.session(1, 5).await, studio.session(1, 5).await);
    studio.book_as(&member, "key", &json!({ "sessionId": session })).await.expect(201);
    for body in [json!({ "sessionId": another }), json!({ "sessionId": session, "seats": 2 })] {
        studio.book_as(&member, "key", &body).await.expect_problem(422, "idempotency_key_reused");
    }
    studio.book_as(&other, "key", &json!({ "sessionId": another })).await.expect(201);
    studio.close().await;
}

#[actix_web::test]
async fn twenty_copies_of_a_request_at_once_book_once() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(20), studio.session(1, 20).await);
    let body = json!({ "sessionId": session });
    let answers = join_all((0..20).map(|_| studio.book_as(&member, "key", &body))).await;
    let mut made = Vec::new();
    for answer in answers {
        if answer.status == 201 {
            made.push(answer.text("reservationId"));
        } else {
            let answer = answer.expect_problem(409, "request_in_progress");
            assert_eq!(answer.headers["retry-after"], "1");
        }
    }
    made.dedup();
    assert_eq!(made.len(), 1);
    assert_eq!(studio.seats_left(&session).await, 19);
    assert_eq!(studio.credits.available(&member), 19);
    studio.close().await;
}

#[actix_web::test]
async fn a_refused_request_may_be_repeated_and_is_judged_anew() {
    let studio = Studio::open().await;
    let (first, second) = (studio.member(1), studio.member(1));
    let session = studio.session(1, 1).await;
    let id = studio.book(&first, &session).await.expect(201).text("reservationId");
    studio.book(&second, &session).await.expect_problem(409, "session_full");
    studio.cancel(&first, &id).await.expect(200);
    studio.book(&second, &session).await.expect(201);
    studio.close().await;
}

#[actix_web::test]
async fn a_request_that_the_wallet_did_not_cover_stays_refused_under_its_key() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(0), studio.session(1, 1).await);
    let body = json!({ "sessionId": session });
    studio.book_as(&member, "key", &body).await.expect_problem(402, "insufficient_credits");
    studio.credits.give(&member, 1);
    studio.book_as(&member, "key", &body).await.expect_problem(402, "insufficient_credits");
    studio.book_as(&member, "new key", &body).await.expect(201);
    studio.close().await;
}

#[actix_web::test]
async fn a_repetition_of_a_pending_request_settles_it_or_tells_what_became_of_it() {
    let studio = Studio::open().await;
    studio.credits.set_down(true);
    let (member, other) = (studio.member(1), studio.member(1));
    let (session, second) = (studio.session(1, 1).await, studio.session(1, 1).await);
    let pending = studio.book(&member, &session).await.expect(202);
    assert_eq!((&pending.body["status"], &pending.body["creditsCharged"]), (&json!("pending"), &json!(0)));
    assert_eq!(studio.book(&member, &session).await.expect(202).body, pending.body);
    let lost = studio.book(&other, &second).await.expect(202);

    studio.credits.set_down(false);
    let settled = studio.book(&member, &session).await.expect(201);
    assert_eq!(settled.body["reservationId"], pending.body["reservationId"]);
    assert_eq!(studio.book(&member, &session).await.expect(201).body, settled.body);

    studio.cancel(&other, &lost.text("reservationId")).await.expect(200);
    let told = studio.book(&other, &second).await.expect(202);
    assert_eq!(told.body["status"], "cancelled");
    studio.app.advance(TimeDelta::seconds(3));
    studio.app.run_jobs().await;
    studio.close().await;
}
