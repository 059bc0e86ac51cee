//! Signing in: alike for everybody who guesses, and slower each time.

use argon2::PasswordHasher as _;
use auth::Auth;
use aws_lc_rs::hmac;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD, address};

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

/// V14: the count is in the database, whatever becomes of the requests, and many at once do not slip past it.
#[actix_web::test]
async fn v14_parallel_guesses_are_counted_and_stopped() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let guesses = join_all((0..200).map(|_| people::sign_in(&app, &anna, "a stranger guesses"))).await;
    let tried = guesses.iter().filter(|answer| answer.status == 401).count();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!((1..=cores).contains(&tried), "{tried} guesses of 200 were looked at");
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

#[actix_web::test]
async fn a_suspended_account_or_member_has_no_rights() {
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

const TOTP_SECRET: &[u8] = b"12345678901234567890";

/// Gives everybody a confirmed authenticator app with that secret, as enrolment would.
pub async fn enrol(app: &TestApp<Auth>) {
    let id = "01920000-0000-7000-8000-00000000abcd";
    let sealed = app.service().sealing.seal(&format!("user_factor:{id}"), TOTP_SECRET).expect("sealed");
    let enrol = format!(
        "INSERT INTO user_factors (realm_id, user_id, id, kind, secret_sealed, confirmed_at, created_at)
         SELECT realm_id, id, '{id}', 'totp', '{sealed}', created_at, created_at FROM users"
    );
    app.superuser().await.run(&enrol).await;
}

/// What the app shows now (RFC 4226 section 5.3).
pub fn shown_code(app: &TestApp<Auth>) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOTP_SECRET);
    let tag = hmac::sign(&key, &(app.clock.now().timestamp() / 30).to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 0x0f);
    let bytes = std::array::from_fn(|n| tag.as_ref()[offset + n]);
    format!("{:06}", (u32::from_be_bytes(bytes) & 0x7fff_ffff) % 1_000_000)
}

pub async fn second_step(app: &TestApp<Auth>, token: &str, code: &str) -> Answer {
    app.post("/api/auth/signin/mfa").json(&json!({ "mfaToken": token, "code": code })).send().await
}

#[actix_web::test]
async fn somebody_with_a_second_factor_is_asked_for_it_and_both_together_open_a_session() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    enrol(&app).await;
    let body = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    assert_eq!((&body["mfaRequired"], &body["methods"]), (&json!(true), &json!(["totp"])));
    assert!(body.get("accessToken").is_none());
    let token = people::text(&body, "mfaToken");
    second_step(&app, token, "000000").await.expect_problem(401, "second_factor_refused");
    let answer = second_step(&app, token, &shown_code(&app)).await.expect(200);
    people::profile(&app, &answer.text("accessToken")).await.expect(200);
    people::refresh(&app, &answer.text("refreshToken")).await.expect(200);
    assert_eq!(app.sql("SELECT amr, acr FROM sessions").await[0], json!({ "amr": "pwd otp", "acr": "aal2" }));
}

/// V14: one code opens one session, and codes are not guessed in parallel.
#[actix_web::test]
async fn v14_a_code_works_once_and_a_token_takes_few_codes() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    enrol(&app).await;
    let first = people::sign_in(&app, &anna, PASSWORD).await.expect(200).text("mfaToken");
    let second = people::sign_in(&app, &anna, PASSWORD).await.expect(200).text("mfaToken");
    let code = shown_code(&app);
    second_step(&app, &first, &code).await.expect(200);
    second_step(&app, &first, &code).await.expect(401);
    second_step(&app, &second, &code).await.expect_problem(401, "second_factor_refused");
    join_all((0..200).map(|n| {
        let (app, second) = (&app, &second);
        async move { second_step(app, second, &format!("{n:06}")).await.expect(401) }
    }))
    .await;
    app.advance(TimeDelta::seconds(30));
    second_step(&app, &second, &shown_code(&app)).await.expect(401);
    let tried =
        app.sql("SELECT max(attempts) AS most FROM one_time_tokens WHERE purpose = 'second_factor'").await;
    assert_eq!(tried[0]["most"], 5);
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
}

/// V15: the token between the two steps opens nothing else.
#[actix_web::test]
async fn v15_the_token_between_the_steps_is_good_for_nothing_else_and_not_for_long() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    enrol(&app).await;
    let token = people::sign_in(&app, &anna, PASSWORD).await.expect(200).text("mfaToken");
    people::profile(&app, &token).await.expect(401);
    people::verify(&app, &token).await.expect(410);
    people::refresh(&app, &token).await.expect(401);
    app.advance(TimeDelta::minutes(5));
    second_step(&app, &token, &shown_code(&app)).await.expect_problem(401, "second_factor_refused");
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 0);
}

#[actix_web::test]
async fn a_password_hashed_under_older_parameters_is_hashed_again_at_sign_in() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let parameters = argon2::Params::new(64, 1, 1, None).unwrap();
    let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters);
    let older = hasher.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap().to_string();
    app.superuser().await.run(&format!("UPDATE users SET password_phc = '{older}'")).await;
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
    let rows = app.sql("SELECT password_phc FROM users").await;
    assert!(rows[0]["password_phc"].as_str().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
}
