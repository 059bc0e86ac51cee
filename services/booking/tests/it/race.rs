//! Everybody wants the last seats at the same moment.

use futures_util::future::join_all;

use crate::studio::Studio;

const RACERS: usize = 64;
const SEATS: i32 = 20;

/// How many of the racers got a seat, and how many were refused cleanly.
async fn race(studio: &Studio, credit_cost: i32) -> (usize, usize) {
    let session = studio.session(credit_cost, SEATS).await;
    let racers: Vec<_> = (0..RACERS).map(|_| studio.member(credit_cost)).collect();
    let answers = join_all(racers.iter().map(|racer| studio.book(racer, &session))).await;
    let (mut sold, mut refused) = (0, 0);
    for (racer, answer) in racers.iter().zip(answers) {
        if answer.status == 201 {
            sold += 1;
        } else {
            answer.expect_problem(409, "session_full");
            assert_eq!(studio.credits.available(racer), credit_cost, "who got no seat keeps their credits");
            refused += 1;
        }
    }
    (sold, refused)
}

#[cfg(not(feature = "unguarded"))]
#[actix_web::test]
async fn sixty_four_people_race_for_twenty_seats_and_exactly_twenty_get_one() {
    let studio = Studio::open().await;
    for credit_cost in [0, 1] {
        assert_eq!(race(&studio, credit_cost).await, (20, 44));
    }
    studio.app.run_jobs().await;
    studio.close().await;
}

/// The negative control: were the guard not what keeps the promise above, that test would prove nothing.
#[cfg(feature = "unguarded")]
#[actix_web::test]
async fn without_the_guard_the_same_race_oversells() {
    let studio = Studio::open().await;
    let mut most = 0;
    for _ in 0..5 {
        let (sold, _) = race(&studio, 0).await;
        most = most.max(sold);
    }
    assert!(most > 20, "the race was never lost: {most} sold at most");
    studio.app.stop().await;
}

#[cfg(not(feature = "unguarded"))]
#[actix_web::test]
async fn parties_bookings_and_cancellations_at_once_never_pass_the_capacity() {
    let studio = Studio::open().await;
    let session = studio.session(0, 7).await;
    let early: Vec<_> = (0..7).map(|_| studio.member(0)).collect();
    let mut booked = Vec::new();
    for member in &early {
        booked.push(studio.book(member, &session).await.expect(201).text("reservationId"));
    }
    let late: Vec<_> = (0..24).map(|_| studio.member(0)).collect();
    let leaving = early.iter().zip(&booked).map(|(member, id)| studio.cancel(member, id));
    let coming = late.iter().enumerate().map(|(n, member)| {
        let studio = &studio;
        let body = serde_json::json!({ "sessionId": session, "seats": 1 + n % 3 });
        async move { studio.book_as(member, "party", &body).await }
    });
    let (left, came) = futures_util::join!(join_all(leaving), join_all(coming));
    assert!(left.iter().all(|answer| answer.status == 200));
    assert!(came.iter().all(|answer| matches!(answer.status, 201 | 409)));
    assert!(studio.seats_left(&session).await >= 0);
    studio.close().await;
}

#[cfg(not(feature = "unguarded"))]
#[actix_web::test]
async fn one_person_who_books_twenty_times_at_once_under_different_keys_gets_one_reservation() {
    let studio = Studio::open().await;
    let (member, session) = (studio.member(20), studio.session(1, 20).await);
    let body = serde_json::json!({ "sessionId": session });
    let keys: Vec<_> = (0..20).map(|n| format!("key-{n}")).collect();
    let answers = join_all(keys.iter().map(|key| studio.book_as(&member, key, &body))).await;
    let booked = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(booked, 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "already_booked");
    }
    assert_eq!(studio.seats_left(&session).await, 19);
    assert_eq!(studio.credits.available(&member), 19);
    studio.close().await;
}
