//! Setting credits aside, spending them, giving them back.

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::{Role, UserId};
use uuid::Uuid;

use crate::harness::Studio;

fn allocations(hold: &Value) -> Vec<(String, i64)> {
    let parts = hold["allocations"].as_array().expect("allocations").iter();
    parts
        .map(|part| {
            (part["lotId"].as_str().expect("an id").to_owned(), part["amount"].as_i64().expect("a number"))
        })
        .collect()
}

#[actix_web::test]
async fn a_hundred_holds_at_once_on_three_credits_are_three_with_the_soonest_lots_first() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    let never = studio.grant(&anna, 1, None).await;
    let late = studio.grant(&anna, 1, Some(60)).await;
    let soon = studio.grant(&anna, 1, Some(30)).await;
    let holds = join_all((0..100).map(|_| studio.hold(studio.reservation(), anna.user_id, 1))).await;
    let (mut taken, mut refused) = (Vec::new(), 0);
    for hold in holds {
        match hold.status {
            200 => taken.extend(allocations(&hold.body).into_iter().map(|(lot, _)| lot)),
            _ => {
                hold.expect_problem(402, "insufficient_credits");
                refused += 1;
            }
        }
    }
    assert_eq!((taken.len(), refused), (3, 97));
    let mut expected = [soon, late, never];
    expected.sort();
    taken.sort();
    assert_eq!(taken, expected);
    let wallet = studio.wallet(&anna).await;
    assert_eq!((&wallet["available"], &wallet["held"]), (&json!(0), &json!(3)));
    studio.close().await;
}

#[actix_web::test]
async fn without_the_wallets_lock_the_same_race_fails_on_the_last_line_of_defence() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 3, None).await;
    // The same function, without its first line of defence.
    let unlock = "DO $$ BEGIN EXECUTE replace(pg_get_functiondef('hold_credits'::regproc),
        'WHERE tenant_id = tenant AND user_id = holder FOR UPDATE;', 'WHERE tenant_id = tenant AND user_id = holder;'); END $$";
    studio.app.superuser().await.run(unlock).await;
    let holds = join_all((0..100).map(|_| studio.hold(studio.reservation(), anna.user_id, 1))).await;
    let faults = holds.iter().filter(|hold| hold.status == 500).count();
    let held = holds.iter().filter(|hold| hold.status == 200).count();
    assert!(faults > 0, "the race did not happen: {held} held");
    assert!(held <= 3);
    studio.close().await;
}

#[actix_web::test]
async fn a_hold_takes_soonest_expiry_first_and_never_expiring_credits_last() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    let never = studio.grant(&anna, 5, None).await;
    let late = studio.grant(&anna, 2, Some(60)).await;
    let soon = studio.grant(&anna, 2, Some(30)).await;
    let hold = studio.hold(studio.reservation(), anna.user_id, 5).await.expect(200).body;
    assert_eq!(allocations(&hold), [(soon, 2), (late, 2), (never, 1)]);
    studio.close().await;
}

#[actix_web::test]
async fn a_repeated_hold_answers_the_same_and_another_amount_or_member_is_422() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 5, None).await;
    let reservation = studio.reservation();
    let repeated = join_all((0..20).map(|_| studio.hold(reservation, anna.user_id, 2))).await;
    for answer in &repeated {
        assert_eq!(answer.clone().expect(200).body, repeated[0].body);
    }
    studio.hold(reservation, anna.user_id, 3).await.expect_problem(422, "hold_differs");
    let ben = studio.app.user(Role::Member);
    studio.hold(reservation, ben.user_id, 2).await.expect_problem(422, "hold_differs");
    studio.hold(studio.reservation(), anna.user_id, 0).await.expect_problem(422, "invalid_fields");
    assert_eq!(studio.available(&anna).await, 3);
    studio.close().await;
}

#[actix_web::test]
async fn a_hold_that_the_wallet_cannot_cover_leaves_no_trace_and_may_come_again() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    let reservation = studio.reservation();
    studio.hold(reservation, anna.user_id, 1).await.expect_problem(402, "insufficient_credits");
    studio.grant(&anna, 1, None).await;
    studio.hold(reservation, anna.user_id, 1).await.expect(200);
    studio.close().await;
}

#[actix_web::test]
async fn a_release_before_its_hold_refuses_the_late_hold_for_ever() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 5, None).await;
    let reservation = studio.reservation();
    let tombstone = studio.settle(reservation, "release").await.expect(200).body;
    assert_eq!((&tombstone["state"], &tombstone["amount"]), (&json!("released"), &json!(0)));
    assert_eq!(tombstone["userId"], Uuid::nil().to_string());
    for _ in 0..2 {
        studio.hold(reservation, anna.user_id, 1).await.expect_problem(409, "hold_closed");
    }
    studio.settle(reservation, "capture").await.expect_problem(409, "hold_closed");
    assert_eq!(studio.available(&anna).await, 5);
    studio.close().await;
}

#[actix_web::test]
async fn a_hold_and_its_release_at_once_end_without_held_credits() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 50, None).await;
    let races = (0..50).map(async |_| {
        let reservation = studio.reservation();
        let (hold, release) = futures_util::join!(
            studio.hold(reservation, anna.user_id, 1),
            studio.settle(reservation, "release")
        );
        release.expect(200);
        assert!(hold.status == 200 || hold.status == 409, "{:#}", hold.body);
    });
    join_all(races).await;
    let wallet = studio.wallet(&anna).await;
    assert_eq!((&wallet["available"], &wallet["held"]), (&json!(50), &json!(0)));
    studio.close().await;
}

#[actix_web::test]
async fn every_step_repeated_changes_nothing_and_answers_the_same() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 5, None).await;
    let reservation = studio.reservation();
    studio.hold(reservation, anna.user_id, 2).await.expect(200);
    let captures = join_all((0..10).map(|_| studio.settle(reservation, "capture"))).await;
    for answer in captures {
        assert_eq!(answer.expect(200).body["state"], "captured");
    }
    studio.settle(reservation, "release").await.expect_problem(409, "hold_captured");
    // A hold whose answer was lost is asked again.
    assert_eq!(studio.hold(reservation, anna.user_id, 2).await.expect(200).body["state"], "captured");
    let refunds = join_all((0..10).map(|_| studio.refund(reservation, "cancelled_in_time"))).await;
    for answer in refunds {
        assert_eq!(answer.expect(200).body["state"], "refunded");
    }
    // So is a capture, also when the refund was faster.
    assert_eq!(studio.settle(reservation, "capture").await.expect(200).body["state"], "refunded");
    studio.hold(reservation, anna.user_id, 2).await.expect_problem(409, "hold_closed");
    assert_eq!(studio.available(&anna).await, 5);
    let expected = [("refund", 2), ("deduction", -2), ("adjustment", 5)];
    let mut transactions = studio.transactions(&anna).await;
    transactions.sort();
    let mut expected: Vec<_> = expected.into_iter().map(|(kind, amount)| (kind.to_owned(), amount)).collect();
    expected.sort();
    assert_eq!(transactions, expected);
    studio.close().await;
}

#[actix_web::test]
async fn consumed_credits_do_not_come_back() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 5, None).await;
    let (captured, late) = (studio.reservation(), studio.reservation());
    studio.hold(captured, anna.user_id, 1).await.expect(200);
    studio.settle(captured, "capture").await.expect(200);
    // A late cancellation may overtake the capture.
    studio.hold(late, anna.user_id, 1).await.expect(200);
    for reservation in [captured, late] {
        for _ in 0..2 {
            assert_eq!(studio.settle(reservation, "consume").await.expect(200).body["state"], "consumed");
        }
        assert_eq!(studio.settle(reservation, "capture").await.expect(200).body["state"], "consumed");
        studio.refund(reservation, "cancelled_in_time").await.expect_problem(409, "hold_consumed");
        studio.settle(reservation, "release").await.expect_problem(409, "hold_consumed");
    }
    assert_eq!(studio.available(&anna).await, 3);
    studio.close().await;
}

#[actix_web::test]
async fn what_was_never_held_cannot_be_captured_consumed_or_refunded() {
    let studio = Studio::open().await;
    for step in ["capture", "consume"] {
        studio.settle(studio.reservation(), step).await.expect_problem(404, "not_found");
    }
    studio.refund(studio.reservation(), "cancelled_in_time").await.expect_problem(404, "not_found");
    let path = format!("/internal/v1/holds/{}", studio.reservation());
    studio.as_booking(Method::GET, &path).send().await.expect_problem(404, "not_found");
    studio.close().await;
}

#[actix_web::test]
async fn a_refund_returns_units_to_the_lots_they_came_from() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    let (soon, late) = (studio.grant(&anna, 2, Some(30)).await, studio.grant(&anna, 2, Some(60)).await);
    let reservation = studio.reservation();
    studio.hold(reservation, anna.user_id, 3).await.expect(200);
    studio.settle(reservation, "capture").await.expect(200);
    studio.refund(reservation, "cancelled_in_time").await.expect(200);
    let lots = studio.wallet(&anna).await["lots"].clone();
    let seen: Vec<_> =
        lots.as_array().unwrap().iter().map(|lot| (lot["id"].clone(), lot["remaining"].clone())).collect();
    assert_eq!(seen, [(json!(soon), json!(2)), (json!(late), json!(2))]);
    studio.close().await;
}

#[actix_web::test]
async fn units_of_a_lot_that_expired_in_the_meantime_live_on_for_a_grace() {
    let studio = Studio::open().await;
    for (reason, days) in [("cancelled_in_time", 7), ("cancelled_by_studio", 30)] {
        let anna = studio.app.user(Role::Member);
        let (expired, other) = (studio.grant(&anna, 1, Some(1)).await, studio.grant(&anna, 1, None).await);
        let reservation = studio.reservation();
        studio.hold(reservation, anna.user_id, 2).await.expect(200);
        studio.settle(reservation, "capture").await.expect(200);
        studio.app.advance(TimeDelta::days(1));
        studio.app.run_jobs().await;
        let anna = studio.app.renewed(&anna, Role::Member);
        studio.refund(reservation, reason).await.expect(200);
        let wallet = studio.wallet(&anna).await;
        assert_eq!(wallet["available"], 2);
        let child = &wallet["lots"][0];
        let expiry =
            (studio.now() + TimeDelta::days(days)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        assert_eq!((&child["source"], &child["expiresAt"]), (&json!("return"), &json!(expiry)));
        assert_ne!(child["id"], expired.as_str());
        assert_eq!(wallet["lots"][1]["id"], other.as_str());
        // The grace ends like any other lot.
        studio.app.advance(TimeDelta::days(days));
        studio.app.run_jobs().await;
        let anna = studio.app.renewed(&anna, Role::Member);
        assert_eq!(studio.available(&anna).await, 1);
    }
    studio.close().await;
}

#[actix_web::test]
async fn a_released_hold_of_an_expired_lot_has_a_grace_too() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 2, Some(1)).await;
    let reservation = studio.reservation();
    studio.hold(reservation, anna.user_id, 1).await.expect(200);
    studio.app.advance(TimeDelta::days(1));
    studio.settle(reservation, "release").await.expect(200);
    let anna = studio.app.renewed(&anna, Role::Member);
    let wallet = studio.wallet(&anna).await;
    assert_eq!((&wallet["available"], &wallet["lots"][0]["source"]), (&json!(1), &json!("return")));
    studio.close().await;
}

#[actix_web::test]
async fn a_lot_that_expires_while_held_is_captured_all_the_same() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 1, Some(1)).await;
    let reservation = studio.reservation();
    studio.hold(reservation, anna.user_id, 1).await.expect(200);
    studio.app.advance(TimeDelta::days(2));
    studio.app.run_jobs().await;
    studio.settle(reservation, "capture").await.expect(200);
    studio.close().await;
}

#[actix_web::test]
async fn a_lot_is_spent_until_its_last_microsecond_and_not_at_its_expiry() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 3, Some(1)).await;
    studio.app.advance(TimeDelta::days(1) - TimeDelta::microseconds(1));
    studio.hold(studio.reservation(), anna.user_id, 1).await.expect(200);
    studio.app.advance(TimeDelta::microseconds(1));
    studio.hold(studio.reservation(), anna.user_id, 1).await.expect_problem(402, "insufficient_credits");
    let anna = studio.app.renewed(&anna, Role::Member);
    assert_eq!(studio.available(&anna).await, 0);
    studio.close().await;
}

#[actix_web::test]
async fn the_list_of_holds_goes_by_state_and_page() {
    let studio = Studio::open().await;
    let anna = studio.app.user(Role::Member);
    studio.grant(&anna, 9, None).await;
    let mut held = Vec::new();
    for number in 0..5 {
        let reservation = studio.reservation();
        studio.hold(reservation, anna.user_id, 1).await.expect(200);
        match number {
            0 => drop(studio.settle(reservation, "capture").await.expect(200)),
            _ => held.push(reservation.to_string()),
        }
        studio.app.advance(TimeDelta::milliseconds(2));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/internal/v1/holds?state=held&limit=3{cursor}");
        let page = studio.as_booking(Method::GET, &path).send().await.expect(200).body;
        for hold in page["items"].as_array().unwrap() {
            assert_eq!((&hold["state"], allocations(hold).len()), (&json!("held"), 1));
            seen.push(hold["reservationId"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, held);
    let all = studio.as_booking(Method::GET, "/internal/v1/holds").send().await.expect(200).body;
    assert_eq!(all["items"].as_array().unwrap().len(), 5);
    studio.as_booking(Method::GET, "/internal/v1/holds?state=lost").send().await.expect(422);
    studio.close().await;
}

#[actix_web::test]
async fn many_wallets_and_steps_at_once_never_deadlock_and_keep_every_unit() {
    let studio = Studio::open().await;
    let members: Vec<_> = (0..4).map(|_| studio.app.user(Role::Member)).collect();
    for member in &members {
        for days in [Some(20), Some(10), None] {
            studio.grant(member, 5, days).await;
        }
    }
    let stories = (0..80_usize).map(async |number| {
        let (reservation, member): (_, UserId) = (studio.reservation(), members[number % 4].user_id);
        if studio.hold(reservation, member, 2).await.status == 402 {
            return;
        }
        let (first, second) = match number % 3 {
            0 => futures_util::join!(
                studio.settle(reservation, "capture"),
                studio.settle(reservation, "release")
            ),
            1 => futures_util::join!(
                studio.settle(reservation, "capture"),
                studio.refund(reservation, "cancelled_in_time")
            ),
            _ => futures_util::join!(
                studio.settle(reservation, "consume"),
                studio.settle(reservation, "release")
            ),
        };
        for answer in [first, second] {
            assert!(answer.status == 200 || answer.status == 409, "{:#}", answer.body);
        }
    });
    join_all(stories).await;
    studio.close().await;
}
