//! Parts of the platform that are gone for a while: what still works, and what settles by itself.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use suite::{
    Call, ClassTerms, Member, PackageTerms, Person, SessionTerms, Stack, invariants, until, until_within,
};

use crate::absence::Absence;

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

/// So soon what cannot be done is refused, and can be done again once auth is back.
const PROMISED: Duration = Duration::from_secs(5);
/// Auth is asked twice, and given two seconds each time; the rest is for a busy machine.
const REFUSED_WITHIN: Duration = Duration::from_secs(8);
/// What is sensitive writes there.
const WRITTEN: &str = "SELECT (SELECT count(*) FROM credits.packages) AS packages,
    (SELECT count(*) FROM credits.payments) AS payments,
    (SELECT count(*) FROM booking.classes) AS classes,
    (SELECT count(*) FROM booking.sessions) AS sessions";

/// What staff change and what is bought: for these auth itself is asked whether the token is still good.
struct Sensitive {
    admin: Member,
    buyer: Person,
    package: String,
    class: String,
    starts_at: String,
}

impl Sensitive {
    async fn prepare(stack: &Stack, buyer: Person) -> Self {
        let admin = stack.admin().await;
        let package = stack.package(&admin, PackageTerms { credits: 1, validity_days: 30 }).await;
        let class = stack.class(&admin, ClassTerms { credit_cost: 1 }).await;
        let starts_at = stack.clock.now() + TimeDelta::days(6);
        let starts_at = starts_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Self { admin, buyer, package, class, starts_at }
    }

    /// The requests, under keys of their own.
    fn calls(&self, stack: &Stack, key: &str) -> [(&'static str, Call); 4] {
        let create = |what: &str, path: &str| {
            stack.post(path).bearer(&self.admin).idempotency_key(&format!("{key}-{what}"))
        };
        let package = json!({
            "name": "Pack", "credits": 1, "priceMinor": 1000, "currency": "EUR", "validityDays": 30,
        });
        let class = json!({ "title": "Yoga", "durationMinutes": 60, "creditCost": 1 });
        let session = json!({ "classId": self.class, "startsAt": self.starts_at, "capacity": 5 });
        [
            ("a package", create("package", "/api/credits/packages").json(&package)),
            ("a class", create("class", "/api/classes").json(&class)),
            ("a session", create("session", "/api/sessions").json(&session)),
            ("a purchase", stack.checkout(&self.buyer, &self.package, &format!("{key}-checkout"))),
        ]
    }

    /// Auth does not answer: nothing of it is done, and everything else goes on.
    async fn assert_waits(&self, stack: &Stack, key: &str, session: &str) {
        let before = stack.superuser().await.rows(WRITTEN).await;
        for (what, call) in self.calls(stack, key) {
            let asked = Instant::now();
            let answer = call.send().await.expect_problem(503, "trust_unavailable");
            let took = asked.elapsed();
            assert!(took < REFUSED_WITHIN, "{what} was refused after {took:?}");
            assert!(answer.headers.contains_key("retry-after"), "{what}: {answer:?}");
        }
        assert_eq!(stack.superuser().await.rows(WRITTEN).await, before, "nothing was changed");
        for path in
            ["/api/credits/wallet", "/api/credits/packages", "/api/classes", "/api/sessions", "/api/booking"]
        {
            stack.get(path).bearer(&self.buyer).send().await.expect(200);
        }
        stack.book_and_settle(&self.buyer, session).await.expect(201);
    }

    /// Auth is back: the very same requests are done.
    async fn assert_done(&self, stack: &Stack, key: &str) {
        until_within(PROMISED, "what is sensitive is done again", async || {
            for (_, call) in self.calls(stack, key) {
                if call.send().await.status != 201 {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }
}

#[tokio::test]
async fn without_auth_what_is_sensitive_is_refused_and_changes_nothing_and_the_rest_goes_on() {
    let stack = Stack::attach().await;
    let (person, first) = member_and_session(&stack).await;
    let sensitive = Sensitive::prepare(&stack, person).await;
    let second = stack.session(&sensitive.admin, &sensitive.class, SessionTerms::far_ahead(10)).await;

    let key = stack.fresh("dead");
    let auth = Absence::of(&stack, "auth").await;
    sensitive.assert_waits(&stack, &key, &first).await;
    auth.end(&stack).await;
    sensitive.assert_done(&stack, &key).await;

    let key = stack.fresh("hangs");
    stack.freeze("auth").await;
    sensitive.assert_waits(&stack, &key, &second).await;
    stack.thaw("auth").await;
    sensitive.assert_done(&stack, &key).await;
    invariants::check(&stack).await;
}
