//! Parts of the platform that are gone for a while: what still works, and what settles by itself.

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use suite::{PackageTerms, Person, SessionTerms, Stack, invariants, until};

const PACK: i32 = 5;
const CREDITS: i64 = PACK as i64;

/// Somebody with credits, and a session that costs one.
async fn member_and_session(stack: &Stack) -> (Person, String) {
    let admin = stack.admin().await;
    let package = stack.package(&admin, PackageTerms { credits: PACK, validity_days: 30 }).await;
    let person = stack.sign_up("en").await;
    stack.buy(&person, &package).await;
    let session = stack.session_costing(&admin, 1, SessionTerms::far_ahead(10)).await;
    (person, session)
}

async fn wait_until_settled(stack: &Stack, person: &Person, available: i64) {
    until("the wallet has settled", async || {
        let wallet = stack.wallet(person).await;
        (wallet.available == available && wallet.held == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_emptied_redis_changes_no_wallet_and_no_booking() {
    let stack = Stack::attach().await;
    let (person, session) = member_and_session(&stack).await;
    let key = stack.fresh("book");
    let booked = stack.booking(&person, &session, &key).send().await.expect(201);
    wait_until_settled(&stack, &person, CREDITS - 1).await;
    let wallet = stack.wallet(&person).await;

    stack.flush_redis().await;
    assert_eq!(stack.wallet(&person).await, wallet);
    let again = stack.booking(&person, &session, &key).send().await.expect(201);
    assert_eq!(again.body, booked.body);
    let reservation = booked.text("reservationId");
    stack.cancellation(&person, &reservation).send().await.expect(200);
    wait_until_settled(&stack, &person, CREDITS).await;
    let refresh = json!({ "refreshToken": person.refresh_token });
    stack.post("/api/auth/refresh").json(&refresh).send().await.expect(200);
    invariants::check(&stack).await;
}

#[tokio::test]
async fn while_redis_is_down_people_book_and_pay_and_passwords_cannot_be_guessed_faster() {
    let stack = Stack::attach().await;
    let admin = stack.admin().await;
    let package = stack.package(&admin, PackageTerms { credits: 2, validity_days: 30 }).await;
    let (person, session) = member_and_session(&stack).await;
    let before = stack.processes_of("redis").await;

    stack.freeze("redis").await;
    stack.book(&person, &session).await.expect(201);
    stack.buy(&person, &package).await;
    wait_until_settled(&stack, &person, CREDITS - 1 + 2).await;
    stack.sign_in(&person.email, &person.password).await;
    assert_guessing_is_slow(&stack, &person.email).await;

    stack.kill("redis").await;
    stack.wait_for_successors(&before).await;
    assert_eq!(stack.wallet(&person).await.available, CREDITS - 1 + 2);
    assert_guessing_is_slow(&stack, &person.email).await;
    until("the wait is over", async || {
        let credentials = json!({ "email": person.email, "password": person.password });
        let answer = stack.post("/api/auth/signin").json(&credentials).send().await;
        (answer.status == 200).then_some(())
    })
    .await;
    invariants::check(&stack).await;
}

/// Of thirty guesses at once few are looked at, and the others are told to wait.
async fn assert_guessing_is_slow(stack: &Stack, email: &str) {
    let statuses: Vec<u16> = stream::iter(0..30)
        .map(async |number| {
            let guess = json!({ "email": email, "password": format!("wrong password {number}") });
            stack.post("/api/auth/signin").json(&guess).send().await.status
        })
        .buffer_unordered(30)
        .collect()
        .await;
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    assert!(looked_at <= 10, "{looked_at} of 30 guesses were looked at: {statuses:?}");
}

#[tokio::test]
async fn with_credits_down_a_booking_is_pending_and_settles_by_itself() {
    let stack = Stack::attach().await;
    let (person, session) = member_and_session(&stack).await;
    let before = stack.processes_of("credits").await;

    stack.freeze("credits").await;
    let key = stack.fresh("book");
    let pending = stack.booking(&person, &session, &key).send().await.expect(202);
    let reservation = pending.text("reservationId");
    let expected = json!({
        "reservationId": reservation, "status": "pending", "sessionId": session, "seats": 1, "creditsCharged": 0,
    });
    assert_eq!(pending.body, expected);
    let again = stack.booking(&person, &session, &key).send().await.expect(202);
    assert_eq!(again.body, pending.body);
    assert_eq!(stack.reservation(&person, &reservation).await["status"], "pending");

    stack.kill("credits").await;
    stack.wait_for_successors(&before).await;
    until("the booking settles by itself", async || {
        (stack.reservation(&person, &reservation).await["status"] == "confirmed").then_some(())
    })
    .await;
    wait_until_settled(&stack, &person, CREDITS - 1).await;
    stack.mail_with(&person.email, "Your booking is confirmed").await;
    let settled = stack.booking(&person, &session, &key).send().await.expect(201);
    assert_eq!(settled.body["creditsCharged"], 1);
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_pending_booking_that_turns_out_unpaid_is_rejected_and_its_seat_is_free_again() {
    let stack = Stack::attach().await;
    let admin = stack.admin().await;
    let session = stack.session_costing(&admin, 1, SessionTerms::far_ahead(1)).await;
    let person = stack.sign_up("fr").await;
    stack.freeze("credits").await;
    let pending = stack.book(&person, &session).await.expect(202);
    let rival = stack.mint();
    stack.book(&rival, &session).await.expect_problem(409, "session_full");
    stack.thaw("credits").await;
    let reservation = pending.text("reservationId");
    until("the booking is rejected", async || {
        (stack.reservation(&person, &reservation).await["status"] == "rejected").then_some(())
    })
    .await;
    stack.book(&rival, &session).await.expect_problem(402, "insufficient_credits");
    invariants::check(&stack).await;
}
