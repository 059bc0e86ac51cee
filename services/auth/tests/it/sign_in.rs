//! Signing in: alike for everybody who guesses, and slower each time.

use argon2::PasswordHasher as _;
use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use shinkofa_testing::TestApp;

use crate::people::{self, PASSWORD, address};
use crate::trail;

#[actix_web::test]
async fn a_wrong_password_and_an_unknown_address_have_one_answer() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let wrong = people::sign_in(&app, &address(&app, "anna"), "not the password").await;
    let unknown = people::sign_in(&app, &address(&app, "nobody"), "not the password").await;
    let wrong = wrong.expect_problem(401, "invalid_credentials");
    let mut unknown = unknown.expect_problem(401, "invalid_credentials");
    unknown.body["requestId"] = wrong.body["requestId"].clone();
    assert_eq!(wrong.body, unknown.body);
    // Both are counted alike as well, so that the lock tells nothing either.
    for who in ["anna", "nobody"] {
        let answer = people::sign_in(&app, &address(&app, who), "not the password")
            .await
            .expect_problem(429, "too_many_attempts");
        assert_eq!(answer.headers["retry-after"], "1");
    }
}

#[actix_web::test]
async fn failed_attempts_wait_longer_and_longer_and_a_right_password_ends_that() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    for wait in [1, 1, 3, 3] {
        people::sign_in(&app, &address(&app, "anna"), "not the password").await.expect(401);
        // The right password waits as well: the lock tells nothing about it.
        let locked = people::sign_in(&app, &address(&app, "anna"), PASSWORD)
            .await
            .expect_problem(429, "too_many_attempts");
        assert_eq!(locked.headers["retry-after"], wait.to_string());
        app.advance(TimeDelta::seconds(wait));
    }
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
    people::sign_in(&app, &address(&app, "anna"), "not the password").await.expect(401);
    let locked = people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(429);
    assert_eq!(locked.headers["retry-after"], "1", "counting began again");
}

#[actix_web::test]
async fn strangers_cannot_lock_out_a_device_that_its_owner_signed_in_on() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let on_phone = json!({ "email": address(&app, "anna"), "password": PASSWORD, "deviceId": "phone-7f3a" });
    app.post("/api/auth/signin").json(&on_phone).send().await.expect(200);
    people::sign_in(&app, &address(&app, "anna"), "a stranger guesses").await.expect(401);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(429);
    app.post("/api/auth/signin").json(&on_phone).send().await.expect(200);
    let other = json!({ "email": address(&app, "anna"), "password": PASSWORD, "deviceId": "never seen" });
    app.post("/api/auth/signin").json(&other).send().await.expect(422);
    let other = json!({ "email": address(&app, "anna"), "password": PASSWORD, "deviceId": "never-seen" });
    app.post("/api/auth/signin").json(&other).send().await.expect(429);
}

/// V17: the limits of production. What strangers use up is theirs, from however many networks they come.
#[actix_web::test]
async fn v17_strangers_use_up_no_attempt_of_a_device_that_its_owner_signed_in_on() {
    // Counted by this process alone: Redis is shared with other tests.
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let on_phone = json!({ "email": anna, "password": PASSWORD, "deviceId": "phone-7f3a" });
    app.post("/api/auth/signin").json(&on_phone).send().await.expect(200);
    for n in 0..40 {
        let guess = json!({ "email": anna, "password": "a stranger guesses" });
        let from = format!("203.0.113.{n}");
        let answer = app.post("/api/auth/signin").header("x-real-ip", &from).json(&guess).send().await;
        assert!([401, 429].contains(&answer.status), "{}", answer.body);
    }
    app.post("/api/auth/signin").json(&on_phone).send().await.expect(200);
}

/// V14: the count is in the database, whatever becomes of the requests, and many at once do not slip past it.
#[actix_web::test]
async fn v14_parallel_guesses_are_counted_and_stopped() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let guesses = join_all((0..200).map(|_| people::sign_in(&app, &anna, "a stranger guesses"))).await;
    let tried = guesses.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(tried, 1, "of 200 guesses one is looked at");
    assert!(guesses.iter().all(|answer| [401, 429, 503].contains(&answer.status)));
    let counted = app.sql("SELECT failures FROM auth_failures").await;
    assert_eq!(counted[0]["failures"], tried);
}

#[actix_web::test]
async fn without_redis_attempts_are_still_limited_and_locked() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let mut limited = 0;
    for n in 0..70 {
        let answer = people::sign_in(&app, &address(&app, &format!("nobody{n}")), "not the password").await;
        limited += usize::from(answer.status == 429);
    }
    assert_eq!(limited, 10, "sixty attempts of one network pass in a minute");
    app.advance(TimeDelta::minutes(1));
    people::sign_in(&app, &address(&app, "nobody"), "not the password").await.expect(401);
    people::sign_in(&app, &address(&app, "nobody"), "not the password")
        .await
        .expect_problem(429, "too_many_attempts");
}

#[actix_web::test]
async fn without_redis_everything_else_goes_on() {
    let app = TestApp::<Auth>::builder().without_redis().start::<Auth>().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    app.post("/api/auth/logout").token(people::text(&body, "accessToken")).send().await.expect(204);
}

/// V23: a membership that is not active opens nothing, nor what was opened by it before.
#[actix_web::test]
async fn v23_a_suspended_account_or_member_has_no_rights() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    app.superuser().await.run("UPDATE memberships SET status = 'suspended'").await;
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(403, "not_a_member");
    people::profile(&app, people::text(&body, "accessToken")).await.expect(401);
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(401);
    app.superuser()
        .await
        .run("UPDATE memberships SET status = 'active'; UPDATE users SET status = 'suspended'")
        .await;
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(403, "account_suspended");
    people::sign_in(&app, &address(&app, "anna"), "not the password")
        .await
        .expect_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn a_password_hashed_under_older_parameters_is_hashed_again_at_sign_in() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let parameters = argon2::Params::new(64, 1, 1, None).unwrap();
    let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters);
    let older = hasher.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap().to_string();
    app.superuser().await.run(&format!("UPDATE users SET password_phc = '{older}'")).await;
    let body = people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200).body;
    let rows = app.sql("SELECT password_phc FROM users").await;
    assert!(rows[0]["password_phc"].as_str().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
    let rehashed = trail::entry(trail::by_service("auth"), "user", people::text(&body["user"], "userId"));
    assert_eq!(trail::told(&app, "account.password_rehashed").await, [rehashed], "once");
}
