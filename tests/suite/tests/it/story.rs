//! The story of the platform, as a stranger lives it: each answer in its exact shape, and each request twice.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use suite::{
    Answer, ClassTerms, Member, PackageTerms, Person, SessionTerms, Stack, Wallet, assert_has_members,
    assert_members, invariants, until,
};

use crate::auth_ways::until_not_locked;

const TOKENS: [&str; 5] = ["accessToken", "tokenType", "expiresIn", "refreshToken", "user"];
const USER: [&str; 6] = ["userId", "email", "name", "roles", "tier", "tenantId"];
const COST: i64 = 2;
const PACK: i32 = 5;

#[tokio::test]
async fn a_stranger_signs_up_buys_books_and_cancels_and_every_answer_has_its_shape() {
    let stack = Stack::attach().await;
    let admin = stack.admin().await;
    let person = join(&stack).await;
    let bought = buy(&stack, &admin, &person).await;
    let session = find_a_session(&stack, &admin).await;
    let reservation = book(&stack, &person, &session, &bought).await;
    cancel(&stack, &person, &reservation, &bought).await;
    ledger(&stack, &person).await;
    invariants::check(&stack).await;
}

/// Signs up, is not let in before the address is confirmed, confirms it once, and signs in.
async fn join(stack: &Stack) -> Person {
    let email = format!("{}@{}", stack.fresh("story"), stack.domain);
    let password = stack.fresh("Sésame9");
    let request = json!({ "email": email, "password": password, "name": "Sacha Exemple", "locale": "fr" });
    let signed_up = stack.post("/api/auth/signup").json(&request).send().await.expect(202);
    assert_eq!(signed_up.body, json!({ "status": "verification_sent" }));
    let again = stack.post("/api/auth/signup").json(&request).send().await.expect(202);
    assert_eq!(again.body, signed_up.body);

    // The account is made by a job: once the mail is there, so is the account.
    let mail = stack.mail_with(&email, "/verify-email#token=").await;
    assert_members(&mail, &["id", "to", "subject", "text", "html", "createdAt"]);
    let page = format!("{}#token=", stack.url("/verify-email"));
    assert!(mail["text"].as_str().is_some_and(|text| text.contains(&page)), "{mail:#}");

    let credentials = json!({ "email": email, "password": password, "deviceId": stack.fresh("device") });
    let early = stack.post("/api/auth/signin").json(&credentials).send().await;
    let early = early.expect_problem(401, "invalid_credentials");
    let wrong = json!({ "email": email, "password": "not the password" });
    let wrong =
        until_not_locked(stack, "/api/auth/signin", &wrong).await.expect_problem(401, "invalid_credentials");
    assert_eq!(wrong.body["detail"], early.body["detail"]);

    let verify = async || {
        let token = stack.verification_token(&email).await;
        stack.post("/api/auth/email/verify").json(&json!({ "token": token })).send().await
    };
    assert_eq!(verify().await.expect(204).body, Value::Null);
    verify().await.expect_problem(410, "link_gone");

    let signed_in =
        until_not_locked(stack, "/api/auth/signin", &credentials).await.expect(200).expect_members(&TOKENS);
    assert_members(&signed_in.body["user"], &USER);
    assert_eq!(signed_in.body["tokenType"], "Bearer");
    assert_eq!(signed_in.body["user"]["roles"], json!(["member"]));
    let person = Person {
        email,
        password,
        name: "Sacha Exemple".to_owned(),
        member: Member {
            user_id: text(&signed_in.body["user"], "userId").parse().expect("userId is a UUID"),
            token: signed_in.text("accessToken"),
        },
        refresh_token: signed_in.text("refreshToken"),
    };
    let profile = stack.get("/api/user/profile").bearer(&person).send().await.expect(200);
    let mut members = USER.to_vec();
    members.extend(["locale", "emailVerified", "createdAt"]);
    members.extend(["avatarId", "bio", "timeZone", "preferences", "onboarding"]);
    let profile = profile.expect_members(&members);
    assert_eq!((&profile.body["email"], &profile.body["locale"]), (&json!(person.email), &json!("fr")));
    assert_eq!(profile.body["emailVerified"], true);
    stack.get("/api/user/profile").send().await.expect_problem(401, "unauthenticated");
    person
}

/// Returns the wallet after the payment.
async fn buy(stack: &Stack, admin: &Member, person: &Person) -> Wallet {
    let package = stack.package(admin, PackageTerms { credits: PACK, validity_days: 90 }).await;
    let packages = stack.get("/api/credits/packages").query(&[("limit", "200")]).send().await.expect(200);
    let packages = packages.expect_members(&["items", "nextCursor"]);
    assert_members(
        &packages.items()[0],
        &["id", "name", "credits", "priceMinor", "currency", "validityDays"],
    );

    let empty = stack.wallet(person).await;
    assert_eq!((empty.available, empty.held, empty.lots.len()), (0, 0, 0));
    let key = stack.fresh("checkout");
    let checkout = stack.checkout(person, &package, &key).send().await.expect(201);
    let checkout = checkout.expect_members(&["paymentId", "checkoutSessionId", "checkoutUrl"]);
    assert_replayed(&checkout, &stack.checkout(person, &package, &key).send().await);
    let page = stack.url_of("pay", "/c/pay/");
    assert!(checkout.text("checkoutUrl").starts_with(&page), "{:#}", checkout.body);
    let payment = checkout.text("paymentId");
    assert_eq!(stack.payment_status(person, &payment).await, "open");

    stack.press_pay(&checkout.text("checkoutSessionId")).await;
    stack.press_pay(&checkout.text("checkoutSessionId")).await;
    stack.wait_until_paid(person, &payment).await;
    let path = format!("/api/payment/{payment}");
    stack.get(&path).bearer(person).send().await.expect(200).expect_at_least(&["paymentId", "status"]);
    stack.get(&path).bearer(stack.mint()).send().await.expect_problem(404, "not_found");
    let wallet = stack.wallet(person).await;
    assert_eq!((wallet.available, wallet.held, wallet.lots.len()), (i64::from(PACK), 0, 1));
    wallet
}

/// The calendar shows what the studio has just put on it.
async fn find_a_session(stack: &Stack, admin: &Member) -> Value {
    let class = stack.class(admin, ClassTerms { credit_cost: 2 }).await;
    let starts_at = stack.clock.now() + TimeDelta::days(5);
    let instant = |by: i64| (starts_at + TimeDelta::seconds(by)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let body = json!({ "classId": class, "startsAt": instant(0), "capacity": 3 });
    let key = stack.fresh("session");
    let create = || stack.post("/api/sessions").bearer(admin).idempotency_key(&key).json(&body);
    let created = create().send().await.expect(201);
    assert_replayed(&created, &create().send().await);
    stack
        .post("/api/sessions")
        .bearer(stack.mint())
        .json(&body)
        .send()
        .await
        .expect_problem(403, "permission_denied");

    let window = [("from", instant(0)), ("to", instant(1)), ("limit", "200".to_owned())];
    let window = window.each_ref().map(|(name, value)| (*name, value.as_str()));
    let calendar = stack.get("/api/sessions").query(&window).send().await.expect(200);
    let calendar = calendar.expect_members(&["items", "nextCursor"]);
    let session = calendar.items().iter().find(|session| session["id"] == created.body["id"]);
    let session = session.expect("the calendar shows the session").clone();
    assert_has_members(
        &session,
        &["id", "classId", "title", "startsAt", "endsAt", "capacity", "seatsLeft", "creditCost"],
    );
    assert_eq!((&session["seatsLeft"], &session["creditCost"]), (&json!(3), &json!(COST)));
    session
}

/// Returns the reservation.
async fn book(stack: &Stack, person: &Person, session: &Value, before: &Wallet) -> String {
    let (id, key) = (text(session, "id"), stack.fresh("book"));
    let booked = stack.booking(person, id, &key).send().await.expect(201);
    let reservation = booked.text("reservationId");
    let expected = json!({
        "reservationId": reservation, "status": "confirmed", "sessionId": id, "seats": 1, "creditsCharged": COST,
    });
    assert_eq!(booked.body, expected);
    assert_replayed(&booked, &stack.booking(person, id, &key).send().await);
    let other_body = json!({ "sessionId": id, "seats": 2 });
    let misused = stack.post("/api/booking/create").bearer(person).idempotency_key(&key).json(&other_body);
    misused.send().await.expect(422);
    stack.book(person, id).await.expect_problem(409, "already_booked");

    let mine = stack.reservation(person, &reservation).await;
    assert_has_members(&mine, &["reservationId", "status"]);
    assert_eq!(mine["status"], "confirmed");
    let path = format!("/api/booking/{reservation}");
    stack.get(&path).bearer(stack.mint()).send().await.expect_problem(404, "not_found");
    let list = stack.get("/api/booking").bearer(person).send().await.expect(200);
    let list = list.expect_members(&["items", "nextCursor"]);
    assert_eq!(list.items(), [mine]);

    let wallet = until("the hold is captured", async || {
        Some(stack.wallet(person).await).filter(|wallet| wallet.held == 0)
    })
    .await;
    assert_eq!(wallet.available, before.available - COST);
    assert_eq!(wallet.lots[0].remaining, before.available - COST);
    let title = text(session, "title");
    let mail = stack.mail_with(&person.email, title).await;
    assert!(mail["subject"].as_str().is_some_and(|subject| subject.contains(title)), "{mail:#}");
    assert!(mail["text"].as_str().is_some_and(|text| text.contains("réservation")), "{mail:#}");
    reservation
}

async fn cancel(stack: &Stack, person: &Person, reservation: &str, before: &Wallet) {
    let stranger = stack.mint();
    stack.cancellation(&stranger, reservation).send().await.expect_problem(404, "not_found");
    let cancelled = stack.cancellation(person, reservation).send().await.expect(200);
    let expected = json!({ "reservationId": reservation, "status": "cancelled", "creditsRefunded": COST });
    assert_eq!(cancelled.body, expected);
    let again = stack.cancellation(person, reservation).send().await.expect(200);
    assert_eq!(again.body, cancelled.body);
    until("the credits are back in the lot they came from", async || {
        (stack.wallet(person).await == *before).then_some(())
    })
    .await;
}

async fn ledger(stack: &Stack, person: &Person) {
    let answer = stack.get("/api/credits/transactions").bearer(person).send().await.expect(200);
    answer.expect_members(&["items", "nextCursor"]);
    let movements = stack.movements(person).await;
    for movement in &movements {
        assert_members(movement, &["id", "type", "amount", "reference", "createdAt"]);
    }
    let told = |kind: &str| -> Vec<i64> {
        let of_kind = movements.iter().filter(|movement| movement["type"] == kind);
        of_kind.filter_map(|movement| movement["amount"].as_i64()).collect()
    };
    assert_eq!(told("purchase"), [i64::from(PACK)]);
    assert_eq!(told("deduction"), [-COST]);
    assert_eq!(told("refund"), [COST]);
    let total: i64 = movements.iter().filter_map(|movement| movement["amount"].as_i64()).sum();
    assert_eq!(total, stack.wallet(person).await.available, "{movements:#?}");
}

/// The same answer as before, and marked as such.
#[track_caller]
fn assert_replayed(first: &Answer, again: &Answer) {
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.headers.get("idempotent-replayed").map(|value| value.as_bytes()), Some(&b"true"[..]));
}

#[tokio::test]
async fn mails_speak_the_language_that_the_person_chose() {
    let stack = Stack::attach().await;
    let admin = stack.admin().await;
    let package = stack.package(&admin, PackageTerms { credits: 1, validity_days: 30 }).await;
    let session = stack.session_costing(&admin, 1, SessionTerms::far_ahead(2)).await;
    for (locale, word) in [("fr", "Votre réservation est confirmée"), ("en", "Your booking is confirmed")] {
        let person = stack.sign_up(locale).await;
        stack.buy(&person, &package).await;
        stack.book(&person, &session).await.expect(201);
        let mail = stack.mail_with(&person.email, word).await;
        assert!(mail["html"].as_str().is_some_and(|html| html.contains(word)), "{mail:#}");
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_refresh_token_that_was_used_before_ends_the_whole_family() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    let refresh = async |token: &str| {
        stack.post("/api/auth/refresh").json(&json!({ "refreshToken": token })).send().await
    };
    let first = person.refresh_token.clone();
    let second = refresh(&first).await.expect(200).expect_members(&TOKENS).text("refreshToken");
    let third = refresh(&second).await.expect(200).expect_members(&TOKENS);
    let access = third.text("accessToken");
    stack.get("/api/user/profile").bearer(&access).send().await.expect(200);

    refresh(&first).await.expect_problem(401, "refresh_refused");
    refresh(&third.text("refreshToken")).await.expect_problem(401, "refresh_refused");
    until("no service takes the family's access token", async || {
        let profile = stack.get("/api/user/profile").bearer(&access).send().await;
        let wallet = stack.get("/api/credits/wallet").bearer(&access).send().await;
        let bookings = stack.get("/api/booking").bearer(&access).send().await;
        (profile.status == 401 && wallet.status == 401 && bookings.status == 401).then_some(())
    })
    .await;
    let other_session = stack.sign_in(&person.email, &person.password).await;
    assert!(other_session["accessToken"].is_string(), "the person may sign in again");
    invariants::check(&stack).await;
}

#[tokio::test]
async fn after_a_logout_neither_token_is_good_anywhere() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("fr").await;
    let other = stack.sign_in(&person.email, &person.password).await;
    stack.post("/api/auth/logout").bearer(&person).send().await.expect(204);
    let refresh = json!({ "refreshToken": person.refresh_token });
    stack.post("/api/auth/refresh").json(&refresh).send().await.expect_problem(401, "refresh_refused");
    until("every service has heard of it", async || {
        let mut refused = true;
        for path in ["/api/user/profile", "/api/credits/wallet", "/api/booking"] {
            refused &= stack.get(path).bearer(&person).send().await.status == 401;
        }
        refused.then_some(())
    })
    .await;
    let token = text(&other, "accessToken");
    stack.get("/api/credits/wallet").bearer(token).send().await.expect(200);
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_second_sign_up_with_a_known_address_looks_like_the_first_and_tells_its_owner() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("fr").await;
    let again = json!({
        "email": person.email.to_uppercase(), "password": stack.fresh("Autre9"), "name": "Intrus", "locale": "en",
    });
    let answer = stack.post("/api/auth/signup").json(&again).send().await.expect(202);
    assert_eq!(answer.body, json!({ "status": "verification_sent" }));
    let mail = stack.mail_with(&person.email, "a essayé d'ouvrir un compte").await;
    assert!(mail["text"].as_str().is_some_and(|text| !text.contains("#token=")), "{mail:#}");
    let stolen = json!({ "email": person.email, "password": again["password"] });
    stack.post("/api/auth/signin").json(&stolen).send().await.expect_problem(401, "invalid_credentials");
    let profile = stack.get("/api/user/profile").bearer(&person).send().await.expect(200);
    assert_eq!(profile.body["name"], person.name);
    invariants::check(&stack).await;
}

/// A string member.
#[track_caller]
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member:?} in {value:#}"))
}
